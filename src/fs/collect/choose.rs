//! Which packs are worth writing anew. Decides by numbers alone.

use crate::format::{PACK_TARGET_BYTES, PackId};

/// A pack smaller than this is small.
const SMALL_BYTES: u64 = PACK_TARGET_BYTES / 2;
/// Small packs stay while there are no more of them than this.
const SMALL_PACKS_MAX: usize = 6;
/// So many stay when the smallest of more are made one.
const SMALL_PACKS_LEFT: usize = 3;
/// Packs may hold so many per cent of what is needed of them in all …
const TOTAL_PERCENT_MAX: u64 = 115;
/// … and one of which more than this is needed is not worth it.
const NEEDED_PERCENT_MAX: u64 = 85;

/// A pack that somebody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeededPack {
    pub(super) id: PackId,
    /// Its length.
    pub(super) pack_bytes: u64,
    /// Bytes of all its chunks.
    pub(super) chunk_bytes: u64,
    /// Bytes of those that are needed.
    pub(super) needed_bytes: u64,
}

impl NeededPack {
    fn dead_bytes(&self) -> u64 {
        self.chunk_bytes.saturating_sub(self.needed_bytes)
    }
}

/// The packs to write anew: those with the largest dead share until little is dead in all, and the
/// smallest of many small ones. No byte is written that does not let go of one.
pub(super) fn packs_to_rewrite(packs: &[NeededPack]) -> Vec<PackId> {
    let mut chosen = half_dead(packs);
    let mut small: Vec<&NeededPack> = packs
        .iter()
        .filter(|pack| pack.pack_bytes < SMALL_BYTES && !chosen.contains(&pack.id))
        .collect();
    if small.len() > SMALL_PACKS_MAX {
        small.sort_by_key(|pack| (pack.pack_bytes, pack.id));
        let merged = small.len() - SMALL_PACKS_LEFT;
        chosen.extend(small[..merged].iter().map(|pack| pack.id));
    }
    chosen
}

fn half_dead(packs: &[NeededPack]) -> Vec<PackId> {
    let needed: u64 = packs.iter().map(|pack| pack.needed_bytes).sum();
    let mut dead: u64 = packs.iter().map(NeededPack::dead_bytes).sum();
    let dead_max = needed * (TOTAL_PERCENT_MAX - 100) / 100;
    let mut by_share: Vec<&NeededPack> = packs
        .iter()
        .filter(|pack| pack.needed_bytes * 100 <= pack.chunk_bytes * NEEDED_PERCENT_MAX)
        .collect();
    // The least needed share first, without dividing.
    by_share.sort_by(|a, b| {
        let (left, right) = (a.needed_bytes * b.chunk_bytes, b.needed_bytes * a.chunk_bytes);
        left.cmp(&right).then(a.id.cmp(&b.id))
    });
    let mut chosen = Vec::new();
    for pack in by_share {
        if dead <= dead_max {
            break;
        }
        dead -= pack.dead_bytes();
        chosen.push(pack.id);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::ObjectId;

    fn pack(nth: usize, chunk_bytes: u64, needed_bytes: u64) -> NeededPack {
        let id = ObjectId([nth as u8; 16]);
        NeededPack { id, pack_bytes: chunk_bytes + 100, chunk_bytes, needed_bytes }
    }

    fn packs(needed_percents: &[u64]) -> Vec<NeededPack> {
        let full = PACK_TARGET_BYTES - 100;
        let packs = needed_percents.iter().enumerate();
        packs.map(|(nth, percent)| pack(nth, full, full / 100 * percent)).collect()
    }

    #[test]
    fn what_is_mostly_needed_stays() {
        assert!(packs_to_rewrite(&packs(&[100, 95, 90])).is_empty());
        assert!(packs_to_rewrite(&packs(&[100; 50])).is_empty());
        assert!(packs_to_rewrite(&[]).is_empty());
    }

    #[test]
    fn the_deadest_go_first_and_no_more_than_is_worth_it() {
        let packs = packs(&[100, 10, 70, 100, 40]);
        assert_eq!(packs_to_rewrite(&packs), [packs[1].id, packs[4].id]);
    }

    #[test]
    fn many_small_packs_become_one_and_few_stay() {
        let few: Vec<_> = (0..SMALL_PACKS_MAX).map(|nth| pack(nth, 1000, 1000)).collect();
        assert!(packs_to_rewrite(&few).is_empty());
        let many: Vec<_> = (0..9).map(|nth| pack(nth, 1000 + nth as u64, 1000)).collect();
        let merged: Vec<_> = many[..6].iter().map(|pack| pack.id).collect();
        assert_eq!(packs_to_rewrite(&many), merged);
    }

    proptest! {
        #[test]
        fn afterwards_little_is_dead_whatever_there_was(
            percents in prop::collection::vec(1..=100u64, 1..40)
        ) {
            let packs = packs(&percents);
            let chosen = packs_to_rewrite(&packs);
            let needed: u64 = packs.iter().map(|pack| pack.needed_bytes).sum();
            let kept = packs.iter().filter(|pack| !chosen.contains(&pack.id));
            let kept: u64 = kept.map(|pack| pack.chunk_bytes).sum();
            let anew = packs.iter().filter(|pack| chosen.contains(&pack.id));
            let anew: u64 = anew.map(|pack| pack.needed_bytes).sum();
            // 1 / 0.85 at the worst, where every pack is just above what is worth it.
            prop_assert!((kept + anew) * 100 <= needed * 118);
        }
    }
}
