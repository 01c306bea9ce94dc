//! Moves what is needed of a pack into the one that grows.

use std::collections::HashMap;

use crate::format::{ChunkSize, Ino, Operation, PackId, Run, pack_path};
use crate::store::PackReader;

use super::super::error::FsError;
use super::super::file_system::FileSystem;
use super::super::live::Live;

/// What is moved at a time, so that nobody waits long for the lock.
const STEP_BYTES: usize = 1 << 20;

/// Chunks that stand back to back in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Piece {
    pack: PackId,
    pack_offset: u32,
    count: u32,
    /// Content bytes of the last one, as sealed.
    tail_bytes: u32,
}

/// Where a file has a piece.
#[derive(Clone, Copy, Debug)]
struct Use {
    ino: Ino,
    first_chunk: u64,
}

impl FileSystem {
    /// Moves the runs that files have in `pack`; gives the content bytes that were written. Files
    /// that share a run go on sharing it. What changes meanwhile is left alone.
    ///
    /// # Errors
    /// [`FsError::Damaged`] where a run cannot be read: it stays where it is, and so does the pack;
    /// [`FsError::OnlineOnly`] where the pack would have to be fetched.
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
        if self.vault.presence(pack).is_online_only() {
            return Err(FsError::OnlineOnly(pack));
        }
        let file = self.vault.open(&pack_path(pack)).map_err(|error| damaged(&error))?;
        let reader = PackReader::open(&self.keys, pack, file).map_err(|error| damaged(&error))?;
        runs.sort_by_key(|(ino, run)| (run.pack_offset, *ino, run.first_chunk));
        let chunk_size = self.descriptor.chunk_size;
        let (mut plain, mut sealed) = (vec![0; STEP_BYTES.max(chunk_size.bytes())], Vec::new());
        let mut moved: HashMap<Piece, Vec<Run>> = HashMap::new();
        let mut written_bytes = 0;
        for (ino, run) in runs {
            for (nth, piece) in pieces(&run, chunk_size) {
                let of_file = Use { ino, first_chunk: run.first_chunk + u64::from(nth) };
                if let Some(places) = moved.get(&piece) {
                    self.name_places(&mut *self.write_live()?, piece, of_file, places)?;
                    continue;
                }
                let read = reader
                    .read_chunks(&run, nth, piece.count, chunk_size, &mut plain, &mut sealed)
                    .map_err(|error| damaged(&error))?;
                let places = self.move_piece(piece, of_file, &plain[..read])?;
                if !places.is_empty() {
                    written_bytes += read as u64;
                    moved.insert(piece, places);
                }
            }
        }
        Ok(written_bytes)
    }

    /// Seals the content of a piece anew, and gives its new places, counted from its first chunk;
    /// none if the file no longer has it.
    fn move_piece(&self, piece: Piece, of_file: Use, plain: &[u8]) -> Result<Vec<Run>, FsError> {
        let mut live = self.write_live()?;
        let live = &mut *live;
        let Use { ino, first_chunk } = of_file;
        let runs = live.tree.runs(ino, first_chunk, first_chunk + u64::from(piece.count));
        if !runs.is_ok_and(|runs| runs.iter().any(|run| run.pack == piece.pack)) {
            return Ok(Vec::new());
        }
        self.take_room(live, plain.len() as u64)?;
        let Live { tree, writing, .. } = live;
        let Some(writing) = writing else { return Ok(Vec::new()) };
        let mut places: Vec<Run> = Vec::new();
        let sealed =
            writing.stage.append(ino, tree, first_chunk, plain, &mut |run| places.push(run));
        if let Err(error) = sealed {
            return Err(live.disk_failed(error));
        }
        places.iter_mut().for_each(|run| run.first_chunk -= first_chunk);
        self.name_places(live, piece, of_file, &places)?;
        self.ask_for_full_packs(live);
        Ok(places)
    }

    /// Tells of the places that a piece has by now, for a file that has it.
    fn name_places(
        &self,
        live: &mut Live,
        piece: Piece,
        of_file: Use,
        places: &[Run],
    ) -> Result<(), FsError> {
        let Use { ino, first_chunk } = of_file;
        if live.tree.attributes(ino).is_err() {
            return Ok(());
        }
        let chunk_size = self.descriptor.chunk_size;
        for place in places {
            let nth = place.first_chunk as u32;
            let from_offset = chunk_size.chunk_pack_offset(piece.pack_offset.into(), nth) as u32;
            let run = Run { first_chunk: first_chunk + place.first_chunk, ..*place };
            let from_pack = piece.pack;
            live.perform_on(ino, &Operation::Relocate { ino, from_pack, from_offset, run })?;
        }
        Ok(())
    }
}

/// A run in pieces to be moved one by one, each with its first chunk, counted in the run.
fn pieces(run: &Run, chunk_size: ChunkSize) -> impl Iterator<Item = (u32, Piece)> {
    let run = *run;
    let step_chunks = (STEP_BYTES / chunk_size.bytes()).max(1);
    (0..run.count).step_by(step_chunks).map(move |nth| {
        let count = (step_chunks as u32).min(run.count - nth);
        let is_last = nth + count == run.count;
        let pack_offset = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth) as u32;
        let tail_bytes = if is_last { run.tail_bytes } else { chunk_size.field() };
        (nth, Piece { pack: run.pack, pack_offset, count, tail_bytes })
    })
}
