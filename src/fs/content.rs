//! Reading: from what is pending, from packs, from holes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use crate::format::{ChunkSize, Ino, PackId, PackSealer, Run};
use crate::store::{DiskFile, PackReadError, PackReader};

use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::live::Live;
use super::stand_ins::Searched;
use super::sync::Mutex;

/// Open packs kept; each costs a file descriptor.
const READERS_KEPT: usize = 128;
/// Bytes of opened chunks kept for reads of less than a chunk.
const CHUNK_CACHE_BYTES: usize = 16 << 20;

/// An opened chunk, by pack and position.
type ChunkCache = LruCache<(PackId, u64), Arc<[u8]>>;

/// Open packs and opened chunks.
#[derive(Debug)]
pub(super) struct PackReaders {
    packs: Mutex<LruCache<PackId, Arc<PackReader>>>,
    /// Packs in the state folder, of a mount that does not write.
    staged: BTreeMap<PackId, Arc<PackReader>>,
    chunks: Mutex<ChunkCache>,
    /// When copies of packs were last searched for.
    pub(super) searched: Searched,
}

impl PackReaders {
    pub(super) fn new(chunk_size: ChunkSize, staged: BTreeMap<PackId, Arc<PackReader>>) -> Self {
        let packs = NonZeroUsize::new(READERS_KEPT).unwrap_or(NonZeroUsize::MIN);
        let chunks =
            NonZeroUsize::new(CHUNK_CACHE_BYTES / chunk_size.bytes()).unwrap_or(NonZeroUsize::MIN);
        Self {
            packs: Mutex::new(LruCache::new(packs)),
            staged,
            chunks: Mutex::new(LruCache::new(chunks)),
            searched: Searched::default(),
        }
    }

    /// Closes a pack that has moved, or has come anew: from another disk it was copied, and the old
    /// file takes room for as long as it is open.
    pub(super) fn close_moved(&self, pack: PackId) {
        lock(&self.packs).pop(&pack);
    }

    /// A pack that is kept open.
    pub(super) fn kept(&self, pack: PackId) -> Option<Arc<PackReader>> {
        lock(&self.packs).get(&pack).cloned()
    }

    /// Keeps a pack open that is on this machine.
    pub(super) fn keep(&self, pack: PackId, reader: Arc<PackReader>) {
        lock(&self.packs).put(pack, reader);
    }

    /// Whether a pack is read from the state folder.
    pub(super) fn has_staged(&self, pack: PackId) -> bool {
        self.staged.contains_key(&pack)
    }
}

/// Chunks of one run that a read wants, and where their bytes go.
#[derive(Debug)]
struct Want {
    run: Run,
    /// The first chunk wanted, counted in the run, and how many.
    nth: u32,
    count: u32,
    /// Bytes to leave out at the start of the first chunk.
    skip: usize,
    /// Where in the reply the bytes go, and how many at most; what the chunks do not fill is
    /// zeroes.
    out_at: usize,
    bytes: usize,
    source: Source,
}

/// Where a pack is read from.
#[derive(Clone, Debug)]
enum Source {
    Vault,
    /// It is not there yet.
    Staged(Arc<PackSealer>, Arc<dyn DiskFile>),
    /// Nor has the disk all of it: the pack as it is at this moment, of no use later.
    Snapshot(Arc<PackSealer>, Arc<dyn DiskFile>),
}

/// What is to become of chunks that the disk does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unflushed {
    /// They are handed to it first.
    Flush,
    /// They are read from where they are.
    FromMemory,
}

/// What a read can be answered with, found under the lock and carried out without it.
enum Plan {
    /// All of the reply but these is filled.
    Wants(Vec<Want>),
    /// Some chunks are sealed but not handed to the disk yet.
    FlushFirst,
}

thread_local! {
    /// Working memory for sealed bytes.
    static SEALED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl FileSystem {
    /// Reads from a file at `plain_offset` until `out` is full or the file ends; gives the bytes
    /// read.
    ///
    /// # Errors
    /// [`FsError::Damaged`] if a chunk in the range is missing or not authentic,
    /// [`FsError::NotArrived`] if its pack is awaited, and [`FsError::OnlineOnly`] if the pack has
    /// to be fetched first; other ranges can still be read. `out` then holds nothing to rely on.
    pub fn read(&self, ino: Ino, plain_offset: u64, out: &mut [u8]) -> Result<usize, FsError> {
        let mut failed: Option<(PackId, PackReadError)> = None;
        loop {
            let (bytes, wants) = self.wants(ino, plain_offset, out)?;
            // A collection may have moved the run since it was planned, and removed the pack: no
            // plan names that pack any more then. One that still does has the same to expect.
            if let Some((pack, error)) = failed
                && wants.iter().any(|want| want.run.pack == pack)
            {
                let path = self.read_live()?.tree.path(ino);
                return Err(self.refusal(path, pack, error));
            }
            failed = wants.iter().find_map(|want| {
                let out = &mut out[want.out_at..want.out_at + want.bytes];
                Some((want.run.pack, self.fulfil(want, out).err()?))
            });
            if failed.is_none() {
                self.traffic.note_read(bytes as u64);
                return Ok(bytes);
            }
        }
    }

    /// What is to be read from packs for a range of a file, with the lock given back; all else is in
    /// `out`. Gives the bytes of the range that are within the file too.
    fn wants(
        &self,
        ino: Ino,
        plain_offset: u64,
        out: &mut [u8],
    ) -> Result<(usize, Vec<Want>), FsError> {
        let room = out.len() as u64;
        let bytes_of = |live: &Live| -> Result<usize, FsError> {
            let size = live.tree.attributes(ino)?.size;
            Ok(size.saturating_sub(plain_offset).min(room) as usize)
        };
        {
            let live = self.read_live()?;
            let bytes = bytes_of(&live)?;
            let planned = plan(&live, ino, plain_offset, &mut out[..bytes], Unflushed::Flush)?;
            if let Plan::Wants(wants) = planned {
                return Ok((bytes, wants));
            }
        }
        let mut live = self.write_live()?;
        let bytes = bytes_of(&live)?;
        let wants = wants_locked(&mut live, ino, plain_offset, &mut out[..bytes])?;
        Ok((bytes, wants))
    }

    /// Reads a range that is within the file, for whoever holds the lock.
    pub(super) fn read_locked(
        &self,
        live: &mut Live,
        ino: Ino,
        plain_offset: u64,
        out: &mut [u8],
    ) -> Result<(), FsError> {
        let wants = wants_locked(live, ino, plain_offset, out)?;
        wants.iter().try_for_each(|want| {
            let read = self.fulfil(want, &mut out[want.out_at..want.out_at + want.bytes]);
            read.map_err(|error| self.refusal(live.tree.path(ino), want.run.pack, error))
        })
    }

    fn fulfil(&self, want: &Want, out: &mut [u8]) -> Result<(), PackReadError> {
        self.try_fulfil(want, out).or_else(|error| match error {
            PackReadError::OnlineOnly => Err(error),
            // What came since is under the pack's name, and not in the file that was opened.
            _ => {
                let pack = want.run.pack;
                self.readers.close_moved(pack);
                self.try_fulfil(want, out).or_else(|error| {
                    let mut from = |reader: &PackReader| self.fill_from(reader, want, out).is_ok();
                    self.read_from_copy(pack, &mut from).then_some(()).ok_or(error)
                })
            }
        })
    }

    fn try_fulfil(&self, want: &Want, out: &mut [u8]) -> Result<(), PackReadError> {
        self.fill_from(&*self.reader(want)?, want, out)
    }

    /// Whole chunks come straight from the pack; a first or last one that is wanted in part, by
    /// way of the cache.
    fn fill_from(
        &self,
        reader: &PackReader,
        want: &Want,
        out: &mut [u8],
    ) -> Result<(), PackReadError> {
        let chunk_size = self.descriptor.chunk_size;
        let shape = want.run.shape();
        let (mut nth, end) = (want.nth, want.nth + want.count);
        let mut filled = 0;
        if want.skip > 0 {
            let bytes = (chunk_size.bytes() - want.skip).min(out.len());
            self.copy_part(reader, &want.run, nth, want.skip, &mut out[..bytes])?;
            (nth, filled) = (nth + 1, bytes);
        }
        let plain_bytes = |nth| shape.chunk_bytes(nth, chunk_size) as usize;
        let to_end: usize = (nth..end).map(plain_bytes).sum();
        let whole_end = if to_end <= out.len() - filled { end } else { end - 1 };
        if nth < whole_end {
            filled += SEALED.with_borrow_mut(|sealed| {
                let plain = &mut out[filled..];
                reader.read_chunks(&want.run, nth, whole_end - nth, chunk_size, plain, sealed)
            })?;
        }
        if whole_end < end && nth < end {
            let bytes = out.len() - filled;
            self.copy_part(reader, &want.run, whole_end, 0, &mut out[filled..])?;
            filled += bytes;
        }
        out[filled..].fill(0);
        Ok(())
    }

    /// Copies what one chunk holds from `skip` on, and zeroes behind its end.
    fn copy_part(
        &self,
        reader: &PackReader,
        run: &Run,
        nth: u32,
        skip: usize,
        out: &mut [u8],
    ) -> Result<(), PackReadError> {
        let chunk = self.cached_chunk(reader, run, nth)?;
        let rest = chunk.get(skip..).unwrap_or_default();
        let bytes = rest.len().min(out.len());
        out[..bytes].copy_from_slice(&rest[..bytes]);
        out[bytes..].fill(0);
        Ok(())
    }

    fn cached_chunk(
        &self,
        reader: &PackReader,
        run: &Run,
        nth: u32,
    ) -> Result<Arc<[u8]>, PackReadError> {
        let chunk_size = self.descriptor.chunk_size;
        let key = (run.pack, chunk_size.chunk_pack_offset(run.pack_offset.into(), nth));
        if let Some(chunk) = lock(&self.readers.chunks).get(&key) {
            return Ok(chunk.clone());
        }
        let mut plain = vec![0; run.shape().chunk_bytes(nth, chunk_size) as usize];
        SEALED.with_borrow_mut(|sealed| {
            reader.read_chunks(run, nth, 1, chunk_size, &mut plain, sealed)
        })?;
        let chunk: Arc<[u8]> = plain.into();
        lock(&self.readers.chunks).put(key, chunk.clone());
        Ok(chunk)
    }

    fn reader(&self, want: &Want) -> Result<Arc<PackReader>, PackReadError> {
        let pack = want.run.pack;
        if let Some(reader) = self.readers.staged.get(&pack) {
            return Ok(reader.clone());
        }
        if let Source::Snapshot(sealer, file) = &want.source {
            return Ok(Arc::new(PackReader::new(sealer.clone(), file.clone())));
        }
        let (sealer, file) = match &want.source {
            Source::Vault => return self.vault_reader(pack),
            Source::Staged(sealer, file) | Source::Snapshot(sealer, file) => (sealer, file),
        };
        let reader = self.readers.kept(pack);
        Ok(reader.unwrap_or_else(|| {
            let reader = Arc::new(PackReader::new(sealer.clone(), file.clone()));
            self.readers.keep(pack, reader.clone());
            reader
        }))
    }
}

/// What is to be read from packs, for whoever holds the lock: of what the disk does not take, it is
/// read from memory.
fn wants_locked(
    live: &mut Live,
    ino: Ino,
    plain_offset: u64,
    out: &mut [u8],
) -> Result<Vec<Want>, FsError> {
    // A disk that takes no more is no reason to give nothing: what it did not take is here.
    if let Some(writing) = &mut live.writing
        && let Err(error) = writing.stage.flush()
    {
        live.disk_failed(error);
    }
    match plan(live, ino, plain_offset, out, Unflushed::FromMemory)? {
        Plan::Wants(wants) => Ok(wants),
        Plan::FlushFirst => Err(FsError::Disk("a pack could not be flushed".into())),
    }
}

/// Fills from what is pending and from holes, and finds where the rest is.
fn plan(
    live: &Live,
    ino: Ino,
    plain_offset: u64,
    out: &mut [u8],
    unflushed: Unflushed,
) -> Result<Plan, FsError> {
    let chunk_size = live.tree.chunk_size();
    let extents = live.tree.extents(ino)?;
    if out.is_empty() {
        return Ok(Plan::Wants(Vec::new()));
    }
    let end_offset = plain_offset + out.len() as u64;
    let (first, end) = (chunk_size.index_of(plain_offset), chunk_size.count_for(end_offset));
    let pending = live.dirty.get(&ino).filter(|file| !file.chunks.is_empty());
    let mut wants: Vec<Want> = Vec::new();
    let mut filled = 0;
    for extent in extents.cut_to(first, end, chunk_size) {
        let run = live.tree.run(&extent);
        // The last chunk may count for less than was sealed: a piece of its own.
        let is_clipped = run.visible_bytes < run.tail_bytes;
        let pieces = if is_clipped && run.count > 1 {
            [(0, run.count - 1), (run.count - 1, 1)]
        } else {
            [(0, run.count), (0, 0)]
        };
        for (nth, count) in pieces.into_iter().filter(|(_, count)| *count > 0) {
            let start = chunk_size.start_of(run.first_chunk + u64::from(nth)).max(plain_offset);
            let last = run.first_chunk + u64::from(nth + count) - 1;
            let is_last = nth + count == run.count;
            let visible =
                if is_last { u64::from(run.visible_bytes) } else { chunk_size.start_of(1) };
            let stop = (chunk_size.start_of(last) + visible).min(end_offset);
            if stop <= start {
                continue;
            }
            let out_at = (start - plain_offset) as usize;
            out[filled..out_at].fill(0);
            let bytes = (stop - start) as usize;
            filled = out_at + bytes;
            let staged = live.writing.as_ref().map(|writing| &writing.stage);
            let source = match staged.and_then(|stage| Some((stage, stage.find(run.pack)?))) {
                None => Source::Vault,
                Some((stage, (sealer, file, readable))) => {
                    let run_end =
                        u64::from(run.pack_offset) + chunk_size.sealed_run_bytes(run.shape());
                    if run_end <= readable {
                        Source::Staged(sealer, file)
                    } else if let (Unflushed::FromMemory, Some(snapshot)) =
                        (unflushed, stage.snapshot(run.pack))
                    {
                        Source::Snapshot(sealer, snapshot)
                    } else {
                        return Ok(Plan::FlushFirst);
                    }
                }
            };
            let skip = chunk_size.within(start);
            wants.push(Want { run, nth, count, skip, out_at, bytes, source });
        }
    }
    out[filled..].fill(0);
    let Some(file) = pending else { return Ok(Plan::Wants(wants)) };
    // Pending chunks come before what packs hold: copy them, and cut the wants around them.
    let spans: Vec<_> = chunk_size.spans(plain_offset, out.len() as u64).collect();
    let mut at = 0;
    for span in spans {
        if let Some(chunk) = file.chunks.get(&span.chunk_index) {
            out[at..at + span.bytes].copy_from_slice(&chunk.bytes[span.start..][..span.bytes]);
            wants =
                wants.into_iter().flat_map(|w| without(w, at, span.bytes, chunk_size)).collect();
        }
        at += span.bytes;
    }
    Ok(Plan::Wants(wants))
}

/// A want less the part of the reply at `at..at + bytes`, which is one chunk's.
fn without(
    want: Want,
    at: usize,
    bytes: usize,
    chunk_size: ChunkSize,
) -> impl Iterator<Item = Want> {
    let want_end = want.out_at + want.bytes;
    if want_end <= at || want.out_at >= at + bytes {
        return [Some(want), None].into_iter().flatten();
    }
    let part = |start: usize, end: usize| {
        (start < end).then(|| {
            let from_run = want.skip + (start - want.out_at);
            let nth = want.nth + chunk_size.index_of(from_run as u64) as u32;
            let skip = chunk_size.within(from_run as u64);
            let count = chunk_size.count_for((skip + end - start) as u64) as u32;
            let source = want.source.clone();
            Want { run: want.run, nth, count, skip, out_at: start, bytes: end - start, source }
        })
    };
    let left = part(want.out_at, at.max(want.out_at));
    let right = part((at + bytes).min(want_end), want_end);
    [left, right].into_iter().flatten()
}
