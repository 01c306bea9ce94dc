//! What other devices may not have seen yet. Whoever was away comes back with work that was done on what
//! it had seen: what that work is merged with, and the packs that it may share, stay until then (I7).

use std::collections::HashSet;

use crate::format::{DeviceId, Frontier, LogKind, PackId};
use crate::store::{VaultFolder, VaultListing};

use super::super::file_system::FileSystem;
use super::super::fold::{durable_since, fold, is_covered};
use super::super::publish::Publisher;

/// A device of which nothing has come for so long is not waited for any more: 90 days.
const FORGOTTEN_AFTER_SECS: i64 = 90 * 24 * 60 * 60;

/// What each other device that writes is known to have seen: that is what its last log object was
/// written on, and that log object.
#[derive(Debug, Default)]
pub(super) struct Others {
    seen: Vec<Frontier>,
}

impl Others {
    /// From the last log object of each of them. One that cannot be read counts as telling of nothing
    /// seen; one that is gone went when its device was not waited for any more.
    pub(super) fn of(
        files: &FileSystem,
        vault: &VaultFolder,
        listing: &VaultListing,
        publisher: &Publisher,
    ) -> Self {
        let others = publisher.frontier.iter().filter(|entry| {
            let is_there = listing.logs.contains_key(&(entry.device, entry.seq));
            entry.device != publisher.device && is_there
        });
        let last_logs = others
            .map(|entry| vault.get_log(&files.keys, LogKind::Increment, entry.device, entry.seq));
        let now = vault.now().secs;
        let seen = last_logs.filter_map(|log| {
            let Ok(log) = log else { return Some(Frontier::default()) };
            let heard = durable_since(vault, &log).secs;
            if now.saturating_sub(heard) > FORGOTTEN_AFTER_SECS {
                return None;
            }
            let mut seen = log.frontier.clone();
            seen.advance(log.entry());
            Some(seen)
        });
        Self { seen: seen.collect() }
    }

    /// How many of them are not known to have seen all of this.
    pub(super) fn without(&self, frontier: &Frontier) -> u64 {
        self.seen.iter().filter(|seen| !is_covered(frontier, seen)).count() as u64
    }

    /// Packs that files need in what some of them are known to have seen, so that work of theirs may
    /// share them; `None` where what they have seen cannot be told any more. `checkpoints` are those
    /// of `listing` with what they cover.
    pub(super) fn needed_packs<'a>(
        &self,
        files: &FileSystem,
        vault: &VaultFolder,
        listing: &VaultListing,
        checkpoints: impl Iterator<Item = ((DeviceId, u64), &'a Frontier)> + Clone,
    ) -> Option<HashSet<PackId>> {
        let mut needed = HashSet::new();
        for seen in &self.seen {
            let mut of_them = listing.clone();
            of_them.keep_logs(|device, seq| seen.seq(device) >= seq);
            let within = checkpoints.clone().filter(|(_, frontier)| is_covered(frontier, seen));
            let within: HashSet<_> = within.map(|(name, _)| name).collect();
            of_them.checkpoints.retain(|name, _| within.contains(name));
            let folded = fold(vault, &of_them, &files.keys, files.descriptor.chunk_size);
            if !folded.gaps.is_empty() || !is_covered(seen, &folded.frontier) {
                return None;
            }
            needed.extend(folded.tree.needed_packs());
        }
        Some(needed)
    }
}
