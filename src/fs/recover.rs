//! After a crash: the journal's records onto the folded tree, staged packs made whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{
    ChunkSize, DeviceId, Footer, FooterFile, FooterRun, Ino, Operation, Operations, PackId, Run,
    Time, encode_operation, parse_pack_name,
};
use crate::journal::Replay;
use crate::store::{
    ClosedPack, FileFacts, PackReadError, PackReader, StateFolder, StoreError, VaultListing,
    list_if_there, recover_staged_pack,
};

use super::dirty::DirtyChunk;
use super::live::{INLINE_BYTES_MAX, Live};
use super::open::{MountMode, OpenError};
use super::stage::FooterFacts;

/// What a crash left, brought back.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// Operations for the next log object.
    pub(super) log: Vec<u8>,
    pub(super) log_operations: u64,
    /// Records before this number count.
    pub(super) keep_seq: u64,
    /// Packs in the vault that records tell of: they got there without their log object, and
    /// their names may not be durable.
    pub(super) unsettled_packs: BTreeSet<PackId>,
    /// Packs in the state folder, for reading.
    pub(super) readers: BTreeMap<PackId, Arc<PackReader>>,
    /// Which chunk stands where in those.
    chunks: BTreeMap<PackId, PackChunks>,
}

/// Opens the packs that the state folder holds. One that a newer program wrote keeps nobody from
/// looking, only from writing: it would be removed as one that no record names.
///
/// # Errors
/// [`StoreError`].
pub(super) fn staged_readers(
    state: &StateFolder,
    keys: &ClassKeys,
    mode: MountMode,
) -> Result<BTreeMap<PackId, Arc<PackReader>>, StoreError> {
    let folder = state.staged();
    let mut readers = BTreeMap::new();
    for item in list_if_there(&**state.disk(), &folder)? {
        let Some(id) = parse_pack_name(&item.name) else { continue };
        let path = folder.join(&item.name);
        let file = state.disk().open(&path, false);
        let file = file.map_err(|error| StoreError::io("cannot open", &path, error))?;
        match PackReader::open(keys, id, file) {
            Ok(reader) => {
                readers.insert(id, Arc::new(reader));
            }
            Err(PackReadError::Format(_)) if mode == MountMode::ReadOnly => {}
            Err(PackReadError::Format(error)) => return Err(StoreError::format(&path, error)),
            Err(error) => {
                return Err(StoreError::io("cannot read", &path, std::io::Error::other(error)));
            }
        }
    }
    Ok(readers)
}

/// Applies the journal's records to `live`, each whole or not at all. A record whose content did
/// not reach the disk ends the replay: nothing behind it was acknowledged as durable.
///
/// # Errors
/// [`OpenError::JournalDamaged`]; [`OpenError::Store`]. Some of the records are applied then.
pub(super) fn replay_records(
    live: &mut Live,
    replay: &Replay,
    readers: BTreeMap<PackId, Arc<PackReader>>,
    listing: &VaultListing,
) -> Result<Recovered, OpenError> {
    let mut recovered = Recovered { keep_seq: replay.next_seq, readers, ..Recovered::default() };
    for (seq, body) in replay.generations.iter().flat_map(|generation| &generation.records) {
        let operations: Result<Vec<_>, _> = Operations::new(body).collect();
        let operations = operations.map_err(|_| damaged("a record cannot be decoded"))?;
        let runs = operations.iter().flat_map(runs_of);
        let chunk_size = live.tree.chunk_size();
        for run in runs {
            if recovered.is_whole(run, chunk_size, listing)? {
                continue;
            }
            if *seq < replay.durable_seq {
                let pack = run.pack;
                let what = format!("content that had been made durable is gone from {pack}.pack");
                return Err(damaged(&what));
            }
            log::warn!("what was written last before the crash had not reached the disk");
            recovered.keep_seq = *seq;
            return Ok(recovered);
        }
        for operation in &operations {
            recovered.apply(live, operation, listing)?;
        }
    }
    Ok(recovered)
}

/// The runs that an operation puts in place.
pub(super) fn runs_of<'a>(operation: &'a Operation<'_>) -> &'a [Run] {
    match operation {
        Operation::Write { runs, .. } => runs.as_slice(),
        Operation::Relocate { run, .. } => std::slice::from_ref(run),
        _ => &[],
    }
}

fn damaged(what: &str) -> OpenError {
    OpenError::JournalDamaged(what.into())
}

impl Recovered {
    /// Whether the content that an operation tells of can be relied on.
    ///
    /// # Errors
    /// As for a run.
    pub(super) fn has_content(
        &self,
        operation: &Operation<'_>,
        chunk_size: ChunkSize,
        listing: &VaultListing,
    ) -> Result<bool, StoreError> {
        for run in runs_of(operation) {
            if !self.is_whole(run, chunk_size, listing)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a run's content can be relied on.
    ///
    /// # Errors
    /// [`StoreError`] where the disk does not say: what it holds may be whole, and is not to be
    /// given up for a failure that passes.
    fn is_whole(
        &self,
        run: &Run,
        chunk_size: ChunkSize,
        listing: &VaultListing,
    ) -> Result<bool, StoreError> {
        let Some(reader) = self.readers.get(&run.pack) else {
            return Ok(listing.packs.contains_key(&run.pack));
        };
        if !run.shape().is_possible(chunk_size) {
            return Ok(false);
        }
        let mut plain = vec![0; chunk_size.bytes()];
        let mut sealed = Vec::new();
        for nth in 0..run.count {
            match reader.read_chunks(run, nth, 1, chunk_size, &mut plain, &mut sealed) {
                Ok(_) => {}
                Err(PackReadError::Io(error)) => {
                    let path = format!("staged/{}.pack", run.pack);
                    return Err(StoreError::io("cannot read", path.as_ref(), error));
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Applies one operation of the journal, and keeps it for the next log object.
    ///
    /// # Errors
    /// [`OpenError::JournalDamaged`] where it does not fit.
    pub(super) fn apply(
        &mut self,
        live: &mut Live,
        operation: &Operation<'_>,
        listing: &VaultListing,
    ) -> Result<(), OpenError> {
        let chunk_size = live.tree.chunk_size();
        let unfit = |error| damaged(&format!("a record does not fit the vault: {error}"));
        if let Operation::WriteInline { ino, chunks, size, mtime, ctime } = operation {
            // In memory each takes a whole chunk, however short it is here (I8).
            let held_bytes = chunks.len().saturating_mul(chunk_size.bytes());
            let end_chunk = chunk_size.count_for(*size);
            // The `Write` before it has told the size: no log object will tell this one's.
            let size_before = live.tree.attributes(*ino).map_err(unfit)?.size;
            if !(1..=INLINE_BYTES_MAX).contains(&held_bytes)
                || chunks.iter().any(|chunk| chunk.chunk_index >= end_chunk)
                || *size != size_before
            {
                return Err(damaged("inline content that no write leaves"));
            }
            live.tree.set_live_size(*ino, *size, *ctime).map_err(unfit)?;
            let times = Operation::Write {
                ino: *ino,
                runs: Vec::new(),
                size: *size,
                mtime: *mtime,
                ctime: *ctime,
            };
            live.tree.apply(&times).map_err(unfit)?;
            for chunk in chunks {
                let mut bytes = vec![0; chunk_size.bytes()].into_boxed_slice();
                let content = bytes
                    .get_mut(..chunk.bytes.len())
                    .ok_or_else(|| damaged("an inline chunk is too long"))?;
                content.copy_from_slice(chunk.bytes);
                let chunk_index = chunk.chunk_index;
                live.put_dirty_chunk(*ino, chunk_index, DirtyChunk { bytes, journaled: true });
            }
            return Ok(());
        }
        let gone = live.tree.apply(operation).map_err(unfit)?;
        match operation {
            Operation::Write { ino, runs, .. } => {
                for run in runs {
                    let end = run.first_chunk + u64::from(run.count);
                    live.drop_dirty_chunks(*ino, run.first_chunk, end);
                    self.note_run(*ino, run, chunk_size, listing);
                }
            }
            // What is pending of these chunks is newer than what moves.
            Operation::Relocate { ino, run, .. } => self.note_run(*ino, run, chunk_size, listing),
            Operation::Truncate { ino, size, .. } => {
                live.cut_pending(*ino, *size);
                if let Some(file) = live.dirty.get_mut(ino) {
                    file.chunks.values_mut().for_each(|chunk| chunk.journaled = true);
                }
            }
            Operation::Punch { ino, first_chunk, count, .. } => {
                live.drop_dirty_chunks(*ino, *first_chunk, first_chunk.saturating_add(*count));
            }
            _ => {}
        }
        if let Some(gone) = gone {
            live.drop_inode(gone);
        }
        encode_operation(operation, &mut self.log);
        self.log_operations += 1;
        Ok(())
    }

    /// Takes down what a pack that is staged, or came to the vault without its log object, holds.
    fn note_run(&mut self, ino: Ino, run: &Run, chunk_size: ChunkSize, listing: &VaultListing) {
        if self.readers.contains_key(&run.pack) {
            let chunks = self.chunks.entry(run.pack).or_default();
            note_chunks(chunks, ino, &run.into(), chunk_size);
        }
        if listing.packs.contains_key(&run.pack) {
            self.unsettled_packs.insert(run.pack);
        }
    }

    /// Makes every staged pack that is needed whole, and removes the others.
    pub(super) fn close_packs(
        &self,
        live: &Live,
        state: &StateFolder,
        keys: &ClassKeys,
        device: DeviceId,
        listing: &VaultListing,
    ) -> Result<Vec<ClosedPack>, StoreError> {
        let (disk, folder) = (state.disk(), state.staged());
        let chunk_size = live.tree.chunk_size();
        let mut closed = Vec::new();
        for id in self.readers.keys() {
            // One that is in the vault too was copied there just before the crash.
            let needed = self.chunks.get(id).filter(|_| !listing.packs.contains_key(id));
            match needed {
                Some(chunks) => {
                    let footer = footer_of(&FooterFacts(&live.tree), device, chunks, chunk_size);
                    closed.push(recover_staged_pack(
                        &**disk, &folder, keys, *id, &footer, chunk_size,
                    )?);
                }
                None => {
                    let path = folder.join(format!("{id}.pack"));
                    disk.remove(&path)
                        .map_err(|error| StoreError::io("cannot remove", &path, error))?;
                }
            }
        }
        Ok(closed)
    }
}

/// Chunks of one pack by position: whose, which one of the file's, and its content bytes.
pub(super) type PackChunks = BTreeMap<u32, (Ino, u64, u32)>;

/// Takes down where each chunk of a run stands.
pub(super) fn note_chunks(
    chunks: &mut PackChunks,
    ino: Ino,
    run: &FooterRun,
    chunk_size: ChunkSize,
) {
    for nth in 0..run.count {
        let at = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth);
        let bytes = run.shape().chunk_bytes(nth, chunk_size);
        if let Ok(at) = u32::try_from(at) {
            chunks.insert(at, (ino, run.first_chunk.saturating_add(nth.into()), bytes));
        }
    }
}

/// The footer that tells of these chunks.
pub(super) fn footer_of(
    facts: &dyn FileFacts,
    device: DeviceId,
    chunks: &PackChunks,
    chunk_size: ChunkSize,
) -> Footer {
    let mut files: BTreeMap<Ino, Vec<FooterRun>> = BTreeMap::new();
    for (pack_offset, (ino, chunk_index, bytes)) in chunks {
        let runs = files.entry(*ino).or_default();
        let run = FooterRun {
            first_chunk: *chunk_index,
            count: 1,
            pack_offset: *pack_offset,
            tail_bytes: *bytes,
        };
        if !runs.last_mut().is_some_and(|last| last.join(&run, chunk_size)) {
            runs.push(run);
        }
    }
    let files = files.into_iter().map(|(ino, runs)| {
        let path = facts.path(ino).unwrap_or_default();
        let (size, mtime) = facts.size_and_mtime(ino).unwrap_or_default();
        FooterFile { ino, path, size, mtime, runs }
    });
    Footer { device, closed: Time::now(), files: files.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{MasterKey, VaultId};
    use crate::format::{InlineChunk, NodeKind, Times};
    use crate::journal::{Journal, read_journal};
    use crate::store::HostDisk;
    use crate::tree::Tree;

    const CHUNK: ChunkSize = ChunkSize::DEFAULT;
    const INO: Ino = Ino(9);

    /// A tree with one empty file, onto which a journal with one record of these operations is
    /// replayed.
    fn replayed(operations: &[Operation<'_>]) -> Result<Live, OpenError> {
        let mut tree = Tree::new(CHUNK);
        let time = Time::default();
        let create = Operation::Create {
            parent: Ino::ROOT,
            name: b"a",
            ino: INO,
            kind: NodeKind::File,
            mode: 0,
            uid: 0,
            gid: 0,
            times: Times::Same(time),
        };
        tree.apply(&create).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let keys = Arc::new(MasterKey::random().class_keys(&VaultId::random()));
        let nothing = Replay::default();
        let disk = Arc::new(HostDisk);
        let mut journal = Journal::start(disk, dir.path(), keys.clone(), &nothing, 0).unwrap();
        let mut body = Vec::new();
        operations.iter().for_each(|operation| encode_operation(operation, &mut body));
        journal.append(&body).unwrap();
        let replay = read_journal(&HostDisk, dir.path(), &keys, 0).unwrap();
        let mut live = Live::new(tree, None, None);
        replay_records(&mut live, &replay, BTreeMap::new(), &VaultListing::default())?;
        Ok(live)
    }

    /// What a flush puts into the journal.
    fn inline(indices: impl Iterator<Item = u64>, size: u64) -> [Operation<'static>; 2] {
        let chunks = indices.map(|chunk_index| InlineChunk { chunk_index, bytes: b"x" });
        let (ino, mtime, ctime) = (INO, Time::default(), Time::default());
        let chunks = chunks.collect();
        [
            Operation::Write { ino, runs: Vec::new(), size, mtime, ctime },
            Operation::WriteInline { ino, chunks, size, mtime, ctime },
        ]
    }

    #[test]
    fn inline_content_takes_no_more_memory_than_a_write_leaves_in_the_journal() {
        let most = (INLINE_BYTES_MAX / CHUNK.bytes()) as u64;
        let live = replayed(&inline(0..most, CHUNK.start_of(most))).unwrap();
        assert_eq!(live.dirty_bytes, INLINE_BYTES_MAX);
        let more = inline(0..most + 1, ChunkSize::FILE_BYTES_MAX);
        assert!(matches!(replayed(&more), Err(OpenError::JournalDamaged(_))));
    }

    #[test]
    fn inline_content_is_within_its_file() {
        replayed(&inline([2].into_iter(), CHUNK.start_of(2) + 1)).unwrap();
        for chunk_index in [2, CHUNK.index_limit(), 1 << 52, u64::MAX] {
            let outside = inline([chunk_index].into_iter(), CHUNK.start_of(2));
            assert!(matches!(replayed(&outside), Err(OpenError::JournalDamaged(_))));
        }
    }
    #[test]
    fn inline_content_changes_nothing_that_no_log_object_will_tell() {
        let [write, inline_chunk] = inline([0].into_iter(), 5);
        replayed(&[write.clone(), inline_chunk.clone()]).unwrap();
        let no_chunk = inline([].into_iter(), 5);
        let other_size = [write, inline([0].into_iter(), 6)[1].clone()];
        for operations in [&[inline_chunk][..], &no_chunk, &other_size] {
            assert!(matches!(replayed(operations), Err(OpenError::JournalDamaged(_))));
        }
    }
}
