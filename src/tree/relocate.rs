//! Content that moves from one pack to another, and packs that nobody needs any more.

use crate::format::{PackId, Run, Time};

use super::extents::Extent;
use super::folder::InodeSlot;
use super::inode::{Body, Inode};
use super::state::Tree;

impl Tree {
    /// Takes note, after a log object, of the packs that no file needs since then. `since` is asked
    /// only if there are any.
    pub fn note_unused_packs(&mut self, since: impl FnOnce() -> Time) {
        self.packs.note_all_unused(since);
    }

    /// The packs that no file needs, and since when.
    pub fn unused_packs(&self) -> impl Iterator<Item = (PackId, Time)> {
        self.packs.iter().filter_map(|pack| Some((pack.id, pack.unused_since?)))
    }

    /// Whether an operation has named a pack.
    pub fn knows_pack(&self, pack: PackId) -> bool {
        self.packs.knows(pack)
    }

    /// Takes note that the log object made at `made` is in the vault only since `durable`.
    pub fn put_off_unused_packs(&mut self, made: Time, durable: Time) {
        self.packs.put_off_unused(made, durable);
    }

    /// Takes note that a pack that no file needs is no longer in the vault.
    pub fn note_pack_removed(&mut self, pack: PackId) {
        self.packs.note_removed(pack);
    }

    /// Names `run` for those of its chunks that stand in `from_pack`, from `from_offset` on.
    pub(super) fn move_content(
        &mut self,
        slot: InodeSlot,
        (from_pack, from_offset): (PackId, u32),
        run: &Run,
    ) {
        let (old_pack, new_pack) = (self.packs.slot(from_pack), self.packs.slot(run.pack));
        let Self { inodes, packs, chunk_size, .. } = self;
        let Some(Inode { body: Body::File(extents), .. }) = &mut inodes[slot.0 as usize] else {
            return;
        };
        let end = run.first_chunk + u64::from(run.count);
        let moved: Vec<Extent> = extents
            .cut_to(run.first_chunk, end, *chunk_size)
            .filter_map(|old| {
                let nth = (old.first_chunk - run.first_chunk) as u32;
                let at = chunk_size.chunk_pack_offset(from_offset.into(), nth);
                let is_last = old.end_chunk() == end;
                let tail_bytes = if is_last { run.tail_bytes } else { chunk_size.field() };
                let is_it = old.pack == old_pack && u64::from(old.pack_offset) == at;
                let pack_offset = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth) as u32;
                (is_it && old.tail_bytes == tail_bytes).then_some(Extent {
                    pack: new_pack,
                    pack_offset,
                    ..old
                })
            })
            .collect();
        for extent in moved {
            packs.add(new_pack, extent.sealed_bytes(*chunk_size));
            extents.insert(extent, *chunk_size, &mut |pack, bytes| packs.free(pack, bytes));
        }
    }
}
