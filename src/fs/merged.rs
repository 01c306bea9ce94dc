//! Log objects whose authors had not seen each other's: folding them by merging.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::format::{DeviceId, Ino, LogHash, LogKind, OpenedLog, Operation};
use crate::tree::{ApplyError, Author, Merge, Tree};

use super::fold::{FoldGap, Folded, Logs, durable_since, is_covered, packs_of};

/// What comes after some ground, in the order in which everybody applies it.
struct Window {
    logs: Vec<OpenedLog>,
    gaps: Vec<FoldGap>,
}

impl Logs<'_> {
    /// Folds what was not written in a row. The ground is the latest checkpoint that everything after
    /// it was written on, or nothing; so it does not matter which checkpoints there are.
    ///
    /// # Errors
    /// The log object whose operations did not fit.
    pub(super) fn merge(
        &self,
        refused: &BTreeMap<DeviceId, FoldGap>,
    ) -> Result<Folded, (DeviceId, FoldGap)> {
        let mut opened: BTreeMap<(DeviceId, u64), Option<OpenedLog>> = BTreeMap::new();
        let mut oldest: Option<Folded> = None;
        for ground in self.grounds() {
            let window = self.window(&ground, refused, &mut opened);
            let is_ground =
                window.logs.iter().all(|log| is_covered(&ground.frontier, &log.frontier));
            let is_nothing = ground.frontier.iter().next().is_none();
            if is_ground && (!is_nothing || window.gaps.is_empty() || oldest.is_none()) {
                return self.merge_onto(ground, window);
            }
            give_back(window, &mut opened);
            if !is_nothing {
                oldest = Some(ground);
            }
        }
        let ground = oldest.unwrap_or_else(|| Folded::empty(self.chunk_size));
        let window = self.window(&ground, refused, &mut opened);
        self.merge_onto(ground, window)
    }

    /// What comes after `ground` and can be had, with all that it was written on.
    fn window(
        &self,
        ground: &Folded,
        refused: &BTreeMap<DeviceId, FoldGap>,
        opened: &mut BTreeMap<(DeviceId, u64), Option<OpenedLog>>,
    ) -> Window {
        let mut window = Window { logs: Vec::new(), gaps: Vec::new() };
        let mut frontier = ground.frontier.clone();
        let mut ready: BTreeMap<DeviceId, OpenedLog> = BTreeMap::new();
        let mut stopped: BTreeSet<DeviceId> = BTreeSet::new();
        let mut hashes: HashMap<(DeviceId, u64), LogHash> =
            frontier.iter().map(|entry| ((entry.device, entry.seq), entry.hash)).collect();
        loop {
            for device in self.devices() {
                if stopped.contains(&device) || ready.contains_key(&device) {
                    continue;
                }
                let place = (device, frontier.seq(device) + 1);
                let next = match opened.get_mut(&place).and_then(Option::take) {
                    Some(log) => Ok(Some(log)),
                    None => self.next(device, &frontier, refused),
                };
                match next {
                    Ok(Some(log)) => {
                        ready.insert(device, log);
                    }
                    Ok(None) => {}
                    Err(gap) => {
                        stopped.insert(device);
                        window.gaps.push(gap);
                    }
                }
            }
            let next = ready
                .values()
                .filter(|log| is_covered(&log.frontier, &frontier))
                .min_by_key(|log| (log.clock, log.device))
                .map(|log| log.device);
            let Some(log) = next.and_then(|device| ready.remove(&device)) else { break };
            let (device, seq) = (log.device, log.seq);
            let is_other = log.frontier.iter().any(|entry| {
                let known = hashes.get(&(entry.device, entry.seq));
                known.is_some_and(|hash| *hash != entry.hash)
            });
            if is_other {
                stopped.insert(device);
                window.gaps.push(FoldGap::Replaced { device, seq });
                continue;
            }
            hashes.insert((device, seq), log.hash);
            frontier.advance(log.entry());
            window.logs.push(log);
        }
        if window.gaps.is_empty() {
            let gap = ready.values().find_map(|log| self.first_missing(&log.frontier, &frontier));
            window.gaps.extend(gap);
        }
        for log in ready.into_values() {
            opened.insert((log.device, log.seq), Some(log));
        }
        window
    }

    fn merge_onto(
        &self,
        mut ground: Folded,
        window: Window,
    ) -> Result<Folded, (DeviceId, FoldGap)> {
        let contested = contested(&window.logs);
        let tree = std::mem::replace(&mut ground.tree, Tree::new(self.chunk_size));
        let mut merge = Merge::new(tree, contested);
        let start = ground.frontier.clone();
        for log in &window.logs {
            let (device, seq) = (log.device, log.seq);
            let knew_all = is_covered(&ground.frontier, &log.frontier);
            merge.begin(Author {
                device,
                seq,
                seen: log.frontier.clone(),
                device_name: log.device_name.clone(),
                published: log.published,
                knew_ground: is_covered(&start, &log.frontier),
            });
            for operation in log.operations() {
                let applied = match &operation {
                    Ok(operation) => merge.apply(operation),
                    Err(_) => Err(ApplyError::BadField("an operation cannot be decoded")),
                };
                match applied {
                    // What others did has left no place for it.
                    Err(error) if !knew_all && operation.is_ok() => {
                        log::debug!(
                            "of what was done at the same time, one thing is left out: {error}"
                        );
                    }
                    Err(error) => return Err((device, FoldGap::Unfit { device, seq, error })),
                    Ok(()) => {}
                }
                if seq > self.seen.seq(device)
                    && let Ok(operation) = &operation
                {
                    ground.unseen.add(packs_of(operation));
                }
            }
            merge.tree_mut().note_unused_packs(|| durable_since(self.vault, log));
            ground.see(log);
            ground.bytes_since += log.operations_bytes();
            ground.frontier.advance(log.entry());
        }
        ground.tree = merge.finish();
        if let Some(last) = window.logs.last() {
            // What only versions needed that are not shown.
            ground.tree.note_unused_packs(|| durable_since(self.vault, last));
        }
        ground.gaps = window.gaps;
        Ok(ground)
    }

    /// States to start from, the latest first, and nothing in the end.
    fn grounds(&self) -> impl Iterator<Item = Folded> {
        let mut heads: Vec<(u64, DeviceId, u64)> = Vec::new();
        for (device, seq) in self.listing.log_names(LogKind::Checkpoint) {
            if let Ok((log, _)) = self.checkpoint(device, seq) {
                heads.push((log.clock, device, seq));
            }
        }
        heads.sort_unstable();
        let grounds = heads.into_iter().rev().filter_map(|(_, device, seq)| {
            let (log, copy) = self.checkpoint(device, seq).ok()?;
            self.at_checkpoint(&log, copy)
        });
        grounds.chain(std::iter::once_with(|| Folded::empty(self.chunk_size)))
    }
}

/// Keeps what a window has opened for the next one.
fn give_back(window: Window, opened: &mut BTreeMap<(DeviceId, u64), Option<OpenedLog>>) {
    for log in window.logs {
        opened.insert((log.device, log.seq), Some(log));
    }
}

/// Files that two log objects write to, neither of which knew of the other.
pub(super) fn contested(logs: &[OpenedLog]) -> HashSet<Ino> {
    let mut writers: HashMap<Ino, Vec<&OpenedLog>> = HashMap::new();
    let mut contested = HashSet::new();
    for log in logs {
        let written = log.operations().flatten().filter_map(|operation| match operation {
            Operation::Write { ino, .. }
            | Operation::Truncate { ino, .. }
            | Operation::Punch { ino, .. } => Some(ino),
            _ => None,
        });
        for ino in written.collect::<HashSet<_>>() {
            let before = writers.entry(ino).or_default();
            if before.iter().any(|other| !knew(log, other)) {
                contested.insert(ino);
            }
            before.push(log);
        }
    }
    contested
}

fn knew(log: &OpenedLog, other: &OpenedLog) -> bool {
    log.device == other.device || log.frontier.seq(other.device) >= other.seq
}
