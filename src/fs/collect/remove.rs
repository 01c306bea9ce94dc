//! Removes objects that no state within the history period needs (I7).

use std::time::Duration;

use crate::format::{DeviceId, Frontier, LogKind, OpenedLog, Time, pack_path};
use crate::store::{StoreError, VaultFolder, VaultListing, log_path};

use super::super::error::FsError;
use super::super::file_system::FileSystem;
use super::super::fold::durable_since;
use super::super::publish::Publisher;
use super::report::Collected;

/// What counts of a checkpoint here: its operations are long, and are let go of one by one.
#[derive(Debug)]
struct Base {
    name: (DeviceId, u64),
    /// Later ones are greater.
    age: (u64, DeviceId),
    frontier: Frontier,
    durable_since: Time,
    object_bytes: u64,
}

impl Base {
    fn of(vault: &VaultFolder, log: OpenedLog) -> Self {
        Self {
            name: (log.device, log.seq),
            age: (log.clock, log.device),
            durable_since: durable_since(vault, &log),
            object_bytes: log.object_bytes,
            frontier: log.frontier,
        }
    }
}

impl FileSystem {
    /// Removes what nothing has needed for the history period. Everything so far is published.
    ///
    /// # Errors
    /// [`FsError`]; what is removed is removed.
    pub(super) fn remove_unneeded(
        &self,
        publisher: &Publisher,
        listing: &VaultListing,
        history: Duration,
        collected: &mut Collected,
    ) -> Result<(), FsError> {
        let before = time_before(Time::now(), history);
        self.note_removed_packs(listing)?;
        self.remove_unused_packs(listing, before, collected)?;
        self.remove_old_logs(publisher, listing, (history, before), collected)
    }

    fn remove_unused_packs(
        &self,
        listing: &VaultListing,
        before: Time,
        collected: &mut Collected,
    ) -> Result<(), FsError> {
        let unused: Vec<_> = self.read_live()?.tree.unused_packs().collect();
        for (id, since) in unused {
            let Some(pack_bytes) = listing.packs.get(&id) else { continue };
            // Only iCloud Drive knows what becomes of a pack whose stub is removed.
            if listing.stubs.contains(&id) {
                continue;
            }
            if since > before {
                collected.history_bytes += pack_bytes;
                continue;
            }
            // No file can come to need it again: a copy is made of what another file has, and nothing
            // is brought back while this goes on.
            self.readers.close_moved(id);
            self.vault.remove(&pack_path(id)).map_err(disk_answer)?;
            self.write_live()?.tree.note_pack_removed(id);
            collected.removed_packs += 1;
            collected.freed_bytes += pack_bytes;
        }
        Ok(())
    }

    /// Removes the log objects and checkpoints that are older than a checkpoint which is itself at
    /// least as old as the history goes back. With a history it is never the newest: so there are
    /// two ways to the state, that checkpoint and all that came after it, and the newest one.
    fn remove_old_logs(
        &self,
        publisher: &Publisher,
        listing: &VaultListing,
        (history, before): (Duration, Time),
        collected: &mut Collected,
    ) -> Result<(), FsError> {
        // A copy may go as it came: it stands for nothing here.
        let vault = self.vault.as_named();
        let names = listing.checkpoints.keys();
        let checkpoints: Vec<Base> = names
            .filter_map(|(device, seq)| {
                let log = vault.get_log(&self.keys, LogKind::Checkpoint, *device, *seq).ok()?;
                let is_usable = log.operations().all(|operation| operation.is_ok())
                    && log.frontier.iter().all(|entry| publisher.has_seen(entry));
                is_usable.then(|| Base::of(&vault, log))
            })
            .collect();
        let Some(newest) = checkpoints.iter().map(|base| base.age).max() else { return Ok(()) };
        let old = checkpoints.iter().filter(|base| base.durable_since <= before);
        let old = old.filter(|base| history.is_zero() || base.age < newest);
        let Some(base) = old.max_by_key(|base| base.age) else { return Ok(()) };
        let logs =
            listing.logs.iter().filter(|((device, seq), _)| base.frontier.seq(*device) >= *seq);
        let logs = logs.map(|(name, bytes)| (LogKind::Increment, *name, *bytes));
        let older = checkpoints.iter().filter(|other| other.age < base.age);
        let older = older.map(|base| (LogKind::Checkpoint, base.name, base.object_bytes));
        for (kind, (device, seq), object_bytes) in logs.chain(older) {
            self.vault.remove(&log_path(kind, device, seq)).map_err(disk_answer)?;
            collected.removed_logs += 1;
            collected.freed_bytes += object_bytes;
        }
        Ok(())
    }
}

/// The point in time that lies `history` before `now`.
pub(in super::super) fn time_before(now: Time, history: Duration) -> Time {
    let back = i64::try_from(history.as_secs()).unwrap_or(i64::MAX);
    Time { secs: now.secs.saturating_sub(back), ..now }
}

fn disk_answer(error: StoreError) -> FsError {
    FsError::Disk(error.to_string())
}
