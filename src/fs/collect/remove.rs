//! Removes objects that no state within the history period needs (I7).

use std::time::Duration;

use crate::format::{LogKind, Time, pack_path};
use crate::store::{StoreError, VaultFolder, VaultListing, log_path};

use super::super::error::FsError;
use super::super::file_system::FileSystem;
use super::super::fold::is_covered;
use super::super::publish::Publisher;
use super::base::Base;
use super::kept::{Kept, LogName};
use super::others::Others;
use super::report::Collected;
use super::thin::EVERY_STATE_FOR;

/// What may go.
struct Rules<'a> {
    /// Whether there is any history at all.
    keeps_any: bool,
    /// What states before this moment needed, and no later ones, …
    before: Time,
    /// … and none of these either: neither other devices …
    others: &'a Others,
    checkpoints: &'a [Base],
    /// … nor states that are kept one a day.
    kept: Option<&'a Kept>,
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
        // A copy may go as it came: it stands for nothing here.
        let vault = self.vault.as_named();
        let vault = &vault;
        let checkpoints = self.checkpoints(vault, publisher, listing);
        // Who asks for no history at all asks for the room, whoever is away.
        let others = match history.is_zero() {
            true => Others::default(),
            false => Others::of(self, vault, listing, publisher, &checkpoints),
        };
        // What is kept of earlier days, a collection with a day's history would remove: nothing more
        // goes than with that, and less.
        let thinned = match history > EVERY_STATE_FOR {
            true => self.kept_one_a_day(vault, publisher, listing, history)?,
            false => None,
        };
        let (now, whole_for) = match &thinned {
            Some(kept) => (kept.now, EVERY_STATE_FOR),
            None => (vault.now(), history),
        };
        let rules = Rules {
            keeps_any: !history.is_zero(),
            before: time_before(now, whole_for),
            others: &others,
            checkpoints: &checkpoints,
            kept: thinned.as_ref(),
        };
        self.note_removed_packs(listing)?;
        let mut left = listing.clone();
        self.remove_unused_packs(vault, publisher, &mut left, &rules, collected)?;
        self.remove_old_logs(vault, publisher, &mut left, &rules, collected)?;
        if let Some(kept) = &thinned {
            collected.daily_states = kept.states.len() as u64;
            if left != *listing {
                let (_, whole_states) = self.has_kept(vault, publisher, &left, kept)?;
                collected.thinned_states = kept.whole_states.saturating_sub(whole_states);
            }
        }
        collected.history_log_bytes = self.history_log_bytes(&left);
        collected.waits_for_devices = others.without(&publisher.frontier);
        Ok(())
    }

    fn remove_unused_packs(
        &self,
        vault: &VaultFolder,
        publisher: &Publisher,
        listing: &mut VaultListing,
        rules: &Rules<'_>,
        collected: &mut Collected,
    ) -> Result<(), FsError> {
        let all = listing.clone();
        let unused: Vec<_> = self.read_live()?.tree.unused_packs().collect();
        let mut of_others = None;
        for (id, since) in unused {
            let Some(pack_bytes) = all.packs.get(&id) else { continue };
            // Only iCloud Drive knows what becomes of a pack whose stub is removed.
            if all.stubs.contains(&id) {
                continue;
            }
            let mut is_for_others = || {
                let (others, checkpoints) = (rules.others, rules.checkpoints);
                let of_others = of_others.get_or_insert_with(|| {
                    others.needed_packs(self, vault, &all, checkpoints, &publisher.frontier)
                });
                of_others.as_ref().is_none_or(|needed| needed.contains(&id))
            };
            let is_kept = rules.kept.is_some_and(|kept| kept.packs.contains(&id));
            if since > rules.before || is_kept || is_for_others() {
                collected.history_bytes += pack_bytes;
                continue;
            }
            // No file can come to need it again: a copy is made of what another file has, and nothing
            // is brought back while this goes on.
            self.readers.close_moved(id);
            self.vault.remove(&pack_path(id)).map_err(disk_answer)?;
            self.write_live()?.tree.note_pack_removed(id);
            listing.packs.remove(&id);
            collected.removed_packs += 1;
            collected.freed_bytes += pack_bytes;
        }
        Ok(())
    }

    /// Removes the log objects and checkpoints that are older than a checkpoint which is itself at
    /// least as old as the history goes back. With a history it is never the newest: so there are
    /// two ways to the state, that checkpoint and all that came after it, and the newest one.
    ///
    /// All that comes after that checkpoint was written on it, and whatever other devices will write
    /// is too, since they are known to have seen it: else what was done at the same time could not be
    /// merged any more (I3). Each device's last log object stays: by it others know what that one has
    /// seen, and where it is gone, that it has gone on.
    fn remove_old_logs(
        &self,
        vault: &VaultFolder,
        publisher: &Publisher,
        listing: &mut VaultListing,
        rules: &Rules<'_>,
        collected: &mut Collected,
    ) -> Result<(), FsError> {
        let checkpoints = rules.checkpoints;
        let Some(newest) = checkpoints.iter().map(|base| base.age).max() else { return Ok(()) };
        let old = checkpoints.iter().filter(|base| base.durable_since <= rules.before);
        let old = old.filter(|base| !rules.keeps_any || base.age < newest);
        let mut old: Vec<&Base> =
            old.filter(|base| rules.others.without(&base.frontier) == 0).collect();
        old.sort_by_key(|base| base.age);
        let base = old.into_iter().rev().find(|base| self.is_ground(vault, listing, base));
        let Some(base) = base else { return Ok(()) };
        let is_last = |device, seq| publisher.frontier.seq(device) == seq;
        let logs = listing.logs.iter().filter(|((device, seq), _)| {
            base.frontier.seq(*device) >= *seq && !is_last(*device, *seq)
        });
        let logs = logs.map(|(name, bytes)| ((LogKind::Increment, *name), *bytes));
        let older = checkpoints.iter().filter(|other| other.age < base.age);
        let older = older.map(|base| ((LogKind::Checkpoint, base.name), base.object_bytes));
        let mut old: Vec<(LogName, u64)> = logs.chain(older).collect();
        let mut left = listing.clone();
        if let Some(kept) = rules.kept {
            old.retain(|(name, _)| !kept.logs.contains(name));
            old.iter().for_each(|(name, _)| leave_out(&mut left, *name));
            if old.is_empty() {
                return Ok(());
            }
            if !self.has_kept(vault, publisher, &left, kept)?.0 {
                log::warn!("no log objects go: a state that is kept could not be had without them");
                return Ok(());
            }
        }
        for (name, object_bytes) in old {
            let (kind, (device, seq)) = name;
            self.vault.remove(&log_path(kind, device, seq)).map_err(disk_answer)?;
            leave_out(listing, name);
            collected.removed_logs += 1;
            collected.freed_bytes += object_bytes;
        }
        Ok(())
    }

    /// Whether all log objects that a checkpoint does not cover were written on it.
    fn is_ground(&self, vault: &VaultFolder, listing: &VaultListing, base: &Base) -> bool {
        let after = listing.logs.keys().filter(|(device, seq)| base.frontier.seq(*device) < *seq);
        let mut frontiers = after.map(|(device, seq)| {
            vault.get_log(&self.keys, LogKind::Increment, *device, *seq).map(|log| log.frontier)
        });
        frontiers.all(|written_on| {
            written_on.is_ok_and(|written_on| is_covered(&base.frontier, &written_on))
        })
    }
}

fn leave_out(listing: &mut VaultListing, (kind, name): LogName) {
    match kind {
        LogKind::Increment => listing.logs.remove(&name),
        LogKind::Checkpoint => listing.checkpoints.remove(&name),
    };
}

/// The point in time that lies `history` before `now`.
pub(in super::super) fn time_before(now: Time, history: Duration) -> Time {
    let back = i64::try_from(history.as_secs()).unwrap_or(i64::MAX);
    Time { secs: now.secs.saturating_sub(back), ..now }
}

fn disk_answer(error: StoreError) -> FsError {
    FsError::Disk(error.to_string())
}
