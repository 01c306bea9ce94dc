//! The mounted state: the tree as it is now, what is pending, and where operations go.
//!
//! Everything here happens under one lock, which `FileSystem` holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::slice;

use crate::format::{InlineChunk, Ino, Operation, Run, encode_operation};
use crate::journal::{Journal, JournalError};
use crate::store::StoreError;
use crate::tree::Tree;

use super::dirty::{DirtyChunk, DirtyFile};
use super::error::FsError;
use super::stage::Stage;
use super::sync::Instant;
use super::touched::inode_of;

/// Content of one fsync goes inline into the journal up to this size: one write, one sync.
pub(super) const INLINE_BYTES_MAX: usize = 256 << 10;
/// Operations wait for a vault that takes nothing up to this size; they stand in memory too.
const LOG_BYTES_MAX: usize = 256 << 20;
/// Operations wait in memory for the next flush up to this size.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// Where a file's pending content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlushTo {
    /// Into a pack.
    Pack,
    /// Into the journal, if there is little of it.
    Journal,
}

/// What can be written to: absent in a read-only mount.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) stage: Stage,
    pub(super) journal: Journal,
    /// Operations that the journal does not hold yet.
    batch: Vec<u8>,
    /// Operations that no log object holds yet.
    pub(super) log: Vec<u8>,
    pub(super) log_operations: u64,
    /// Operations in a log object that is on its way into the vault.
    pub(super) leaving_operations: u64,
}

impl Writing {
    pub(super) fn new(stage: Stage, journal: Journal) -> Self {
        Self {
            stage,
            journal,
            batch: Vec::new(),
            log: Vec::new(),
            log_operations: 0,
            leaving_operations: 0,
        }
    }

    /// Whether the journal holds every operation so far.
    pub(super) fn batch_is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    fn push(&mut self, operation: &Operation<'_>) {
        let start = self.batch.len();
        encode_operation(operation, &mut self.batch);
        self.log.extend_from_slice(&self.batch[start..]);
        self.log_operations += 1;
    }
}

/// The mounted state.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) tree: Tree,
    /// In order, so that what a flush writes hangs on nothing but what happened.
    pub(super) dirty: BTreeMap<Ino, DirtyFile>,
    /// Bytes of chunks in `dirty`.
    pub(super) dirty_bytes: usize,
    /// Open handles; an inode that is open outlives its last name.
    pub(super) open: HashMap<Ino, u32>,
    /// Files that another device has made longer or shorter: who remembers their sizes may not have
    /// heard of it.
    pub(super) resized_outside: HashSet<Ino>,
    pub(super) writing: Option<Writing>,
    /// Why nothing can be written, if so.
    pub(super) read_only: Option<String>,
    /// All has been taken for the last publication of this mount: no more changes.
    pub(super) has_ended: bool,
    /// When the last change came, and the first that is not published.
    pub(super) last_change: Instant,
    pub(super) unpublished_since: Option<Instant>,
}

impl Live {
    pub(super) fn new(tree: Tree, writing: Option<Writing>, read_only: Option<String>) -> Self {
        Self {
            tree,
            dirty: BTreeMap::new(),
            dirty_bytes: 0,
            open: HashMap::new(),
            resized_outside: HashSet::new(),
            writing,
            read_only,
            has_ended: false,
            last_change: Instant::now(),
            unpublished_since: None,
        }
    }

    /// The part that can be written to.
    ///
    /// # Errors
    /// [`FsError::ReadOnly`].
    pub(super) fn writing(&mut self) -> Result<&mut Writing, FsError> {
        match (&self.read_only, &mut self.writing) {
            (None, Some(_)) if self.has_ended => Err(FsError::ReadOnly("unmounted".into())),
            (None, Some(writing)) => Ok(writing),
            (reason, _) => {
                Err(FsError::ReadOnly(reason.clone().unwrap_or_else(|| "mounted so".into())))
            }
        }
    }

    /// Applies an operation to the tree and notes it for journal and log. An inode that thereby
    /// loses its last name is dropped, unless it is open.
    pub(super) fn perform(&mut self, operation: &Operation<'_>) -> Result<(), FsError> {
        self.perform_all(slice::from_ref(operation))
    }

    /// Applies operations that make one change. They stand next to each other in one record of
    /// the journal and in one log object, so that a crash takes all of them or none.
    pub(super) fn perform_all(&mut self, operations: &[Operation<'_>]) -> Result<(), FsError> {
        let writing = self.writing()?;
        if writing.log.len() > LOG_BYTES_MAX {
            return Err(FsError::NoSpace);
        }
        if writing.batch.len() > BATCH_BYTES_MAX {
            self.write_batch()?;
        }
        for operation in operations {
            let gone = self.tree.apply(operation)?;
            if let Some(writing) = &mut self.writing {
                writing.push(operation);
            }
            self.note_change();
            if let Some(ino) = gone.filter(|ino| !self.open.contains_key(ino)) {
                self.drop_inode(ino);
            }
        }
        Ok(())
    }

    /// Whether anything is not in a log object yet, of files that have a name.
    pub(super) fn has_unpublished(&self) -> bool {
        let is_told = self.writing.as_ref().is_none_or(|writing| {
            writing.log.is_empty() && writing.batch_is_empty() && writing.leaving_operations == 0
        });
        !is_told || self.dirty.keys().any(|ino| matches!(self.is_unnamed(*ino), Ok(false)))
    }

    /// Applies an operation that another device has published.
    pub(super) fn apply_outside(&mut self, operation: &Operation<'_>) -> Result<(), FsError> {
        let changed = inode_of(operation);
        let size = |tree: &Tree| tree.attributes(changed?).ok().map(|attributes| attributes.size);
        let before = size(&self.tree);
        let gone = self.tree.apply(operation)?;
        if let Some(ino) = gone.filter(|ino| !self.open.contains_key(ino)) {
            self.drop_inode(ino);
        }
        if before != size(&self.tree) {
            self.resized_outside.extend(changed);
        }
        Ok(())
    }

    /// Applies an operation that changes `ino` alone. Of one on an inode without a name no trace
    /// will remain.
    pub(super) fn perform_on(
        &mut self,
        ino: Ino,
        operation: &Operation<'_>,
    ) -> Result<(), FsError> {
        self.perform_all_on(ino, slice::from_ref(operation))
    }

    /// Like [`Self::perform_all`], for operations that change `ino` alone.
    pub(super) fn perform_all_on(
        &mut self,
        ino: Ino,
        operations: &[Operation<'_>],
    ) -> Result<(), FsError> {
        if !self.is_unnamed(ino)? {
            return self.perform_all(operations);
        }
        self.writing()?;
        for operation in operations {
            self.tree.apply(operation)?;
        }
        Ok(())
    }

    /// Whether an inode has no name any more.
    pub(super) fn is_unnamed(&self, ino: Ino) -> Result<bool, FsError> {
        Ok(self.tree.attributes(ino)?.nlink == 0)
    }

    /// Forgets an inode that has neither name nor handle.
    pub(super) fn drop_inode(&mut self, ino: Ino) {
        if let Some(file) = self.dirty.remove(&ino) {
            self.dirty_bytes -= file.chunks.values().map(|chunk| chunk.bytes.len()).sum::<usize>();
        }
        self.resized_outside.remove(&ino);
        self.tree.forget(ino);
    }

    pub(super) fn note_change(&mut self) {
        self.last_change = Instant::now();
        self.unpublished_since.get_or_insert(self.last_change);
    }

    /// What is pending of a file.
    pub(super) fn dirty_file(&mut self, ino: Ino) -> &mut DirtyFile {
        self.dirty.entry(ino).or_insert_with(DirtyFile::new)
    }

    /// Puts a chunk among the pending ones.
    pub(super) fn put_dirty_chunk(&mut self, ino: Ino, chunk_index: u64, chunk: DirtyChunk) {
        self.dirty_bytes += chunk.bytes.len();
        if let Some(old) = self.dirty_file(ino).chunks.insert(chunk_index, chunk) {
            self.dirty_bytes -= old.bytes.len();
        }
    }

    /// Drops pending chunks in `start..end`.
    pub(super) fn drop_dirty_chunks(&mut self, ino: Ino, start: u64, end: u64) {
        let Some(file) = self.dirty.get_mut(&ino) else { return };
        if start >= end {
            return;
        }
        let dropped = file.chunks.extract_if(start..end, |_, _| true);
        self.dirty_bytes -= dropped.map(|(_, chunk)| chunk.bytes.len()).sum::<usize>();
    }

    /// Seals content of whole chunks from `first_chunk` on (the last may be short) into packs. It
    /// takes the place of what is pending of those chunks, also where only a part finds room.
    pub(super) fn seal(&mut self, ino: Ino, first_chunk: u64, plain: &[u8]) -> Result<(), FsError> {
        self.writing()?;
        let Self { tree, writing: Some(writing), .. } = self else { return Ok(()) };
        let mut placed: Vec<Run> = Vec::new();
        let result =
            writing.stage.append(ino, tree, first_chunk, plain, &mut |run| placed.push(run));
        for run in placed {
            self.tree.put_live_run(ino, &run)?;
            let end = run.first_chunk + u64::from(run.count);
            self.drop_dirty_chunks(ino, run.first_chunk, end);
            self.dirty_file(ino).touched.add(run.first_chunk, end);
        }
        result.map_err(|error| self.disk_failed(error))
    }

    /// Seals every pending chunk of a file. What it does, [`Self::tell`] makes operations of.
    pub(super) fn seal_pending(&mut self, ino: Ino) -> Result<(), FsError> {
        self.seal_pending_in(ino, 0, u64::MAX)
    }

    /// Seals a file's pending chunks in `start..end`.
    pub(super) fn seal_pending_in(
        &mut self,
        ino: Ino,
        start: u64,
        end: u64,
    ) -> Result<(), FsError> {
        let size = self.tree.attributes(ino)?.size;
        let chunk_size = self.tree.chunk_size();
        loop {
            let Some(file) = self.dirty.get_mut(&ino) else { return Ok(()) };
            let Some(index) = file.chunks.range(start..end).next().map(|(index, _)| *index) else {
                return Ok(());
            };
            let Some(chunk) = file.chunks.remove(&index) else { return Ok(()) };
            let bytes = chunk_size.bytes_in_file(index, size);
            let sealed =
                if bytes > 0 { self.seal(ino, index, &chunk.bytes[..bytes]) } else { Ok(()) };
            if let (Err(error), Some(file)) = (sealed, self.dirty.get_mut(&ino)) {
                file.chunks.insert(index, chunk);
                return Err(error);
            }
            self.dirty_bytes -= chunk.bytes.len();
        }
    }

    /// Makes operations of everything pending of a file, and hands them to the journal together
    /// with all that happened before: afterwards they survive this process.
    pub(super) fn flush_file(&mut self, ino: Ino, to: FlushTo) -> Result<(), FsError> {
        self.prepare(ino, to)?;
        self.write_batch()
    }

    /// Makes operations of everything pending of a file.
    pub(super) fn prepare(&mut self, ino: Ino, to: FlushTo) -> Result<(), FsError> {
        let Some(file) = self.dirty.get(&ino) else { return Ok(()) };
        if file.changed.is_none() || self.is_unnamed(ino)? {
            return Ok(());
        }
        let inline = to == FlushTo::Journal && file.unjournaled_bytes() <= INLINE_BYTES_MAX;
        if !inline {
            self.seal_pending(ino)?;
        }
        self.tell(ino)
    }

    /// Brings everything pending of a file into packs and operations, what the journal holds
    /// included: what a log object needs before it can be written.
    pub(super) fn settle(&mut self, ino: Ino) -> Result<(), FsError> {
        if !self.dirty.contains_key(&ino) || self.is_unnamed(ino)? {
            return Ok(());
        }
        self.seal_pending(ino)?;
        self.tell(ino)
    }

    /// Settles every file, and hands it all to the journal.
    pub(super) fn settle_all(&mut self) -> Result<(), FsError> {
        for ino in self.pending_files() {
            self.settle(ino)?;
        }
        self.write_batch()
    }

    /// Cuts what is pending of a file from `size` on.
    pub(super) fn cut_pending(&mut self, ino: Ino, size: u64) {
        let chunk_size = self.tree.chunk_size();
        self.drop_dirty_chunks(ino, chunk_size.count_for(size), u64::MAX);
        let last = chunk_size.index_of(size);
        if let Some(chunk) = self.dirty.get_mut(&ino).and_then(|file| file.chunks.get_mut(&last)) {
            chunk.bytes[chunk_size.within(size)..].fill(0);
            chunk.journaled = false;
        }
    }

    /// Makes operations of a file's pending changes: what was cut, what is in packs now, and
    /// what is in no pack inline. They stand next to each other in one batch, so that a crash
    /// takes all of them or none (I5).
    fn tell(&mut self, ino: Ino) -> Result<(), FsError> {
        self.writing()?;
        let attributes = self.tree.attributes(ino)?;
        let chunk_size = self.tree.chunk_size();
        let Self { tree, dirty, writing: Some(writing), .. } = self else { return Ok(()) };
        let Some(file) = dirty.get_mut(&ino) else { return Ok(()) };
        let (size, mtime, ctime) = (attributes.size, attributes.mtime, attributes.ctime);
        if let Some(cut) = file.cut {
            writing.push(&Operation::Truncate { ino, size: cut, time: mtime });
        }
        let end_chunk = chunk_size.count_for(size);
        let mut runs = Vec::new();
        for (start, end) in file.touched.iter() {
            let end = end.min(end_chunk);
            if start >= end {
                continue;
            }
            let first = runs.len();
            runs.extend(tree.runs(ino, start, end)?);
            let covered: u64 = runs[first..].iter().map(|run| u64::from(run.count)).sum();
            if covered < end - start {
                let count = end - start;
                writing.push(&Operation::Punch { ino, first_chunk: start, count, time: mtime });
            }
        }
        writing.push(&Operation::Write { ino, runs, size, mtime, ctime });
        let inline: Vec<InlineChunk<'_>> = file
            .chunks
            .iter()
            .filter(|(_, chunk)| !chunk.journaled)
            .map(|(index, chunk)| {
                let bytes = chunk_size.bytes_in_file(*index, size);
                InlineChunk { chunk_index: *index, bytes: &chunk.bytes[..bytes] }
            })
            .collect();
        if !inline.is_empty() {
            let chunks = inline;
            let operation = Operation::WriteInline { ino, chunks, size, mtime, ctime };
            encode_operation(&operation, &mut writing.batch);
        }
        file.chunks.values_mut().for_each(|chunk| chunk.journaled = true);
        file.touched = Default::default();
        (file.cut, file.changed) = (None, None);
        if file.is_idle() {
            dirty.remove(&ino);
        }
        Ok(())
    }

    /// Hands every operation so far to the journal, and the content they tell of to the disk
    /// before that.
    pub(super) fn write_batch(&mut self) -> Result<(), FsError> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        if writing.batch.is_empty() {
            return Ok(());
        }
        if let Err(error) = writing.stage.flush() {
            return Err(self.disk_failed(error));
        }
        match writing.journal.append(&writing.batch) {
            Ok(_) => {
                writing.batch.clear();
                Ok(())
            }
            Err(JournalError::Store(error)) => Err(self.disk_failed(error)),
            Err(error) => Err(self.latch(error.to_string())),
        }
    }

    /// Files with anything pending, or with content that is in no pack.
    pub(super) fn pending_files(&self) -> Vec<Ino> {
        self.dirty.keys().copied().collect()
    }

    /// Turns a failure of the disk into an answer. A full disk heals when it is no longer full;
    /// anything else leaves open what was written, so nothing more is acknowledged.
    pub(super) fn disk_failed(&mut self, error: StoreError) -> FsError {
        match error {
            StoreError::Full(_) => FsError::NoSpace,
            error => self.latch(error.to_string()),
        }
    }

    /// From now on read-only.
    pub(super) fn latch(&mut self, reason: String) -> FsError {
        log::error!("writing has stopped: {reason}");
        let reason = format!("writing stopped after a failure: {reason}");
        self.read_only.get_or_insert(reason);
        FsError::Disk("a write to disk failed".into())
    }
}
