//! Staged packs: packs that grow in the state folder until they are closed and published.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::{ClassKeys, TAG_BYTES};
use crate::format::{
    ChunkSize, DeviceId, Footer, FooterFile, FooterRun, Ino, PACK_HEADER_BYTES, PACK_TARGET_BYTES,
    PackHeader, PackId, PackSealer, Run, RunShape, Time,
};

use super::disk::{Disk, DiskFile};
use super::error::StoreError;

/// Sealed bytes are handed to the disk in pieces of about this size.
const BUFFER_BYTES: usize = 1 << 20;

/// What a footer tells of a file besides its chunks; asked of whoever knows the tree.
pub trait FileFacts {
    /// Its path from the root; cut to its end if it is long.
    fn path(&self, ino: Ino) -> Option<Vec<u8>>;
    /// Its size and content time; `None` if the file is gone.
    fn size_and_mtime(&self, ino: Ino) -> Option<(u64, Time)>;
}

/// How much a staged pack still takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackRoom {
    /// That many content bytes, cut at a chunk boundary unless all fit.
    Takes(usize),
    /// Nothing: it is full.
    Full,
}

/// A pack that chunks are being appended to.
///
/// Bytes before `buffer_at` are in the file, those from there on in `buffer`.
#[derive(Debug)]
pub struct StagedPack {
    sealer: Arc<PackSealer>,
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    chunk_size: ChunkSize,
    buffer: Vec<u8>,
    buffer_at: u64,
    /// Everything before this is durable.
    synced_end: u64,
    footer: Footer,
    file_index: HashMap<Ino, usize>,
    path_bytes: u64,
    runs: u64,
}

/// A pack whose footer is written; it waits to be published.
#[derive(Clone, Debug)]
pub struct ClosedPack {
    /// Its key.
    pub sealer: Arc<PackSealer>,
    /// The file.
    pub file: Arc<dyn DiskFile>,
    /// Where it waits.
    pub path: PathBuf,
    /// Bytes of it.
    pub bytes: u64,
}

impl StagedPack {
    /// A new pack of `device` with a new id in `folder`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn create(
        disk: &dyn Disk,
        folder: &Path,
        keys: &ClassKeys,
        device: DeviceId,
        chunk_size: ChunkSize,
    ) -> Result<Self, StoreError> {
        let sealer = PackSealer::new(keys, PackHeader::of(PackId::random()));
        let path = staged_path(folder, sealer.id());
        let file = disk.create(&path).map_err(|e| StoreError::io("cannot make", &path, e))?;
        let mut buffer = Vec::with_capacity(2 * BUFFER_BYTES);
        buffer.extend_from_slice(&sealer.header().0);
        Ok(Self {
            sealer: Arc::new(sealer),
            file,
            path,
            chunk_size,
            buffer,
            buffer_at: 0,
            synced_end: 0,
            footer: Footer { device, closed: Time::now(), files: Vec::new() },
            file_index: HashMap::new(),
            path_bytes: 0,
            runs: 0,
        })
    }

    /// Its key.
    pub fn sealer(&self) -> &Arc<PackSealer> {
        &self.sealer
    }

    /// The file, which lacks what [`Self::flush`] has not handed over.
    pub fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// The pack as it is now, with what the disk has not taken yet, for reading only.
    pub fn snapshot(&self) -> Arc<dyn DiskFile> {
        let (file, rest, rest_at) = (self.file.clone(), self.buffer.clone(), self.buffer_at);
        Arc::new(Snapshot { file, rest, rest_at })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes so far, the buffer included.
    pub fn end(&self) -> u64 {
        self.buffer_at + self.buffer.len() as u64
    }

    /// Whether no chunk was appended.
    pub fn is_empty(&self) -> bool {
        self.end() == PACK_HEADER_BYTES as u64
    }

    /// How many of `plain_bytes` more bytes of one file fit before the pack outgrows its target.
    pub fn room(&self, plain_bytes: usize, path_bytes: usize) -> PackRoom {
        let footer = Footer::bytes_bound(
            self.footer.files.len() as u64 + 1,
            self.path_bytes + path_bytes as u64,
            self.runs + 1,
        );
        let left = PACK_TARGET_BYTES.saturating_sub(self.end() + footer);
        if self.chunk_size.sealed_run_bytes(self.chunk_size.run_shape(plain_bytes)) <= left {
            return PackRoom::Takes(plain_bytes);
        }
        match (left / self.chunk_size.sealed_step()) as usize {
            0 => PackRoom::Full,
            chunks => PackRoom::Takes(chunks * self.chunk_size.bytes()),
        }
    }

    /// Seals `plain`, the content of the chunks from `first_chunk` on (the last may be short),
    /// and appends it. `facts` are for the footer.
    ///
    /// # Errors
    /// [`StoreError`] of the disk; the run is then not in the pack, and the pack still holds all
    /// it held.
    pub fn append(
        &mut self,
        ino: Ino,
        facts: &dyn FileFacts,
        first_chunk: u64,
        plain: &[u8],
    ) -> Result<Run, StoreError> {
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        let shape = self.chunk_size.run_shape(plain.len());
        let run_offset = self.end();
        for (nth, chunk) in plain.chunks(self.chunk_size.bytes()).enumerate() {
            let at = self.buffer.len();
            self.buffer.resize(at + chunk.len() + TAG_BYTES, 0);
            let pack_offset = self.chunk_size.chunk_pack_offset(run_offset, nth as u32);
            self.sealer.seal_chunk(pack_offset, chunk, &mut self.buffer[at..]);
        }
        let pack_offset = u32::try_from(run_offset).expect("a pack is closed at its 16 MiB target");
        self.note_run(ino, facts, first_chunk, pack_offset, shape);
        Ok(Run {
            first_chunk,
            count: shape.count,
            pack: self.sealer.id(),
            pack_offset,
            tail_bytes: shape.tail_bytes,
            visible_bytes: shape.tail_bytes,
        })
    }

    /// Takes a run down in the footer, joined to the file's last one where it continues it.
    fn note_run(
        &mut self,
        ino: Ino,
        facts: &dyn FileFacts,
        first_chunk: u64,
        pack_offset: u32,
        shape: RunShape,
    ) {
        let files = &mut self.footer.files;
        let index = *self.file_index.entry(ino).or_insert_with(|| {
            let path = facts.path(ino).unwrap_or_default();
            self.path_bytes += path.len() as u64;
            files.push(FooterFile { ino, path, size: 0, mtime: Time::default(), runs: Vec::new() });
            files.len() - 1
        });
        note_facts(&mut files[index], facts);
        let RunShape { count, tail_bytes } = shape;
        let run = FooterRun { first_chunk, count, pack_offset, tail_bytes };
        let runs = &mut files[index].runs;
        if !runs.last_mut().is_some_and(|last| last.join(&run, self.chunk_size)) {
            self.runs += 1;
            runs.push(run);
        }
    }

    /// Hands everything to the disk: afterwards it survives this process, and can be read.
    ///
    /// # Errors
    /// [`StoreError`]; what was not handed over stays in the buffer, and the call can be
    /// repeated.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file
            .write_all_at(&self.buffer, self.buffer_at)
            .map_err(|e| StoreError::io("cannot write", &self.path, e))?;
        self.buffer_at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Whether a sync is needed for all that was handed to the disk to be durable.
    pub fn needs_sync(&self) -> bool {
        self.synced_end < self.buffer_at
    }

    /// Takes note that everything before `end` is durable.
    pub fn note_synced(&mut self, end: u64) {
        self.synced_end = self.synced_end.max(end);
    }

    /// Bytes that were handed to the disk.
    pub fn flushed_end(&self) -> u64 {
        self.buffer_at
    }

    /// Writes the footer. The pack is complete but not yet durable.
    ///
    /// # Errors
    /// [`StoreError`], with the pack as it was: the call can be repeated.
    pub fn close(
        &mut self,
        disk: &dyn Disk,
        facts: &dyn FileFacts,
    ) -> Result<ClosedPack, StoreError> {
        self.flush()?;
        self.footer.closed = Time::now();
        self.footer.files.iter_mut().for_each(|file| note_facts(file, facts));
        let end = self.end();
        let tail = self.sealer.seal_footer(&self.footer, end);
        self.file
            .write_all_at(&tail, end)
            .map_err(|e| StoreError::io("cannot write", &self.path, e))?;
        let bytes = end + tail.len() as u64;
        let file = reopen(disk, &self.path)?;
        Ok(ClosedPack { sealer: self.sealer.clone(), file, path: self.path.clone(), bytes })
    }
}

/// A file, and bytes that are to follow it.
#[derive(Debug)]
struct Snapshot {
    file: Arc<dyn DiskFile>,
    rest: Vec<u8>,
    rest_at: u64,
}

impl DiskFile for Snapshot {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let in_file = self.rest_at.saturating_sub(offset).min(out.len() as u64) as usize;
        if in_file > 0 && self.file.read_at(&mut out[..in_file], offset)? < in_file {
            return Ok(0);
        }
        let from = (offset + in_file as u64 - self.rest_at) as usize;
        let rest = self.rest.get(from..).unwrap_or_default();
        let count = rest.len().min(out.len() - in_file);
        out[in_file..in_file + count].copy_from_slice(&rest[..count]);
        Ok(in_file + count)
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.rest_at + self.rest.len() as u64)
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a closed pack for reading. It is to be moved into the vault, where a sync client that
/// sees a file closed by a writer takes it for changed.
fn reopen(disk: &dyn Disk, path: &Path) -> Result<Arc<dyn DiskFile>, StoreError> {
    disk.open(path, false).map_err(|error| StoreError::io("cannot open", path, error))
}

/// Takes down how a file is now, if it still is.
fn note_facts(file: &mut FooterFile, facts: &dyn FileFacts) {
    if let Some((size, mtime)) = facts.size_and_mtime(file.ino) {
        (file.size, file.mtime) = (size, mtime);
    }
}

/// Where the staged pack `id` is in `folder`.
pub(crate) fn staged_path(folder: &Path, id: PackId) -> PathBuf {
    folder.join(format!("{id}.pack"))
}

/// Closes a pack that a crash left open: keeps the runs in `footer`, which are known to be whole,
/// blanks what is between them, cuts off what is behind them and writes the footer anew. Nothing
/// is ever appended to such a pack, so that no chunk's nonce is used twice.
///
/// # Errors
/// [`StoreError`]; the runs are then still in the file, and the call can be repeated.
pub fn recover_staged_pack(
    disk: &dyn Disk,
    folder: &Path,
    keys: &ClassKeys,
    id: PackId,
    footer: &Footer,
    chunk_size: ChunkSize,
) -> Result<ClosedPack, StoreError> {
    let path = staged_path(folder, id);
    let fail = |error| StoreError::io("cannot recover", &path, error);
    let file = disk.open(&path, true).map_err(fail)?;
    let sealer = PackSealer::new(keys, PackHeader::of(id));
    let mut runs: Vec<&FooterRun> = footer.files.iter().flat_map(|file| &file.runs).collect();
    runs.sort_unstable_by_key(|run| run.pack_offset);
    let mut end = PACK_HEADER_BYTES as u64;
    for run in runs {
        let run_at = u64::from(run.pack_offset);
        if run_at > end {
            let blank = vec![0; (run_at - end) as usize];
            file.write_all_at(&blank, end).map_err(fail)?;
        }
        end = end.max(run_at + chunk_size.sealed_run_bytes(run.shape()));
    }
    file.write_all_at(&sealer.header().0, 0).map_err(fail)?;
    let tail = sealer.seal_footer(footer, end);
    file.set_len(end).map_err(fail)?;
    file.write_all_at(&tail, end).map_err(fail)?;
    let file = reopen(disk, &path)?;
    Ok(ClosedPack { sealer: Arc::new(sealer), file, path, bytes: end + tail.len() as u64 })
}
