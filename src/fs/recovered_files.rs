//! Files out of a journal whose ground is gone: an older copy of the vault was put in place of the one
//! that the journal's changes were made on.
//!
//! What they did to names and folders means nothing there any more. What was written, and was not
//! published, is brought back as files in a folder of its own. Of a file that was changed only in part,
//! the rest was told by log objects that are gone: it is a hole.

use std::collections::{BTreeMap, HashMap};

use crate::format::{
    ChunkSize, InlineChunk, Ino, NodeKind, Operation, Operations, Time, Times, check_name,
};
use crate::journal::Replay;
use crate::store::VaultListing;
use crate::tree::Tree;

use super::live::{INLINE_BYTES_MAX, Live};
use super::open::OpenError;
use super::recover::Recovered;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes files of what the journal holds, in a folder of the root, and gives that folder's name; `None`
/// where there is nothing to bring back.
///
/// # Errors
/// [`OpenError`] where a disk fails, or what the journal holds makes no file.
pub(super) fn bring_back_files(
    live: &mut Live,
    recovered: &mut Recovered,
    replay: &Replay,
    listing: &VaultListing,
) -> Result<Option<String>, OpenError> {
    let chunk_size = live.tree.chunk_size();
    let mut pieces = Pieces::new(chunk_size);
    'records: for (_, body) in replay.generations.iter().flat_map(|it| &it.records) {
        let operations: Vec<_> = Operations::new(body).map_while(Result::ok).collect();
        for operation in &operations {
            if !recovered.has_content(operation, chunk_size, listing)? {
                break 'records;
            }
        }
        operations.iter().for_each(|operation| pieces.take(operation));
    }
    let files = pieces.files();
    if files.is_empty() {
        return Ok(None);
    }
    let now = Time::now();
    let name = format!("recovered-{}", now.date());
    let name = live.tree.free_name(Ino::ROOT, name.as_bytes());
    let folder = Ino::random();
    recovered.apply(live, &create(Ino::ROOT, &name, folder, NodeKind::Folder, now), listing)?;
    for file in files {
        let name = pieces.name_of(file, &live.tree);
        let name = live.tree.free_name(folder, &name);
        let ino = Ino::random();
        recovered.apply(live, &create(folder, &name, ino, NodeKind::File, now), listing)?;
        for operation in pieces.content_of(file, ino, now) {
            recovered.apply(live, &operation, listing)?;
        }
    }
    Ok(Some(String::from_utf8_lossy(&name).into_owned()))
}

/// What a journal tells of content.
struct Pieces {
    /// Every file that was written to, in the root.
    tree: Tree,
    /// Chunks that are in no pack.
    inline: BTreeMap<Ino, BTreeMap<u64, Vec<u8>>>,
    /// The last name that the journal gives a file, and what its names stand for.
    names: HashMap<Ino, Vec<u8>>,
    entries: HashMap<(Ino, Vec<u8>), Ino>,
}

impl Pieces {
    fn new(chunk_size: ChunkSize) -> Self {
        let (inline, names, entries) = Default::default();
        Self { tree: Tree::new(chunk_size), inline, names, entries }
    }

    /// Takes what an operation tells of content and names; where it does not fit, nothing.
    fn take(&mut self, operation: &Operation<'_>) {
        match operation {
            Operation::Create { parent, name, ino, .. }
            | Operation::Link { parent, name, ino, .. } => {
                self.names.insert(*ino, name.to_vec());
                self.entries.insert((*parent, name.to_vec()), *ino);
            }
            Operation::Rename { from_parent, from_name, to_parent, to_name, .. }
            | Operation::Move { from_parent, from_name, to_parent, to_name, .. } => {
                if let Some(ino) = self.entries.remove(&(*from_parent, from_name.to_vec())) {
                    self.names.insert(ino, to_name.to_vec());
                    self.entries.insert((*to_parent, to_name.to_vec()), ino);
                }
            }
            Operation::Unlink { parent, name, .. } | Operation::Remove { parent, name, .. } => {
                if let Some(ino) = self.entries.remove(&(*parent, name.to_vec())) {
                    self.inline.remove(&ino);
                    let name = number(ino);
                    let unlink =
                        Operation::Unlink { parent: Ino::ROOT, name: &name, time: Time::default() };
                    if self.tree.apply(&unlink).is_ok() {
                        self.tree.forget(ino);
                    }
                }
            }
            Operation::Write { ino, runs, .. } => {
                self.content(*ino, operation);
                for run in runs {
                    let end = run.first_chunk.saturating_add(run.count.into());
                    self.drop_inline(*ino, run.first_chunk, end);
                }
            }
            Operation::WriteInline { ino, chunks, .. } => {
                let kept = self.inline.entry(*ino).or_default();
                kept.extend(chunks.iter().map(|it| (it.chunk_index, it.bytes.to_vec())));
            }
            Operation::Truncate { ino, size, .. } => {
                self.content(*ino, operation);
                let end = self.tree.chunk_size().count_for(*size);
                self.drop_inline(*ino, end, u64::MAX);
            }
            Operation::Punch { ino, first_chunk, count, .. } => {
                self.content(*ino, operation);
                self.drop_inline(*ino, *first_chunk, first_chunk.saturating_add(*count));
            }
            _ => {}
        }
    }

    /// Applies what changes a file's content alone.
    fn content(&mut self, ino: Ino, operation: &Operation<'_>) {
        if self.tree.attributes(ino).is_err() {
            let name = number(ino);
            let made = create(Ino::ROOT, &name, ino, NodeKind::File, Time::default());
            // The name is the inode's own, and it is not there.
            let _ = self.tree.apply(&made);
        }
        if let Err(error) = self.tree.apply(operation) {
            log::debug!("of what is brought back, something does not fit: {error}");
        }
    }

    fn drop_inline(&mut self, ino: Ino, start: u64, end: u64) {
        if let Some(chunks) = self.inline.get_mut(&ino) {
            chunks.retain(|index, _| !(start..end).contains(index));
        }
    }

    /// Files that hold anything.
    fn files(&self) -> Vec<Ino> {
        let mut files: Vec<Ino> = self.tree.all_runs().map(|(ino, _)| ino).collect();
        let has_inline = self.inline.iter().filter(|(_, chunks)| !chunks.is_empty());
        files.extend(has_inline.map(|(ino, _)| *ino));
        files.retain(|ino| self.tree.attributes(*ino).is_ok());
        files.sort_unstable();
        files.dedup();
        files
    }

    /// What a file was last called, in the journal or in `tree`.
    fn name_of(&self, ino: Ino, tree: &Tree) -> Vec<u8> {
        let known = self.names.get(&ino).cloned().or_else(|| {
            let path = tree.path(ino)?;
            path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
        });
        known.filter(|name| check_name(name).is_ok()).unwrap_or_else(|| number(ino).to_vec())
    }

    /// What gives `to` the content of `file`.
    fn content_of(&self, file: Ino, to: Ino, now: Time) -> Vec<Operation<'_>> {
        let Ok(attributes) = self.tree.attributes(file) else { return Vec::new() };
        let runs = self.tree.runs(file, 0, u64::MAX).unwrap_or_default();
        let (size, mtime, ctime) = (attributes.size, attributes.mtime, now);
        let mut operations = vec![Operation::Write { ino: to, runs, size, mtime, ctime }];
        let chunks: Vec<_> = self.inline.get(&file).into_iter().flatten().collect();
        let at_once = INLINE_BYTES_MAX / self.tree.chunk_size().bytes();
        for chunks in chunks.chunks(at_once.max(1)) {
            let chunks = chunks.iter();
            let chunks = chunks.map(|(index, bytes)| InlineChunk { chunk_index: **index, bytes });
            let chunks = chunks.collect();
            operations.push(Operation::WriteInline { ino: to, chunks, size, mtime, ctime });
        }
        operations
    }
}

fn create<'a>(
    parent: Ino,
    name: &'a [u8],
    ino: Ino,
    kind: NodeKind<'a>,
    now: Time,
) -> Operation<'a> {
    let mode = if kind == NodeKind::Folder { FOLDER_MODE } else { FILE_MODE };
    Operation::Create { parent, name, ino, kind, mode, uid: 0, gid: 0, times: Times::Same(now) }
}

/// An inode's number, as a name.
fn number(ino: Ino) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(format!("{:016x}", ino.0).as_bytes());
    name
}
