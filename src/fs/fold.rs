//! Log objects to tree: the longest complete prefix of what all devices did (I3, design section 7).

use std::collections::{BTreeMap, HashSet};

use crate::crypto::ClassKeys;
use crate::format::{
    ChunkSize, DeviceId, Frontier, FrontierEntry, LogKind, ObjectName, OpenedLog, Operation,
    PackId, Time, log_name,
};
use crate::store::{StoreError, VaultFolder, VaultListing, log_path};
use crate::tree::{ApplyError, Tree};

use super::arriving::Unseen;
use super::recover::runs_of;
use super::turns::{Opened, Turns};

/// Something that keeps the fold from being the whole state.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FoldGap {
    /// Log objects that others build on are not there.
    #[error("log object {} is missing", names_of(*.device, *.seq, *.last))]
    Missing {
        /// Whose.
        device: DeviceId,
        /// The number of the first.
        seq: u64,
        /// The number of the last before one that is there, or is built on.
        last: u64,
    },
    /// A log object is there and cannot be used.
    #[error("{error}")]
    Unreadable {
        /// Whose.
        device: DeviceId,
        /// Its number.
        seq: u64,
        /// What is wrong.
        error: StoreError,
        /// It may be that it has come in part only.
        is_cut_short: bool,
    },
    /// A log object is authentic, but not the one that others built on.
    #[error("log object {} has been replaced by another version of itself",
        log_name(LogKind::Increment, *.device, *.seq))]
    Replaced {
        /// Whose.
        device: DeviceId,
        /// Its number.
        seq: u64,
    },
    /// A log object's operations do not fit the state that it was written for.
    #[error("log object {} does not fit: {error}", log_name(LogKind::Increment, *.device, *.seq))]
    Unfit {
        /// Whose.
        device: DeviceId,
        /// Its number.
        seq: u64,
        /// What does not fit.
        error: ApplyError,
    },
}

/// One log object, or a row of them, in words.
pub(super) fn names_of(device: DeviceId, first: u64, last: u64) -> String {
    let name = |seq| log_name(LogKind::Increment, device, seq);
    match first == last {
        true => name(first),
        false => format!("{} up to {}", name(first), name(last)),
    }
}

/// A device whose log objects were seen.
#[derive(Clone, Debug)]
pub struct DeviceSeen {
    /// What its owner calls it.
    pub name: String,
    /// Its last log object.
    pub last_seq: u64,
    /// When that was published, by its own clock.
    pub last_seen: Time,
}

/// The state that a set of log objects stands for.
#[derive(Debug)]
pub struct Folded {
    /// The state.
    pub tree: Tree,
    /// What it covers.
    pub frontier: Frontier,
    /// The highest Lamport clock in it.
    pub clock: u64,
    /// What is not in it, and why; empty where it is everything.
    pub gaps: Vec<FoldGap>,
    /// Every device, this one included.
    pub devices: BTreeMap<DeviceId, DeviceSeen>,
    /// Bytes of operations in the checkpoint that the fold started from.
    pub checkpoint_bytes: u64,
    /// Bytes of operations since.
    pub bytes_since: u64,
    /// Packs that were told of only after what this device had seen before.
    pub(super) unseen: Unseen,
}

impl Folded {
    /// Nothing.
    pub(super) fn empty(chunk_size: ChunkSize) -> Self {
        Self {
            tree: Tree::new(chunk_size),
            frontier: Frontier::default(),
            clock: 0,
            gaps: Vec::new(),
            devices: BTreeMap::new(),
            checkpoint_bytes: 0,
            bytes_since: 0,
            unseen: Unseen::default(),
        }
    }

    /// Why a log object that only a newer program can read is not in it.
    pub(super) fn newer(&self) -> Option<&StoreError> {
        self.gaps.iter().find_map(|gap| match gap {
            FoldGap::Unreadable { error, .. } if error.is_newer() => Some(error),
            _ => None,
        })
    }

    pub(super) fn see(&mut self, log: &OpenedLog) {
        let seen = DeviceSeen {
            name: log.device_name.clone(),
            last_seq: log.seq,
            last_seen: log.published,
        };
        self.devices.insert(log.device, seen);
        self.clock = self.clock.max(log.clock);
    }

    /// Applies the operations of a log object of `vault`; those of one that is new to this device
    /// (`is_unseen`) may name packs that are, too.
    fn apply(
        &mut self,
        vault: &VaultFolder,
        log: &OpenedLog,
        is_unseen: bool,
    ) -> Result<(), ApplyError> {
        for operation in log.operations() {
            let operation =
                operation.map_err(|_| ApplyError::BadField("an operation cannot be decoded"))?;
            if is_unseen {
                self.unseen.add(packs_of(&operation));
            }
            if let Some(gone) = self.tree.apply(&operation)? {
                self.tree.forget(gone);
            }
        }
        self.tree.note_unused_packs(|| durable_since(vault, log));
        Ok(())
    }
}

/// The packs that an operation puts content from.
pub(super) fn packs_of(operation: &Operation<'_>) -> impl Iterator<Item = PackId> {
    runs_of(operation).iter().map(|run| run.pack).collect::<HashSet<_>>().into_iter()
}

/// Folds the log objects of `listing`, from the latest checkpoint on. What cannot be had becomes
/// a gap, not an error: the state without it is still worth having.
pub fn fold(
    vault: &VaultFolder,
    listing: &VaultListing,
    keys: &ClassKeys,
    chunk_size: ChunkSize,
) -> Folded {
    fold_beyond(&Frontier::default(), vault, listing, keys, chunk_size)
}

/// Like [`fold`], and tells which packs were named beyond what this device has `seen`.
pub(super) fn fold_beyond(
    seen: &Frontier,
    vault: &VaultFolder,
    listing: &VaultListing,
    keys: &ClassKeys,
    chunk_size: ChunkSize,
) -> Folded {
    Logs { vault, listing, keys, chunk_size, seen }.fold()
}

/// Why a fold has to begin anew.
enum Stop {
    /// A log object does not fit, of which something was applied.
    Unfit(DeviceId, FoldGap),
    /// One was written by somebody who had not seen all that comes before it.
    Concurrent,
}

/// A vault's log objects, to be folded.
pub(super) struct Logs<'a> {
    pub(super) vault: &'a VaultFolder,
    pub(super) listing: &'a VaultListing,
    pub(super) keys: &'a ClassKeys,
    pub(super) chunk_size: ChunkSize,
    /// What this device has seen before.
    pub(super) seen: &'a Frontier,
}

impl Logs<'_> {
    /// Folds, again and again without the log objects that turn out not to fit: of one that does
    /// not, nothing may stay.
    fn fold(&self) -> Folded {
        let mut refused: BTreeMap<DeviceId, FoldGap> = BTreeMap::new();
        let mut in_a_row = true;
        loop {
            let folded = match in_a_row {
                true => {
                    let start = self.latest_checkpoint();
                    let start = start.unwrap_or_else(|| Folded::empty(self.chunk_size));
                    self.fold_from(start, &refused)
                }
                false => self.merge(&refused).map_err(|(device, gap)| Stop::Unfit(device, gap)),
            };
            match folded {
                Ok(folded) => return folded,
                Err(Stop::Concurrent) => in_a_row = false,
                Err(Stop::Unfit(device, gap)) => {
                    refused.insert(device, gap);
                }
            }
        }
    }

    /// Folds from `folded` on, but of the devices in `refused` nothing from their gap on.
    ///
    /// # Errors
    /// [`Stop`].
    fn fold_from(
        &self,
        mut folded: Folded,
        refused: &BTreeMap<DeviceId, FoldGap>,
    ) -> Result<Folded, Stop> {
        let mut turns = Turns::new(self, refused, Opened::new());
        while let Some(log) = turns.next(&folded.frontier) {
            let (device, seq) = (log.device, log.seq);
            if !is_covered(&folded.frontier, &log.frontier) {
                return Err(Stop::Concurrent);
            }
            if log.frontier != folded.frontier {
                turns.stop_at(&log);
                continue;
            }
            let is_unseen = seq > self.seen.seq(device);
            if let Err(error) = folded.apply(self.vault, &log, is_unseen) {
                return Err(Stop::Unfit(device, FoldGap::Unfit { device, seq, error }));
            }
            folded.see(&log);
            folded.bytes_since += log.operations_bytes();
            folded.frontier.advance(log.entry());
        }
        folded.gaps = turns.end(&folded.frontier).0;
        Ok(folded)
    }

    /// The first gap that keeps what was written on `needed` from following `frontier`.
    pub(super) fn first_missing(&self, needed: &Frontier, frontier: &Frontier) -> Option<FoldGap> {
        let entry = first_unmet(needed, frontier)?;
        let (device, last) = (entry.device, entry.seq);
        Some(FoldGap::Missing { device, seq: frontier.seq(device) + 1, last })
    }

    /// The state at the latest checkpoint that can be used. One that cannot is no gap: the log
    /// objects that it stands for may all be there.
    fn latest_checkpoint(&self) -> Option<Folded> {
        let mut newest: BTreeMap<DeviceId, (OpenedLog, Option<String>)> = BTreeMap::new();
        for (device, seq) in self.listing.log_names(LogKind::Checkpoint).into_iter().rev() {
            if newest.contains_key(&device) {
                continue;
            }
            match self.checkpoint(device, seq) {
                Ok(found) => {
                    newest.insert(device, found);
                }
                // Nothing but a name says that there ever was one.
                Err(StoreError::Missing(_)) => {}
                Err(error) => log::warn!("a checkpoint cannot be used: {error}"),
            }
        }
        let mut candidates: Vec<(OpenedLog, Option<String>)> = newest.into_values().collect();
        candidates.sort_by_key(|(log, _)| log.checkpoint_age());
        while let Some((log, copy)) = candidates.pop() {
            if let Some(folded) = self.at_checkpoint(&log, copy) {
                return Some(folded);
            }
        }
        None
    }

    /// The state that a checkpoint holds, if it does; `copy` is where it was read from, if not under its
    /// own name.
    pub(super) fn at_checkpoint(&self, log: &OpenedLog, copy: Option<String>) -> Option<Folded> {
        let mut folded = Folded::empty(self.chunk_size);
        if !is_covered(&log.frontier, self.seen) {
            folded.unseen = Unseen::All;
        }
        match folded.apply(self.vault, log, false) {
            Ok(()) => {
                if let Some(path) = copy {
                    let object = ObjectName::Log(LogKind::Checkpoint, log.device, log.seq);
                    self.vault.read_from(&object, &path);
                }
                folded.see(log);
                folded.frontier = log.frontier.clone();
                folded.checkpoint_bytes = log.operations_bytes();
                Some(folded)
            }
            Err(error) => {
                let name = log_name(LogKind::Checkpoint, log.device, log.seq);
                log::warn!("the checkpoint {name} does not fit: {error}");
                None
            }
        }
    }
}

/// Since when a log object has been durable in this vault folder, as far as can be told: when it
/// was made, by a clock that may be wrong or long before it got here; not before it arrived, nor
/// after now.
pub(super) fn durable_since(vault: &VaultFolder, log: &OpenedLog) -> Time {
    durable_here_since(vault, &log_path(log.kind, log.device, log.seq), log.published)
}

/// The same of a log object that has this path and was made at `published`.
pub(super) fn durable_here_since(vault: &VaultFolder, path: &str, published: Time) -> Time {
    durable_here(published, vault.arrived_secs(path), vault.now())
}

fn durable_here(published: Time, arrived_secs: Option<i64>, now: Time) -> Time {
    let made = published.min(now);
    arrived_secs.map_or(made, |secs| made.max(Time { secs, nanos: 0 }))
}

/// Whether everything in `inner` is in `outer`.
pub(super) fn is_covered(inner: &Frontier, outer: &Frontier) -> bool {
    first_unmet(inner, outer).is_none()
}

pub(super) fn first_unmet(inner: &Frontier, outer: &Frontier) -> Option<FrontierEntry> {
    inner.iter().find(|entry| outer.seq(entry.device) < entry.seq).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_object_is_durable_here_no_earlier_than_it_came_and_no_later_than_now() {
        let at = |secs| Time { secs, nanos: 0 };
        assert_eq!(durable_here(at(50), None, at(90)), at(50));
        assert_eq!(durable_here(at(50), Some(70), at(90)), at(70));
        assert_eq!(durable_here(at(50), Some(40), at(90)), at(50));
        assert_eq!(durable_here(at(5000), Some(70), at(90)), at(90));
    }
}
