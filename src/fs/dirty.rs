//! What has been written to a file and is not yet in a pack or not yet an operation.

use std::collections::BTreeMap;

use super::sync::Instant;

/// A chunk that has been written to; all of it is here, whatever the pack holds.
#[derive(Debug)]
pub(super) struct DirtyChunk {
    /// A whole chunk; zeroes behind the file's end.
    pub(super) bytes: Box<[u8]>,
    /// The journal holds exactly this.
    pub(super) journaled: bool,
}

/// Disjoint ranges of chunk numbers.
#[derive(Debug, Default)]
pub(super) struct ChunkRanges(BTreeMap<u64, u64>);

impl ChunkRanges {
    /// Adds `start..end`.
    pub(super) fn add(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((s, e)) = self.0.range(..=end).next_back().map(|(s, e)| (*s, *e)) {
            if e < start {
                break;
            }
            self.0.remove(&s);
            start = start.min(s);
            end = end.max(e);
        }
        self.0.insert(start, end);
    }

    /// The ranges in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }
}

/// What is pending of one file. All of it becomes operations at once, in one record of the
/// journal, so that the file's content comes back from a crash as it was at one moment (I5).
#[derive(Debug)]
pub(super) struct DirtyFile {
    /// Content that is in no pack.
    pub(super) chunks: BTreeMap<u64, DirtyChunk>,
    /// Chunks whose place in the tree no operation tells yet: sealed, or punched.
    pub(super) touched: ChunkRanges,
    /// The smallest size that the file had since its last operation, if it shrank.
    pub(super) cut: Option<u64>,
    /// When the oldest change came that no operation tells yet.
    pub(super) changed: Option<Instant>,
}

impl DirtyFile {
    pub(super) fn new() -> Self {
        Self { chunks: BTreeMap::new(), touched: ChunkRanges::default(), cut: None, changed: None }
    }

    /// Takes note of a change.
    pub(super) fn note_change(&mut self) {
        self.changed.get_or_insert_with(Instant::now);
    }

    /// Bytes of content in chunks that the journal does not hold.
    pub(super) fn unjournaled_bytes(&self) -> usize {
        self.chunks.values().filter(|chunk| !chunk.journaled).map(|chunk| chunk.bytes.len()).sum()
    }

    /// Whether nothing is pending and no content is held.
    pub(super) fn is_idle(&self) -> bool {
        self.chunks.is_empty() && self.changed.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_what_was_added_and_never_touch(
            adds in prop::collection::vec((0..60u64, 0..10u64), 0..40)
        ) {
            let mut ranges = ChunkRanges::default();
            let mut model = [false; 80];
            for (start, count) in adds {
                ranges.add(start, start + count);
                (start..start + count).for_each(|chunk| model[chunk as usize] = true);
            }
            let mut seen = [false; 80];
            let mut last_end = None;
            for (start, end) in ranges.iter() {
                prop_assert!(start < end && last_end.is_none_or(|last| last < start));
                (start..end).for_each(|chunk| seen[chunk as usize] = true);
                last_end = Some(end);
            }
            prop_assert_eq!(seen, model);
        }
    }
}
