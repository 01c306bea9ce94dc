//! Log objects whose authors had not seen each other's: folding them by merging.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::format::{CheckpointAge, DeviceId, Ino, LogHash, LogKind, OpenedLog, Operation};
use crate::tree::{ApplyError, Author, Merge, Tree};

use super::fold::{FoldGap, Folded, Logs, durable_since, is_covered, packs_of};
use super::turns::{Opened, Turns};

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
        let mut opened = Opened::new();
        let mut oldest: Option<Folded> = None;
        for ground in self.grounds() {
            let window = self.window(&ground, refused, &mut opened);
            let is_ground =
                window.logs.iter().all(|log| is_covered(&ground.frontier, &log.frontier));
            let is_nothing = ground.frontier.iter().next().is_none();
            if is_ground && (!is_nothing || window.gaps.is_empty() || oldest.is_none()) {
                return self.merge_onto(ground, window);
            }
            opened.extend(window.logs.into_iter().map(|log| ((log.device, log.seq), log)));
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
        opened: &mut Opened,
    ) -> Window {
        let mut logs: Vec<OpenedLog> = Vec::new();
        let mut frontier = ground.frontier.clone();
        let mut hashes: HashMap<(DeviceId, u64), LogHash> =
            frontier.iter().map(|entry| ((entry.device, entry.seq), entry.hash)).collect();
        let mut turns = Turns::new(self, refused, std::mem::take(opened));
        while let Some(log) = turns.next(&frontier) {
            let is_other = log.frontier.iter().any(|entry| {
                let known = hashes.get(&(entry.device, entry.seq));
                known.is_some_and(|hash| *hash != entry.hash)
            });
            if is_other {
                turns.stop_at(&log);
                continue;
            }
            hashes.insert((log.device, log.seq), log.hash);
            frontier.advance(log.entry());
            logs.push(log);
        }
        let gaps;
        (gaps, *opened) = turns.end(&frontier);
        Window { logs, gaps }
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
            merge.begin(Author::of(log, is_covered(&start, &log.frontier)));
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

    /// States to start from, the latest first, and nothing in the end. The latest, which mostly will do,
    /// is read once; of the others no more than one is in memory.
    fn grounds(&self) -> impl Iterator<Item = Folded> {
        type Head = (CheckpointAge, DeviceId, u64);
        let mut heads: Vec<Head> = Vec::new();
        let mut latest: Option<(Head, OpenedLog, Option<String>)> = None;
        for (device, seq) in self.listing.log_names(LogKind::Checkpoint) {
            if let Ok((log, copy)) = self.checkpoint(device, seq) {
                let head = (log.checkpoint_age(), device, seq);
                heads.push(head);
                if latest.as_ref().is_none_or(|(latest, ..)| *latest < head) {
                    latest = Some((head, log, copy));
                }
            }
        }
        heads.sort_unstable();
        heads.pop();
        let latest = latest.into_iter().filter_map(|(_, log, copy)| self.at_checkpoint(&log, copy));
        let earlier = heads.into_iter().rev().filter_map(|(_, device, seq)| {
            let (log, copy) = self.checkpoint(device, seq).ok()?;
            self.at_checkpoint(&log, copy)
        });
        latest.chain(earlier).chain(std::iter::once_with(|| Folded::empty(self.chunk_size)))
    }
}

/// Files that two log objects write to, neither of which knew of the other.
pub(super) fn contested(logs: &[OpenedLog]) -> HashSet<Ino> {
    let mut writers: HashMap<Ino, Vec<usize>> = HashMap::new();
    let mut contested = HashSet::new();
    let authors: Vec<Author> = logs.iter().map(|log| Author::of(log, true)).collect();
    for (nth, log) in logs.iter().enumerate() {
        let written = log.operations().flatten().filter_map(|operation| match operation {
            Operation::Write { ino, .. }
            | Operation::Truncate { ino, .. }
            | Operation::Punch { ino, .. } => Some(ino),
            _ => None,
        });
        for ino in written.collect::<HashSet<_>>() {
            let before = writers.entry(ino).or_default();
            if before.iter().any(|other| !authors[nth].knew(&authors[*other])) {
                contested.insert(ino);
            }
            before.push(nth);
        }
    }
    contested
}
