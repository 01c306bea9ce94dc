//! Removes objects that no state within the history period needs (I7).

use std::time::Duration;

use crate::format::{LogKind, OpenedLog, Time, pack_path};
use crate::store::{StoreError, VaultListing, log_path};

use super::super::error::FsError;
use super::super::file_system::FileSystem;
use super::super::fold::durable_here;
use super::super::publish::Publisher;
use super::report::Collected;

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
        self.remove_unused_packs(listing, before, collected)?;
        self.remove_old_logs(publisher, listing, (history, before), collected)
    }

    fn remove_unused_packs(
        &self,
        listing: &VaultListing,
        before: Time,
        collected: &mut Collected,
    ) -> Result<(), FsError> {
        let unused: Vec<_> = {
            let live = self.read_live()?;
            let packs = live.tree.packs().filter(|pack| pack.live_bytes == 0);
            packs.filter_map(|pack| Some((pack.id, pack.unused_since?))).collect()
        };
        for (id, since) in unused {
            let Some(pack_bytes) = listing.packs.get(&id) else {
                self.write_live()?.tree.note_pack_removed(id);
                continue;
            };
            if since > before {
                collected.history_bytes += pack_bytes;
                continue;
            }
            // No file can come to need it again: a copy is made of what another file has.
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
        let checkpoints: Vec<OpenedLog> = listing
            .checkpoints
            .keys()
            .filter_map(|(device, seq)| {
                self.vault.get_log(&self.keys, LogKind::Checkpoint, *device, *seq).ok()
            })
            .filter(|log| log.operations().all(|operation| operation.is_ok()))
            .filter(|log| log.frontier.iter().all(|entry| publisher.has_seen(entry)))
            .collect();
        let age = |log: &&OpenedLog| (log.clock, log.device);
        let Some(newest) = checkpoints.iter().max_by_key(age) else { return Ok(()) };
        let durable = |log: &OpenedLog| {
            let path = log_path(log.kind, log.device, log.seq);
            durable_here(log.published, self.vault.arrived_secs(&path), Time::now())
        };
        let old = checkpoints.iter().filter(|log| durable(log) <= before);
        let old = old.filter(|log| history.is_zero() || age(log) < age(&newest));
        let Some(base) = old.max_by_key(age) else { return Ok(()) };
        let logs =
            listing.logs.iter().filter(|((device, seq), _)| base.frontier.seq(*device) >= *seq);
        let logs = logs.map(|(name, bytes)| (LogKind::Increment, *name, *bytes));
        let older =
            checkpoints.iter().filter(|log| (log.clock, log.device) < (base.clock, base.device));
        let older = older.map(|log| (LogKind::Checkpoint, (log.device, log.seq), log.object_bytes));
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
