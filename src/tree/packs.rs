//! Which packs there are and how much of each is still needed.

use std::collections::HashMap;

use crate::format::{PackId, Time};

use super::extents::PackSlot;

/// A pack that operations have named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackUse {
    /// The pack.
    pub id: PackId,
    /// Sealed bytes of its chunks that files still need; what several files share counts for each.
    pub live_bytes: u64,
    /// When the log object was made since which no file needs it.
    pub unused_since: Option<Time>,
}

/// Packs by place and by id. A place is never given to another pack.
#[derive(Clone, Debug, Default)]
pub(super) struct PackTable {
    packs: Vec<PackUse>,
    /// Packs that nobody needed at some moment since the last [`Self::note_all_unused`].
    let_go: Vec<PackSlot>,
    by_id: HashMap<PackId, PackSlot>,
}

impl PackTable {
    /// The place of `id`, which it gets now if it has none yet.
    pub(super) fn slot(&mut self, id: PackId) -> PackSlot {
        *self.by_id.entry(id).or_insert_with(|| {
            let slot = u32::try_from(self.packs.len()).expect("2^32 packs are 64 PiB");
            self.packs.push(PackUse { id, live_bytes: 0, unused_since: None });
            self.let_go.push(PackSlot(slot));
            PackSlot(slot)
        })
    }

    /// Whether a pack has a place.
    pub(super) fn knows(&self, id: PackId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// The pack at a place that [`Self::slot`] gave.
    pub(super) fn get(&self, slot: PackSlot) -> PackUse {
        self.packs[slot.0 as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PackUse> {
        self.packs.iter().copied()
    }

    pub(super) fn add(&mut self, slot: PackSlot, bytes: u64) {
        let pack = &mut self.packs[slot.0 as usize];
        pack.live_bytes += bytes;
        pack.unused_since = None;
    }

    /// Takes note that no file needs a pack, unless one does.
    pub(super) fn note_unused(&mut self, id: PackId, since: Time) {
        let slot = self.slot(id);
        let pack = &mut self.packs[slot.0 as usize];
        if pack.live_bytes == 0 {
            pack.unused_since.get_or_insert(since);
        }
    }

    /// Of packs unused since `made`, takes note that they are so since `durable`.
    pub(super) fn put_off_unused(&mut self, made: Time, durable: Time) {
        for pack in self.packs.iter_mut().filter(|pack| pack.unused_since == Some(made)) {
            pack.unused_since = Some(durable);
        }
    }

    /// Takes note that a pack that no file needs is no longer in the vault.
    pub(super) fn note_removed(&mut self, id: PackId) {
        let slot = self.slot(id);
        let pack = &mut self.packs[slot.0 as usize];
        if pack.live_bytes == 0 {
            pack.unused_since = None;
            self.let_go.retain(|let_go| *let_go != slot);
        }
    }

    /// Takes note of every pack that no file has come to need again since it was let go of. `since` is
    /// asked only if there is one.
    pub(super) fn note_all_unused(&mut self, since: impl FnOnce() -> Time) {
        let Self { packs, let_go, .. } = self;
        let_go.retain(|slot| packs[slot.0 as usize].live_bytes == 0);
        if let_go.is_empty() {
            return;
        }
        let since = since();
        for slot in let_go.drain(..) {
            packs[slot.0 as usize].unused_since.get_or_insert(since);
        }
    }

    /// Takes over since when packs are unused.
    pub(super) fn match_unused(&mut self, other: &Self) {
        for theirs in &other.packs {
            let slot = self.slot(theirs.id);
            let pack = &mut self.packs[slot.0 as usize];
            if pack.live_bytes == 0 {
                pack.unused_since = theirs.unused_since;
            }
        }
        // What was let go of by it is either unused there, or known to nobody there.
        self.let_go.clear();
    }

    pub(super) fn free(&mut self, slot: PackSlot, bytes: u64) {
        let live_bytes = &mut self.packs[slot.0 as usize].live_bytes;
        *live_bytes = live_bytes.saturating_sub(bytes);
        if *live_bytes == 0 {
            self.let_go.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ObjectId;

    #[test]
    fn a_pack_is_unused_since_the_first_log_object_that_was_durable_without_it() {
        let at = |secs| Time { secs, nanos: 0 };
        let mut table = PackTable::default();
        let unused = |table: &PackTable, id| table.get(table.by_id[&id]).unused_since;
        let [pack, other] = [1, 2].map(|nth| ObjectId([nth; 16]));
        let slot = table.slot(pack);
        table.add(slot, 100);
        table.note_unused(pack, at(5));
        assert_eq!(unused(&table, pack), None, "somebody needs it");
        table.free(slot, 100);
        table.note_all_unused(|| at(10));
        table.note_all_unused(|| at(20));
        assert_eq!(unused(&table, pack), Some(at(10)));
        table.slot(other);
        table.note_all_unused(|| at(30));
        table.put_off_unused(at(10), at(99));
        assert_eq!((unused(&table, pack), unused(&table, other)), (Some(at(99)), Some(at(30))));
        table.note_removed(pack);
        table.note_all_unused(|| at(100));
        assert_eq!(unused(&table, pack), None, "it is gone");
        table.add(slot, 1);
        table.free(slot, 1);
        table.note_all_unused(|| at(110));
        assert_eq!(unused(&table, pack), Some(at(110)));
    }
}
