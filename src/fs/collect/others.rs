//! What other devices may not have seen yet. Whoever was away comes back with work that was done on what
//! it had seen: what that work is merged with, and the packs that it may share, stay until then (I7).

use std::collections::HashSet;

use crate::crypto::ClassKeys;
use crate::format::{DeviceId, Frontier, FrontierEntry, LogKind, PackId};
use crate::store::{VaultFolder, VaultListing, log_path};

use super::super::file_system::FileSystem;
use super::super::fold::{durable_since, fold, is_covered, packs_of};
use super::super::publish::Publisher;
use super::base::Base;

/// A device of which nothing has come for so long is not waited for any more: 90 days.
const FORGOTTEN_AFTER_SECS: i64 = 90 * 24 * 60 * 60;

/// What each other device that writes is known to have seen: that is what its last log object was
/// written on, and that log object.
#[derive(Debug, Default)]
pub(super) struct Others {
    seen: Vec<Frontier>,
    /// Those of which that is not known.
    unknown: u64,
}

impl Others {
    /// From the last log object of each of them. Of a device whose last one cannot be read it is not known
    /// what it has seen. Nor where that is gone: no device removes another's last one, so its own has gone
    /// on, and that has not arrived.
    pub(super) fn of(
        files: &FileSystem,
        vault: &VaultFolder,
        listing: &VaultListing,
        publisher: &Publisher,
        checkpoints: &[Base],
    ) -> Self {
        let mut others = Self::default();
        let now = vault.now().secs;
        let is_forgotten = |heard_secs| now.saturating_sub(heard_secs) > FORGOTTEN_AFTER_SECS;
        for entry in publisher.frontier.iter().filter(|entry| entry.device != publisher.device) {
            let (device, seq) = (entry.device, entry.seq);
            let is_there = listing.logs.contains_key(&(device, seq));
            let log = is_there.then(|| vault.get_log(&files.keys, LogKind::Increment, device, seq));
            match log {
                Some(Ok(log)) if is_forgotten(durable_since(vault, &log).secs) => {}
                Some(Ok(log)) => {
                    let mut seen = log.frontier.clone();
                    seen.advance(log.entry());
                    others.seen.push(seen);
                }
                _ => {
                    let heard = heard_before(vault, entry, is_there, checkpoints);
                    others.unknown += u64::from(!heard.is_some_and(is_forgotten));
                }
            }
        }
        others
    }

    /// How many of them are not known to have seen all of this.
    pub(super) fn without(&self, frontier: &Frontier) -> u64 {
        let lacking = self.seen.iter().filter(|seen| !is_covered(frontier, seen));
        self.unknown + lacking.count() as u64
    }

    /// Packs that files need in what some of them are known to have seen, or may have seen since, of all up to
    /// `frontier`: work of theirs may share those. `None` where it cannot be told any more.
    /// `checkpoints` are those of `listing`.
    pub(super) fn needed_packs(
        &self,
        files: &FileSystem,
        vault: &VaultFolder,
        listing: &VaultListing,
        checkpoints: &[Base],
        frontier: &Frontier,
    ) -> Option<HashSet<PackId>> {
        if self.unknown > 0 {
            return None;
        }
        let mut needed = HashSet::new();
        for seen in &self.seen {
            let mut of_them = listing.clone();
            of_them.keep_logs(|device, seq| seen.seq(device) >= seq);
            let within = checkpoints.iter().filter(|base| is_covered(&base.frontier, seen));
            let within: HashSet<_> = within.map(|base| base.name).collect();
            of_them.checkpoints.retain(|name, _| within.contains(name));
            let folded = fold(vault, &of_them, &files.keys, files.descriptor.chunk_size);
            if !folded.gaps.is_empty() || !is_covered(seen, &folded.frontier) {
                return None;
            }
            needed.extend(folded.tree.needed_packs());
        }
        let since = |device| self.seen.iter().map(|seen| seen.seq(device)).min();
        for entry in frontier.iter() {
            for seq in since(entry.device).unwrap_or(entry.seq)..entry.seq {
                needed.extend(packs_of_log(&files.keys, vault, entry.device, seq + 1)?);
            }
        }
        Some(needed)
    }
}

/// A time before which something of a device has come last, if its last log object is not to be read.
fn heard_before(
    vault: &VaultFolder,
    entry: &FrontierEntry,
    is_there: bool,
    checkpoints: &[Base],
) -> Option<i64> {
    let path = log_path(LogKind::Increment, entry.device, entry.seq);
    let arrived = is_there.then(|| vault.arrived_secs(&path)).flatten();
    let holding = checkpoints.iter().filter(|base| base.frontier.seq(entry.device) >= entry.seq);
    holding.map(|base| base.durable_since.secs).chain(arrived).min()
}

/// The packs that a log object puts content from; `None` if it is not there, or cannot be read.
fn packs_of_log(
    keys: &ClassKeys,
    vault: &VaultFolder,
    device: DeviceId,
    seq: u64,
) -> Option<HashSet<PackId>> {
    let log = vault.get_log(keys, LogKind::Increment, device, seq).ok()?;
    let mut packs = HashSet::new();
    for operation in log.operations() {
        packs.extend(packs_of(&operation.ok()?));
    }
    Some(packs)
}
