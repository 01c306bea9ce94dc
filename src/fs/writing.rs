//! Writing: into pending chunks, or straight into a pack where whole chunks come in bulk.

use crate::format::{ChunkSize, Ino, Operation, Time};

use crate::format::mode::SET_IDS;

use super::dirty::DirtyChunk;
use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::live::{FlushTo, Live};
use super::types::AllocateMode;

/// Whole chunks of this much in one write go straight into a pack: sooner or later they must, and
/// so they are copied once less.
const BULK_BYTES: usize = 64 << 10;
/// Pending chunks of all files together; beyond it they go into packs.
const DIRTY_BYTES_MAX: usize = 32 << 20;

/// What a program may do beyond its user, as Linux keeps it.
const CAPABILITIES: &[u8] = b"security.capability";

impl FileSystem {
    /// Writes `data` at `plain_offset`, past the end too. The file loses its capabilities, and with
    /// `clear_set_ids` setuid and setgid, as POSIX asks when somebody without privilege writes.
    ///
    /// # Errors
    /// [`FsError::NoSpace`] before anything acknowledged is at risk; [`FsError::TooLarge`]. After
    /// an error the file is as long as before; a part of `data` may be in it up to there.
    pub fn write(
        &self,
        ino: Ino,
        plain_offset: u64,
        data: &[u8],
        clear_set_ids: bool,
    ) -> Result<(), FsError> {
        self.write_at(ino, data, clear_set_ids, |_| Ok(plain_offset)).map(drop)
    }

    /// Like [`Self::write`], for somebody who appends and takes `end` for the file's end. If another
    /// device has made it longer or shorter, `data` goes to where its end is. Tells where that was.
    ///
    /// # Errors
    /// [`Self::write`]'s.
    pub fn append(
        &self,
        ino: Ino,
        end: u64,
        data: &[u8],
        clear_set_ids: bool,
    ) -> Result<u64, FsError> {
        self.write_at(ino, data, clear_set_ids, |live| match live.resized_outside.contains(&ino) {
            true => Ok(live.tree.attributes(ino)?.size),
            false => Ok(end),
        })
    }

    /// Writes `data` at the place that is told once nothing changes any more, and gives that.
    fn write_at(
        &self,
        ino: Ino,
        data: &[u8],
        clear_set_ids: bool,
        place: impl FnOnce(&Live) -> Result<u64, FsError>,
    ) -> Result<u64, FsError> {
        if data.is_empty() {
            return place(&*self.read_live()?);
        }
        self.keep_pace()?;
        let mut live = self.write_live()?;
        let live = &mut *live;
        let plain_offset = place(live)?;
        let end = plain_offset.checked_add(data.len() as u64).ok_or(FsError::TooLarge)?;
        if end > ChunkSize::FILE_BYTES_MAX {
            return Err(FsError::TooLarge);
        }
        let result = self.write_locked(live, ino, plain_offset, data);
        if result.is_ok() {
            self.traffic.note_written(data.len() as u64);
        }
        self.ask_for_full_packs(live);
        if clear_set_ids {
            clear_set_id_bits(live, ino)?;
        }
        result.map(|()| plain_offset)
    }

    /// Lets whoever writes faster than the vault takes packs bring some there, before so much waits
    /// that nothing more is taken. A vault that takes nothing is not waited for.
    fn keep_pace(&self) -> Result<(), FsError> {
        let waiting_bytes = {
            let live = self.read_live()?;
            live.writing.as_ref().map_or(0, |writing| writing.stage.bytes())
        };
        if waiting_bytes > self.gauge.waiting_bytes_max() / 2
            && lock(&self.publisher).last_error.is_none()
            && let Err(error) = self.publish_full_packs()
        {
            log::debug!("full packs have to wait: {error}");
        }
        Ok(())
    }

    /// Writes `data`, which ends where a file can, for whoever holds the lock.
    pub(super) fn write_locked(
        &self,
        live: &mut Live,
        ino: Ino,
        plain_offset: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        let end = plain_offset + data.len() as u64;
        self.take_room(live, data.len() as u64)?;
        let before = live.tree.attributes(ino)?;
        let now = Time::now();
        // The size first: it says how much of the last chunk is sealed.
        live.tree.set_live_size(ino, before.size.max(end), now)?;
        let result = self.write_spans(live, ino, plain_offset, data);
        if result.is_err() && before.size < end {
            live.tree.set_live_size(ino, before.size, now)?;
            live.cut_pending(ino, before.size);
        }
        note_file_change(live, ino);
        drop_capabilities(live, ino, now)?;
        result
    }

    /// Takes setuid and setgid away, as POSIX asks when somebody without privilege changes
    /// content; tells whether there was any. [`Self::write`] does so by itself.
    ///
    /// # Errors
    /// [`FsError::NotFound`] or [`FsError::ReadOnly`].
    pub fn clear_set_ids(&self, ino: Ino) -> Result<bool, FsError> {
        clear_set_id_bits(&mut *self.write_live()?, ino)
    }

    /// Cuts or extends a file; what is added reads as zeroes.
    pub(super) fn resize(&self, live: &mut Live, ino: Ino, size: u64) -> Result<(), FsError> {
        live.writing()?;
        if size > ChunkSize::FILE_BYTES_MAX {
            return Err(FsError::TooLarge);
        }
        let before = live.tree.attributes(ino)?.size;
        let now = Time::now();
        drop_capabilities(live, ino, now)?;
        live.tree.set_live_size(ino, size, now)?;
        if size < before {
            live.cut_pending(ino, size);
        }
        if size < before {
            let file = live.dirty_file(ino);
            file.cut = Some(file.cut.map_or(size, |cut| cut.min(size)));
        }
        note_file_change(live, ino);
        if !live.open.contains_key(&ino) {
            live.prepare(ino, FlushTo::Pack)?;
        }
        Ok(())
    }

    /// Makes room, holes or zeroes, as `fallocate(2)` does. Room is not set aside on disk: a
    /// later write can still find it full.
    ///
    /// # Errors
    /// [`FsError::TooLarge`], [`FsError::Invalid`] for an empty range.
    pub fn allocate(
        &self,
        ino: Ino,
        mode: AllocateMode,
        plain_offset: u64,
        bytes: u64,
    ) -> Result<(), FsError> {
        if bytes == 0 {
            return Err(FsError::Invalid("an empty range"));
        }
        let end = plain_offset.checked_add(bytes).ok_or(FsError::TooLarge)?;
        if end > ChunkSize::FILE_BYTES_MAX {
            return Err(FsError::TooLarge);
        }
        let mut live = self.write_live()?;
        let live = &mut *live;
        live.writing()?;
        let size = live.tree.attributes(ino)?.size;
        live.tree.extents(ino)?;
        let grows = matches!(mode, AllocateMode::Extend | AllocateMode::ZeroRange) && end > size;
        if grows {
            self.resize(live, ino, end)?;
        }
        let zeroes = !matches!(mode, AllocateMode::Extend | AllocateMode::KeepSize);
        if zeroes && plain_offset < size {
            self.make_hole(live, ino, plain_offset, end.min(size))?;
        }
        Ok(())
    }

    /// Makes zeroes of `start..end`, which is within the file: whole chunks become a hole.
    fn make_hole(&self, live: &mut Live, ino: Ino, start: u64, end: u64) -> Result<(), FsError> {
        let chunk_size = live.tree.chunk_size();
        let size = live.tree.attributes(ino)?.size;
        let hole_start = chunk_size.count_for(start);
        // A last, short chunk that the range reaches the end of is a whole one.
        let hole_end =
            if end == size { chunk_size.count_for(end) } else { chunk_size.index_of(end) };
        // Only the first and the last chunk can be in the range in part. Both are read before
        // anything changes: either may be damaged.
        let mut edges = vec![chunk_size.index_of(start), chunk_size.index_of(end - 1)];
        edges.dedup();
        edges.retain(|chunk_index| !(hole_start..hole_end).contains(chunk_index));
        let mut changed = Vec::new();
        for chunk_index in edges {
            let chunk_start = chunk_size.start_of(chunk_index);
            let mut bytes = self.chunk_for_change(live, ino, chunk_index)?;
            let from = start.saturating_sub(chunk_start) as usize;
            let to = (end - chunk_start).min(bytes.len() as u64) as usize;
            bytes[from..to].fill(0);
            changed.push((chunk_index, DirtyChunk { bytes, journaled: false }));
        }
        for (chunk_index, chunk) in changed {
            live.put_dirty_chunk(ino, chunk_index, chunk);
        }
        let now = Time::now();
        if hole_start < hole_end {
            punch(live, ino, hole_start, hole_end, now)?;
        }
        live.tree.set_live_size(ino, size, now)?;
        note_file_change(live, ino);
        Ok(())
    }

    fn write_spans(
        &self,
        live: &mut Live,
        ino: Ino,
        plain_offset: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        let chunk_size = live.tree.chunk_size();
        let head = match chunk_size.within(plain_offset) {
            0 => 0,
            within => (chunk_size.bytes() - within).min(data.len()),
        };
        let (head, rest) = data.split_at(head);
        let bulk = rest.len() - rest.len() % chunk_size.bytes();
        let (bulk, tail) = if bulk >= BULK_BYTES { rest.split_at(bulk) } else { (&[][..], rest) };
        let bulk_offset = plain_offset + head.len() as u64;
        self.write_pending(live, ino, plain_offset, head)?;
        if !bulk.is_empty() {
            let first = chunk_size.index_of(bulk_offset);
            // Full chunks that lead up to these go first, so that a file written in order stands
            // in order in its pack and is one extent.
            let start = leading_chunks(live, ino, first);
            live.seal_pending_in(ino, start, first)?;
            live.seal(ino, first, bulk)?;
        }
        self.write_pending(live, ino, bulk_offset + bulk.len() as u64, tail)?;
        if live.dirty_bytes > DIRTY_BYTES_MAX {
            live.seal_pending(ino)?;
            if live.dirty_bytes > DIRTY_BYTES_MAX {
                for other in live.pending_files() {
                    live.seal_pending(other)?;
                }
            }
        }
        Ok(())
    }

    fn write_pending(
        &self,
        live: &mut Live,
        ino: Ino,
        plain_offset: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        let chunk_size = live.tree.chunk_size();
        let mut rest = data;
        for span in chunk_size.spans(plain_offset, data.len() as u64) {
            let (now, later) = rest.split_at(span.bytes);
            rest = later;
            let pending =
                live.dirty.get_mut(&ino).and_then(|f| f.chunks.get_mut(&span.chunk_index));
            if let Some(chunk) = pending {
                chunk.bytes[span.start..span.start + span.bytes].copy_from_slice(now);
                chunk.journaled = false;
                continue;
            }
            let bytes = if span.bytes == chunk_size.bytes() {
                now.into()
            } else {
                let mut bytes = self.chunk_for_change(live, ino, span.chunk_index)?;
                bytes[span.start..span.start + span.bytes].copy_from_slice(now);
                bytes
            };
            live.put_dirty_chunk(ino, span.chunk_index, DirtyChunk { bytes, journaled: false });
        }
        Ok(())
    }

    /// A whole chunk as it is now, zeroes where there is nothing.
    fn chunk_for_change(
        &self,
        live: &mut Live,
        ino: Ino,
        chunk_index: u64,
    ) -> Result<Box<[u8]>, FsError> {
        let chunk_size = live.tree.chunk_size();
        let mut bytes = vec![0; chunk_size.bytes()].into_boxed_slice();
        let pending = live.dirty.get(&ino).and_then(|file| file.chunks.get(&chunk_index));
        let has_content = pending.is_some()
            || live.tree.extents(ino)?.overlapping(chunk_index, chunk_index + 1).next().is_some();
        if has_content {
            self.read_locked(live, ino, chunk_size.start_of(chunk_index), &mut bytes)?;
        }
        Ok(bytes)
    }

    pub(super) fn take_room(&self, live: &mut Live, bytes: u64) -> Result<(), FsError> {
        let writing = live.writing()?;
        let unpublished_bytes = writing.stage.bytes() + writing.log.len() as u64;
        self.gauge.take(bytes, unpublished_bytes, live.dirty_bytes as u64)
    }
}

/// The first of the full pending chunks that lead up to `chunk_index` without a gap.
fn leading_chunks(live: &Live, ino: Ino, chunk_index: u64) -> u64 {
    let Some(file) = live.dirty.get(&ino) else { return chunk_index };
    let before = file.chunks.range(..chunk_index).rev();
    let leading = before.zip(1..).take_while(|((index, _), back)| **index + back == chunk_index);
    chunk_index - leading.count() as u64
}

/// Takes setuid and setgid away; tells whether there was any.
fn clear_set_id_bits(live: &mut Live, ino: Ino) -> Result<bool, FsError> {
    let mode = live.tree.attributes(ino)?.mode;
    if mode & SET_IDS == 0 {
        return Ok(false);
    }
    let operation = Operation::SetAttr {
        ino,
        mode: Some(mode & !SET_IDS),
        uid: None,
        gid: None,
        atime: None,
        mtime: None,
        ctime: Time::now(),
    };
    live.perform_on(ino, &operation)?;
    Ok(true)
}

/// Makes a hole of chunks `start..end`, pending ones included.
pub(super) fn punch(
    live: &mut Live,
    ino: Ino,
    start: u64,
    end: u64,
    now: Time,
) -> Result<(), FsError> {
    live.drop_dirty_chunks(ino, start, end);
    let punch = Operation::Punch { ino, first_chunk: start, count: end - start, time: now };
    // Told with the file's next flush, like every change of content.
    live.tree.apply(&punch)?;
    live.dirty_file(ino).touched.add(start, end);
    Ok(())
}

/// Takes note that a file's content has changed.
pub(super) fn note_file_change(live: &mut Live, ino: Ino) {
    live.dirty_file(ino).note_change();
    live.note_change();
}

/// Takes away what was given to another content. Of a kernel with `FUSE_HANDLE_KILLPRIV_V2` it is
/// for us to do.
pub(super) fn drop_capabilities(live: &mut Live, ino: Ino, now: Time) -> Result<(), FsError> {
    if live.tree.xattr(ino, CAPABILITIES)?.is_none() {
        return Ok(());
    }
    live.perform_on(ino, &Operation::RemoveXattr { ino, name: CAPABILITIES, ctime: now })
}
