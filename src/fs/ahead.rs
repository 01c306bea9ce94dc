//! Reading ahead: what a long read is likely to be followed by.

use crate::format::{Ino, Run};

use super::live::Live;

/// Reads of this much are taken for parts of a longer one.
const BULK_BYTES: usize = 128 << 10;
/// How far ahead of such a read the next pack is looked for.
const NEAR_BYTES: u64 = 4 << 20;

/// The run behind a long read, if it is near, and in the vault. What follows in the same pack is
/// up to the pack's reader.
pub(super) fn next_run(live: &Live, ino: Ino, plain_offset: u64, bytes: usize) -> Option<Run> {
    if bytes < BULK_BYTES {
        return None;
    }
    let chunk_size = live.tree.chunk_size();
    let end_offset = plain_offset + bytes as u64;
    let end = chunk_size.count_for(end_offset);
    let near = chunk_size.count_for(end_offset.saturating_add(NEAR_BYTES));
    let mut extents = live.tree.extents(ino).ok()?.overlapping(end, near);
    let run = live.tree.run(extents.find(|extent| extent.first_chunk >= end)?);
    let staged = live.writing.as_ref().and_then(|writing| writing.stage.find(run.pack));
    staged.is_none().then_some(run)
}
