//! Moves what is needed of a pack into the one that grows.

use std::collections::HashMap;

use crate::format::{Ino, Operation, PackId, Run, pack_path};
use crate::store::PackReader;

use super::super::error::FsError;
use super::super::file_system::FileSystem;

/// What is moved at a time, so that nobody waits long for the lock.
const STEP_BYTES: usize = 1 << 20;

/// A piece of a pack: offset, chunks, content bytes of the last one.
type Piece = (u32, u32, u32);

impl FileSystem {
    /// Moves the runs that files have in `pack`; gives the content bytes that were written. Files
    /// that share a run go on sharing it. What changes meanwhile is left alone.
    ///
    /// # Errors
    /// [`FsError::Damaged`] where a run cannot be read: it stays where it is, and so does the pack.
    /// [`FsError::NoSpace`], [`FsError::ReadOnly`] or [`FsError::Disk`]. What has moved stays moved.
    pub(super) fn rewrite_pack(
        &self,
        pack: PackId,
        mut runs: Vec<(Ino, Run)>,
    ) -> Result<u64, FsError> {
        let damaged = |error: &dyn std::fmt::Display| FsError::Damaged {
            path: String::new(),
            what: format!("{}: {error}", pack_path(pack)),
        };
        let file = self.vault.open(&pack_path(pack)).map_err(|error| damaged(&error))?;
        let reader = PackReader::open(&self.keys, pack, file).map_err(|error| damaged(&error))?;
        runs.sort_by_key(|(ino, run)| (run.pack_offset, *ino, run.first_chunk));
        let chunk_size = self.descriptor.chunk_size;
        let step_chunks = (STEP_BYTES / chunk_size.bytes()).max(1) as u32;
        let mut moved: HashMap<Piece, Vec<Run>> = HashMap::new();
        let (mut plain, mut sealed) = (vec![0; STEP_BYTES.max(chunk_size.bytes())], Vec::new());
        let mut written_bytes = 0;
        for (ino, run) in runs {
            let mut nth = 0;
            while nth < run.count {
                let count = step_chunks.min(run.count - nth);
                let is_last = nth + count == run.count;
                let tail_bytes = if is_last { run.tail_bytes } else { chunk_size.field() };
                let offset = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth) as u32;
                let first_chunk = run.first_chunk + u64::from(nth);
                let piece = (offset, count, tail_bytes);
                let places = match moved.get(&piece) {
                    Some(places) => {
                        self.share_place(ino, pack, piece, first_chunk, places)?;
                        None
                    }
                    None => {
                        let read = reader
                            .read_chunks(&run, nth, count, chunk_size, &mut plain, &mut sealed)
                            .map_err(|error| damaged(&error))?;
                        let placed =
                            self.move_piece(ino, pack, piece, first_chunk, &plain[..read])?;
                        written_bytes += if placed.is_empty() { 0 } else { read as u64 };
                        Some(placed)
                    }
                };
                if let Some(places) = places.filter(|places| !places.is_empty()) {
                    moved.insert(piece, places);
                }
                nth += count;
            }
        }
        Ok(written_bytes)
    }

    /// Seals the content of a piece anew and names the new places, counted from chunk 0.
    fn move_piece(
        &self,
        ino: Ino,
        pack: PackId,
        piece: Piece,
        first_chunk: u64,
        plain: &[u8],
    ) -> Result<Vec<Run>, FsError> {
        let mut live = self.write_live()?;
        let live = &mut *live;
        let end = first_chunk + u64::from(piece.1);
        let stands = |run: &Run| run.pack == pack;
        if !live.tree.runs(ino, first_chunk, end).is_ok_and(|runs| runs.iter().any(stands)) {
            return Ok(Vec::new());
        }
        self.take_room(live, plain.len() as u64)?;
        let super::super::live::Live { tree, writing, .. } = live;
        let Some(writing) = writing else { return Ok(Vec::new()) };
        let mut placed: Vec<Run> = Vec::new();
        let sealed =
            writing.stage.append(ino, tree, first_chunk, plain, &mut |run| placed.push(run));
        if let Err(error) = sealed {
            return Err(live.disk_failed(error));
        }
        for run in &mut placed {
            run.first_chunk -= first_chunk;
        }
        self.name_places(live, ino, pack, piece, first_chunk, &placed)?;
        self.ask_for_full_packs(live);
        Ok(placed)
    }

    /// Gives another file, or another place of the same one, the places that a piece has by now.
    fn share_place(
        &self,
        ino: Ino,
        pack: PackId,
        piece: Piece,
        first_chunk: u64,
        places: &[Run],
    ) -> Result<(), FsError> {
        let mut live = self.write_live()?;
        self.name_places(&mut live, ino, pack, piece, first_chunk, places)
    }

    fn name_places(
        &self,
        live: &mut super::super::live::Live,
        ino: Ino,
        from_pack: PackId,
        (offset, ..): Piece,
        first_chunk: u64,
        places: &[Run],
    ) -> Result<(), FsError> {
        if live.tree.attributes(ino).is_err() {
            return Ok(());
        }
        let chunk_size = self.descriptor.chunk_size;
        for place in places {
            let nth = place.first_chunk as u32;
            let from_offset = chunk_size.chunk_pack_offset(offset.into(), nth) as u32;
            let run = Run { first_chunk: first_chunk + place.first_chunk, ..*place };
            live.perform_on(ino, &Operation::Relocate { ino, from_pack, from_offset, run })?;
        }
        Ok(())
    }
}
