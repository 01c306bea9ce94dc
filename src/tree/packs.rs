//! Which packs there are and how much of each is still needed.

use std::collections::HashMap;

use crate::format::PackId;

use super::extents::PackSlot;

/// A pack that operations have named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackUse {
    /// The pack.
    pub id: PackId,
    /// Sealed bytes of its chunks that files still need.
    pub live_bytes: u64,
}

/// Packs by place and by id. A place is never given to another pack.
#[derive(Clone, Debug, Default)]
pub(super) struct PackTable {
    packs: Vec<PackUse>,
    by_id: HashMap<PackId, PackSlot>,
}

impl PackTable {
    /// The place of `id`, which it gets now if it has none yet.
    pub(super) fn slot(&mut self, id: PackId) -> PackSlot {
        *self.by_id.entry(id).or_insert_with(|| {
            let slot = u32::try_from(self.packs.len()).expect("2^32 packs are 64 PiB");
            self.packs.push(PackUse { id, live_bytes: 0 });
            PackSlot(slot)
        })
    }

    /// The pack at a place that [`Self::slot`] gave.
    pub(super) fn get(&self, slot: PackSlot) -> PackUse {
        self.packs[slot.0 as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PackUse> {
        self.packs.iter().copied()
    }

    pub(super) fn add(&mut self, slot: PackSlot, bytes: u64) {
        self.packs[slot.0 as usize].live_bytes += bytes;
    }

    pub(super) fn free(&mut self, slot: PackSlot, bytes: u64) {
        let live_bytes = &mut self.packs[slot.0 as usize].live_bytes;
        *live_bytes = live_bytes.saturating_sub(bytes);
    }
}
