//! Where a file's chunks are: which run of which pack, and how much of it counts.
//!
//! Knows chunk numbers and packs by their place in a table; reads and seals nothing.

use std::collections::BTreeMap;

use crate::format::{ChunkSize, RunShape};

/// A pack, as a place in the tree's table of packs: 4 bytes where an id takes 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackSlot(pub(super) u32);

/// Neighbouring chunks of a file that stand back to back in one pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first chunk, counted in the file.
    pub first_chunk: u64,
    /// Chunks, at least 1.
    pub count: u32,
    /// The pack.
    pub pack: PackSlot,
    /// Where in it the first chunk starts.
    pub pack_offset: u32,
    /// Content bytes of the last chunk, as sealed.
    pub tail_bytes: u32,
    /// How many of those count; what follows in the chunk reads as zeroes.
    pub visible_bytes: u32,
}

impl Extent {
    /// The chunk after the last.
    pub fn end_chunk(&self) -> u64 {
        self.first_chunk + u64::from(self.count)
    }

    /// Chunk count and tail, as sealed.
    pub fn shape(&self) -> RunShape {
        RunShape { count: self.count, tail_bytes: self.tail_bytes }
    }

    /// The part of it from `start` up to `end`, both within it, `start` below `end`.
    fn part(&self, start: u64, end: u64, chunk_size: ChunkSize) -> Self {
        let skipped = (start - self.first_chunk) as u32;
        let mut part = Self {
            first_chunk: start,
            count: (end - start) as u32,
            pack_offset: chunk_size.chunk_pack_offset(self.pack_offset.into(), skipped) as u32,
            ..*self
        };
        if end < self.end_chunk() {
            part.tail_bytes = chunk_size.field();
            part.visible_bytes = chunk_size.field();
        }
        part
    }

    /// Whether `next` goes on where this one ends, in the file and in the pack.
    fn is_continued_by(&self, next: &Self, chunk_size: ChunkSize) -> bool {
        self.end_chunk() == next.first_chunk
            && self.pack == next.pack
            && self.tail_bytes == chunk_size.field()
            && self.visible_bytes == chunk_size.field()
            && u64::from(self.pack_offset) + chunk_size.sealed_run_bytes(self.shape())
                == u64::from(next.pack_offset)
            && self.count.checked_add(next.count).is_some()
    }

    /// Bytes of the pack that it keeps alive.
    pub fn sealed_bytes(&self, chunk_size: ChunkSize) -> u64 {
        chunk_size.sealed_run_bytes(self.shape())
    }
}

/// The extents of one file, in the order of its chunks, no two overlapping. Most files have one,
/// which then takes no room of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extents {
    /// No chunk: an empty file, or one hole.
    #[default]
    None,
    /// One.
    One(Extent),
    /// Any number.
    Many(Box<ExtentMap>),
}

/// Extents by first chunk, and how many chunks they have in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtentMap {
    by_chunk: BTreeMap<u64, Extent>,
    chunks: u64,
}

impl Extents {
    /// Every extent that has a chunk in `start..end`, whole, in order.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = &Extent> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(extent) => (Some(extent), None),
            Self::Many(map) => {
                let before = map.by_chunk.range(..=start).next_back();
                let from = before.map_or(start, |(first, _)| *first);
                (None, (from < end).then(|| map.by_chunk.range(from..end)))
            }
        };
        one.into_iter()
            .chain(many.into_iter().flatten().map(|(_, extent)| extent))
            .filter(move |extent| extent.end_chunk() > start && extent.first_chunk < end)
    }

    /// Every extent, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.overlapping(0, u64::MAX)
    }

    /// Every extent in `start..end`, cut to it, in order.
    pub fn cut_to(
        &self,
        start: u64,
        end: u64,
        chunk_size: ChunkSize,
    ) -> impl Iterator<Item = Extent> {
        self.overlapping(start, end).map(move |extent| {
            extent.part(extent.first_chunk.max(start), extent.end_chunk().min(end), chunk_size)
        })
    }

    /// Makes a hole of `start..end`. `freed` is told of every part of a pack that this file
    /// needs no longer.
    pub fn remove(
        &mut self,
        start: u64,
        end: u64,
        chunk_size: ChunkSize,
        freed: &mut impl FnMut(PackSlot, u64),
    ) {
        if start >= end {
            return;
        }
        let hit: Vec<Extent> = self.overlapping(start, end).copied().collect();
        for extent in hit {
            self.take_out(extent.first_chunk);
            let keep_left = (extent.first_chunk < start)
                .then(|| extent.part(extent.first_chunk, start, chunk_size));
            let keep_right = (extent.end_chunk() > end)
                .then(|| extent.part(end, extent.end_chunk(), chunk_size));
            let kept: u64 = [keep_left, keep_right]
                .into_iter()
                .flatten()
                .map(|part| {
                    self.put_in(part);
                    part.sealed_bytes(chunk_size)
                })
                .sum();
            freed(extent.pack, extent.sealed_bytes(chunk_size) - kept);
        }
    }

    /// Gives chunks new content; what stood there before is `freed`.
    pub fn insert(
        &mut self,
        mut extent: Extent,
        chunk_size: ChunkSize,
        freed: &mut impl FnMut(PackSlot, u64),
    ) {
        self.remove(extent.first_chunk, extent.end_chunk(), chunk_size, freed);
        if let Some(before) = extent.first_chunk.checked_sub(1) {
            let left = self.overlapping(before, before + 1).next().copied();
            if let Some(left) = left.filter(|left| left.is_continued_by(&extent, chunk_size)) {
                self.take_out(left.first_chunk);
                extent = Extent {
                    first_chunk: left.first_chunk,
                    pack_offset: left.pack_offset,
                    count: left.count + extent.count,
                    ..extent
                };
            }
        }
        self.put_in(extent);
    }

    /// Cuts everything from byte `size` on. The chunk that `size` is in keeps its sealed bytes,
    /// of which fewer count from now on.
    pub fn truncate(
        &mut self,
        size: u64,
        chunk_size: ChunkSize,
        freed: &mut impl FnMut(PackSlot, u64),
    ) {
        self.remove(chunk_size.count_for(size), u64::MAX, chunk_size, freed);
        let within = chunk_size.within(size) as u32;
        if within == 0 {
            return;
        }
        let last = chunk_size.index_of(size);
        let Some(extent) = self.overlapping(last, last + 1).next().copied() else { return };
        if extent.visible_bytes > within {
            self.take_out(extent.first_chunk);
            self.put_in(Extent { visible_bytes: within, ..extent });
        }
    }

    /// Whether every chunk stands where it does in `other`, and as much of it counts. Into how many
    /// extents they are cut does not matter: that hangs on what came before.
    pub fn are_like(&self, other: &Self, chunk_size: ChunkSize) -> bool {
        let joined = |extents: &Self| {
            let mut joined = Self::None;
            extents.iter().for_each(|extent| joined.insert(*extent, chunk_size, &mut |_, _| {}));
            joined
        };
        joined(self) == joined(other)
    }

    /// How many extents there are.
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(map) => map.by_chunk.len(),
        }
    }

    /// How many chunks have content.
    pub fn chunks(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::One(extent) => extent.count.into(),
            Self::Many(map) => map.chunks,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take_out(&mut self, first_chunk: u64) {
        match self {
            Self::None => {}
            Self::One(_) => *self = Self::None,
            Self::Many(map) => {
                if let Some(extent) = map.by_chunk.remove(&first_chunk) {
                    map.chunks -= u64::from(extent.count);
                }
                if map.by_chunk.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    fn put_in(&mut self, extent: Extent) {
        match self {
            Self::None => *self = Self::One(extent),
            Self::One(other) => {
                let chunks = u64::from(other.count) + u64::from(extent.count);
                let by_chunk = [*other, extent].map(|extent| (extent.first_chunk, extent)).into();
                *self = Self::Many(Box::new(ExtentMap { by_chunk, chunks }));
            }
            Self::Many(map) => {
                map.chunks += u64::from(extent.count);
                map.by_chunk.insert(extent.first_chunk, extent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHUNK: ChunkSize = ChunkSize::DEFAULT;

    /// For each chunk: pack, offset in it, sealed bytes, visible bytes.
    type Model = BTreeMap<u64, (u32, u64, u32, u32)>;

    fn model_of(extents: &Extents) -> Model {
        let mut model = Model::new();
        let mut next_free = 0;
        for extent in extents.iter() {
            assert!(extent.count > 0 && extent.first_chunk >= next_free);
            next_free = extent.end_chunk();
            for nth in 0..extent.count {
                let at = CHUNK.chunk_pack_offset(extent.pack_offset.into(), nth);
                let sealed = extent.shape().chunk_bytes(nth, CHUNK);
                let visible =
                    if nth + 1 == extent.count { extent.visible_bytes } else { CHUNK.field() };
                let chunk = extent.first_chunk + u64::from(nth);
                model.insert(chunk, (extent.pack.0, at, sealed, visible));
            }
        }
        model
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert { first: u64, count: u32, tail: u32, joined: bool },
        Remove { start: u64, count: u64 },
        Truncate { size: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..40u64, 1..12u32, 1..=4096u32, any::<bool>()).prop_map(
                |(first, count, tail, joined)| Step::Insert { first, count, tail, joined }
            ),
            (0..50u64, 0..20u64).prop_map(|(start, count)| Step::Remove { start, count }),
            (0..50 * 4096u64).prop_map(|size| Step::Truncate { size }),
        ]
    }

    proptest! {
        #[test]
        fn extents_hold_the_same_chunks_as_a_plain_map(steps in prop::collection::vec(step(), 1..60)) {
            let mut extents = Extents::default();
            let mut model = Model::new();
            let mut pack_end = 32u64;
            let mut live: i64 = 0;
            for step in steps {
                let mut freed = |_: PackSlot, bytes: u64| live -= bytes as i64;
                match step {
                    Step::Insert { first, count, tail, joined } => {
                        let tail = if joined { 4096 } else { tail };
                        let extent = Extent {
                            first_chunk: first, count, pack: PackSlot(0),
                            pack_offset: pack_end as u32, tail_bytes: tail, visible_bytes: tail,
                        };
                        extents.insert(extent, CHUNK, &mut freed);
                        live += extent.sealed_bytes(CHUNK) as i64;
                        for nth in 0..count {
                            let bytes = extent.shape().chunk_bytes(nth, CHUNK);
                            let at = CHUNK.chunk_pack_offset(pack_end, nth);
                            model.insert(first + u64::from(nth), (0, at, bytes, bytes));
                        }
                        pack_end += extent.sealed_bytes(CHUNK);
                    }
                    Step::Remove { start, count } => {
                        extents.remove(start, start + count, CHUNK, &mut freed);
                        model.retain(|chunk, _| *chunk < start || *chunk >= start + count);
                    }
                    Step::Truncate { size } => {
                        extents.truncate(size, CHUNK, &mut freed);
                        model.retain(|chunk, _| chunk * 4096 < size);
                        if let Some(last) = model.get_mut(&(size / 4096)) {
                            last.3 = last.3.min((size % 4096) as u32);
                        }
                    }
                }
                prop_assert_eq!(&model_of(&extents), &model);
                prop_assert_eq!(extents.chunks(), model.len() as u64);
                let held: u64 = extents.iter().map(|extent| extent.sealed_bytes(CHUNK)).sum();
                prop_assert_eq!(held as i64, live);
                for start in (0..50).step_by(7) {
                    let cut: Vec<_> = extents.cut_to(start, start + 5, CHUNK).collect();
                    let chunks: u64 = cut.iter().map(|extent| u64::from(extent.count)).sum();
                    prop_assert_eq!(chunks, model.range(start..start + 5).count() as u64);
                }
            }
        }
    }

    #[test]
    fn what_has_the_same_chunks_is_alike_however_it_is_cut() {
        let extent = |first_chunk: u64, count, visible_bytes| Extent {
            first_chunk,
            count,
            pack: PackSlot(0),
            pack_offset: 32 + (first_chunk * 4112) as u32,
            tail_bytes: 4096,
            visible_bytes,
        };
        let whole = Extents::One(extent(0, 4, 4096));
        // Nothing joins what is already there behind it.
        let mut cut = Extents::One(extent(2, 2, 4096));
        cut.insert(extent(0, 2, 4096), CHUNK, &mut |_, _| {});
        assert!(cut.len() == 2 && whole.are_like(&cut, CHUNK) && cut.are_like(&whole, CHUNK));
        for other in [Extents::One(extent(0, 4, 100)), Extents::One(extent(0, 3, 4096))] {
            assert!(!whole.are_like(&other, CHUNK) && !other.are_like(&whole, CHUNK));
        }
    }

    #[test]
    fn a_file_written_in_one_go_is_one_extent() {
        let mut extents = Extents::default();
        for piece in 0..100u64 {
            let extent = Extent {
                first_chunk: piece * 8,
                count: 8,
                pack: PackSlot(3),
                pack_offset: 32 + (piece * 8 * 4112) as u32,
                tail_bytes: 4096,
                visible_bytes: 4096,
            };
            extents.insert(extent, CHUNK, &mut |_, _| panic!("nothing was there"));
        }
        assert_eq!(extents.len(), 1);
    }
}
