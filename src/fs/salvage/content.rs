//! The second pass: a file's content, chunk by chunk from whichever copy of its pack has it.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use crate::crypto::ClassKeys;
use crate::format::{ChunkSize, Ino, PackId, Run, pack_path};
use crate::store::{PackReader, VaultFolder};

use super::survey::Salvage;

/// Packs that are kept open.
const PACKS_OPEN: NonZeroUsize = NonZeroUsize::new(32).expect("32 is not 0");
/// Content is read in pieces of about this size.
const PIECE_BYTES: usize = 1 << 20;

/// What of a file's content could not be had from any copy of its packs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Bytes.
    pub bytes: u64,
    /// What is wrong, for the first of them.
    pub what: String,
}

/// The files that packs are read from.
#[derive(Debug)]
pub(super) struct OpenPacks {
    vault: VaultFolder,
    keys: Arc<ClassKeys>,
    sources: HashMap<PackId, Vec<String>>,
    open: LruCache<PackId, Vec<PackReader>>,
}

impl OpenPacks {
    pub(super) fn new(
        vault: VaultFolder,
        keys: Arc<ClassKeys>,
        sources: HashMap<PackId, Vec<String>>,
    ) -> Self {
        Self { vault, keys, sources, open: LruCache::new(PACKS_OPEN) }
    }

    /// Every copy of a pack, the one in its place first.
    fn copies(&mut self, pack: PackId) -> &[PackReader] {
        let Self { vault, keys, sources, open } = self;
        open.get_or_insert(pack, || {
            let mut paths = sources.get(&pack).cloned().unwrap_or_default();
            paths.sort_by_key(|path| *path != pack_path(pack));
            let files = paths.iter().filter_map(|path| vault.open(path).ok());
            files.filter_map(|file| PackReader::open(keys, pack, file).ok()).collect()
        })
    }
}

impl Salvage {
    /// Content bytes that [`Self::copy`] will give at most.
    pub fn content_bytes(&self) -> u64 {
        self.tree.content_bytes()
    }

    /// Gives a file's content piece by piece: where it belongs, and what belongs there. Nothing is
    /// given of what cannot be had.
    ///
    /// # Errors
    /// What `sink` says.
    pub fn copy(
        &mut self,
        ino: Ino,
        sink: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<Lost> {
        let mut lost = Lost::default();
        let Ok(size) = self.tree.attributes(ino).map(|attributes| attributes.size) else {
            return Ok(lost);
        };
        let chunk_size = self.chunk_size;
        let piece_chunks = (PIECE_BYTES / chunk_size.bytes()).max(1) as u32;
        let mut plain = vec![0; piece_chunks as usize * chunk_size.bytes()];
        let mut sealed = Vec::new();
        for run in self.tree.runs(ino, 0, u64::MAX).unwrap_or_default() {
            let copies = self.packs.copies(run.pack);
            let mut nth = 0;
            while nth < run.count {
                let count = piece_chunks.min(run.count - nth);
                let mut get = |nth, count, plain: &mut [u8]| {
                    read(copies, &run, nth, count, chunk_size, plain, &mut sealed)
                };
                if get(nth, count, &mut plain).is_ok() {
                    let (at, bytes) = place(&run, nth, count, chunk_size, size);
                    sink(at, &plain[..bytes])?;
                    nth += count;
                    continue;
                }
                for nth in nth..nth + count {
                    let (at, bytes) = place(&run, nth, 1, chunk_size, size);
                    match get(nth, 1, &mut plain) {
                        Ok(()) => sink(at, &plain[..bytes])?,
                        Err(what) => {
                            if lost.bytes == 0 {
                                lost.what = format!("{}: {what}", pack_path(run.pack));
                            }
                            lost.bytes += bytes as u64;
                        }
                    }
                }
                nth += count;
            }
        }
        Ok(lost)
    }
}

/// Reads chunks of a run from the first copy of the pack that has all of them.
fn read(
    copies: &[PackReader],
    run: &Run,
    nth: u32,
    count: u32,
    chunk_size: ChunkSize,
    plain: &mut [u8],
    sealed: &mut Vec<u8>,
) -> Result<(), String> {
    let mut what = "missing".to_owned();
    for copy in copies {
        match copy.read_chunks(run, nth, count, chunk_size, plain, sealed) {
            Ok(_) => return Ok(()),
            Err(error) => what = error.to_string(),
        }
    }
    Err(what)
}

/// Where chunks of a run start in a file of `size` bytes, and how many of their bytes count there.
fn place(run: &Run, nth: u32, count: u32, chunk_size: ChunkSize, size: u64) -> (u64, usize) {
    let at = chunk_size.start_of(run.first_chunk + u64::from(nth));
    let last = match nth + count == run.count {
        true => run.visible_bytes,
        false => chunk_size.field(),
    };
    let bytes = chunk_size.start_of(u64::from(count) - 1) + u64::from(last);
    // A piece is no longer than its buffer.
    (at, bytes.min(size.saturating_sub(at)) as usize)
}
