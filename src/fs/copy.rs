//! Copying within the vault: where chunks of both files lie alike, the copy names the packs' runs
//! that the original has, and takes no room.

use crate::format::{ChunkSize, Ino, Time};

use super::error::FsError;
use super::file_system::FileSystem;
use super::live::Live;
use super::writing::{drop_capabilities, note_file_change, punch};

/// What one call shares at most, so that nobody waits long for the lock.
const SHARED_BYTES_MAX: u64 = 1 << 30;
/// What one call copies byte by byte at most.
const COPIED_BYTES_MAX: u64 = 1 << 20;

/// A range of one file that is to be another's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRange {
    /// The file to read.
    pub from: Ino,
    /// Where in it.
    pub from_offset: u64,
    /// The file to write; it may be the same one.
    pub to: Ino,
    /// Where in it.
    pub to_offset: u64,
    /// How much.
    pub bytes: u64,
}

impl CopyRange {
    /// The range, or its first `bytes` bytes.
    fn up_to(&self, bytes: u64) -> Self {
        Self { bytes: self.bytes.min(bytes), ..*self }
    }

    /// The range less its first `done` bytes.
    fn rest(&self, done: u64) -> Self {
        Self {
            from_offset: self.from_offset + done,
            to_offset: self.to_offset + done,
            bytes: self.bytes - done,
            ..*self
        }
    }
}

impl FileSystem {
    /// Copies up to `range.bytes` bytes (`copy_file_range(2)`) and gives how many: fewer where the
    /// original ends, and where going on would hold up others. Holes stay holes.
    ///
    /// # Errors
    /// [`FsError::Invalid`] for ranges of one file that overlap; [`FsError::TooLarge`];
    /// [`FsError::NoSpace`]; [`FsError::Damaged`] for an original that cannot be read. The copy is
    /// then as after an error of [`Self::write`].
    pub fn copy_range(&self, range: CopyRange) -> Result<u64, FsError> {
        let mut live = self.write_live()?;
        let live = &mut *live;
        live.writing()?;
        live.tree.extents(range.to)?;
        live.tree.extents(range.from)?;
        let from_bytes = live.tree.attributes(range.from)?.size;
        let bytes = range.bytes.min(from_bytes.saturating_sub(range.from_offset));
        if bytes == 0 {
            return Ok(0);
        }
        check_ends(&range, bytes)?;
        let chunk_size = live.tree.chunk_size();
        let range = CopyRange { bytes, ..range };
        let within = chunk_size.within(range.from_offset);
        if within != chunk_size.within(range.to_offset) {
            return self.copy_bytes(live, &range.up_to(COPIED_BYTES_MAX));
        }
        let to_boundary = (chunk_size.bytes() - within) % chunk_size.bytes();
        let mut done = 0;
        if to_boundary > 0 {
            done = self.copy_bytes(live, &range.up_to(to_boundary as u64))?;
        }
        let rest = range.rest(done);
        let shared = match self.share(live, &rest.up_to(SHARED_BYTES_MAX), from_bytes) {
            Err(error) if done == 0 => return Err(error),
            shared => shared.unwrap_or(0),
        };
        done += shared;
        // What is left over is less than a chunk, or for the next call.
        let rest = rest.rest(shared);
        if rest.bytes > 0 && rest.bytes < chunk_size.bytes() as u64 {
            match self.copy_bytes(live, &rest) {
                Err(error) if done == 0 => return Err(error),
                copied => done += copied.unwrap_or(0),
            }
        }
        Ok(done)
    }

    /// Copies by reading and writing.
    fn copy_bytes(&self, live: &mut Live, range: &CopyRange) -> Result<u64, FsError> {
        let mut content = vec![0; range.bytes as usize];
        self.read_locked(live, range.from, range.from_offset, &mut content)?;
        self.write_locked(live, range.to, range.to_offset, &content)?;
        Ok(range.bytes)
    }

    /// Gives `to` the runs that `from` has, for the whole chunks of a range that starts at a
    /// chunk's start in both files; and for a last one in part, if both files end with it. Gives
    /// how many bytes that were.
    fn share(&self, live: &mut Live, range: &CopyRange, from_bytes: u64) -> Result<u64, FsError> {
        let chunk_size = live.tree.chunk_size();
        let CopyRange { from, to, from_offset, to_offset, bytes } = *range;
        let to_bytes = live.tree.attributes(to)?.size;
        let ends_both = from_offset + bytes == from_bytes && to_offset + bytes >= to_bytes;
        let part = if ends_both { 0 } else { chunk_size.within(bytes) as u64 };
        let shared = bytes - part;
        if shared == 0 {
            return Ok(0);
        }
        let first = chunk_size.index_of(from_offset);
        let end = first + chunk_size.count_for(shared);
        live.seal_pending_in(from, first, end)?;
        let runs = live.tree.runs(from, first, end)?;
        let to_first = chunk_size.index_of(to_offset);
        let to_end = to_first + (end - first);
        let now = Time::now();
        drop_capabilities(live, to, now)?;
        // The size first: it says how much of the last chunk counts.
        live.tree.set_live_size(to, to_bytes.max(to_offset + shared), now)?;
        punch(live, to, to_first, to_end, now)?;
        for mut run in runs {
            run.first_chunk = run.first_chunk - first + to_first;
            live.tree.put_live_run(to, &run)?;
        }
        note_file_change(live, to);
        Ok(shared)
    }
}

/// Checks that the copy ends where a file can, and does not overwrite what it reads.
fn check_ends(range: &CopyRange, bytes: u64) -> Result<(), FsError> {
    let CopyRange { from, from_offset, to, to_offset, .. } = *range;
    let to_end = to_offset.checked_add(bytes).ok_or(FsError::TooLarge)?;
    if to_end > ChunkSize::FILE_BYTES_MAX {
        return Err(FsError::TooLarge);
    }
    if from == to && from_offset < to_end && to_offset < from_offset + bytes {
        return Err(FsError::Invalid("the two ranges of the file overlap"));
    }
    Ok(())
}
