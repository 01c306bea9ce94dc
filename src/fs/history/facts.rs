//! What a log object changed, found while its operations are applied.

use std::collections::{BTreeMap, HashMap};

use crate::format::{ChunkSize, Ino, Operation, Time};
use crate::tree::{FileKind, Tree};

use super::super::recover::runs_of;
use super::super::touched::{inode_of, names_of};

/// How much a state changed. Folders and links count as files do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that came.
    pub added: u64,
    /// Files that were written to, renamed, replaced, or given other attributes.
    pub changed: u64,
    /// Files that went.
    pub removed: u64,
    /// Bytes of content that were written.
    pub written_bytes: u64,
}

impl Changes {
    /// Whether nothing that anybody can see was changed.
    pub fn is_nothing(&self) -> bool {
        (self.added, self.changed, self.removed) == (0, 0, 0)
    }
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came.
    Added,
    /// It is another, or has something else in it.
    Changed,
    /// It went.
    Removed,
}

/// A path in a state that changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The path, from the root, without a leading slash.
    pub path: Vec<u8>,
    /// What became of it.
    pub change: Change,
    /// Its size; of what was removed, the size that it had. `None` of a folder.
    pub size: Option<u64>,
    /// Its content time likewise.
    pub mtime: Time,
}

/// An inode as it was before a log object.
#[derive(Clone, Copy, Debug)]
struct Before {
    is_named: bool,
    replaced_by: Option<Ino>,
}

/// What a path stood for before a log object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stood {
    ino: Ino,
    is_folder: bool,
    size: u64,
    mtime: Time,
    ctime: Time,
}

/// Takes down what operations change, from one state that is told of to the next.
pub(super) struct Observer<'a> {
    chunk_size: ChunkSize,
    paths: &'a [Vec<u8>],
    stood: Vec<Option<Stood>>,
    /// Paths of folders below which something changed.
    is_hit: Vec<bool>,
    touched: HashMap<Ino, Before>,
    written_bytes: u64,
}

impl<'a> Observer<'a> {
    /// Before the first state nothing stands anywhere.
    pub(super) fn new(chunk_size: ChunkSize, paths: &'a [Vec<u8>]) -> Self {
        Self {
            chunk_size,
            paths,
            stood: vec![None; paths.len()],
            is_hit: vec![false; paths.len()],
            touched: HashMap::new(),
            written_bytes: 0,
        }
    }

    /// An operation is about to be applied.
    pub(super) fn see(&mut self, tree: &Tree, operation: &Operation<'_>) {
        // Content that stands elsewhere is the same, and a pack is no file.
        if matches!(operation, Operation::Relocate { .. } | Operation::PackUnused { .. }) {
            return;
        }
        for run in runs_of(operation) {
            let whole = u64::from(run.count.saturating_sub(1));
            self.written_bytes += self.chunk_size.start_of(whole) + u64::from(run.tail_bytes);
        }
        let names = names_of(operation);
        for (folder, name) in names.into_iter().flatten() {
            if let Ok(ino) = tree.lookup(folder, name) {
                self.touch(tree, ino);
            }
            self.hit_at(tree, folder);
        }
        if let Operation::Create { ino, .. } | Operation::Link { ino, .. } = operation {
            self.touch(tree, *ino);
        }
        if let Some(ino) = inode_of(operation) {
            self.touch(tree, ino);
            self.hit_at(tree, ino);
        }
        if let Operation::Move { ino, replaced: Some(replaced), exchange: false, .. } = operation
            && let Some(before) = self.touched.get_mut(replaced)
        {
            before.replaced_by = Some(*ino);
        }
    }

    fn touch(&mut self, tree: &Tree, ino: Ino) {
        self.touched
            .entry(ino)
            .or_insert_with(|| Before { is_named: is_named(tree, ino), replaced_by: None });
    }

    /// An inode changes, or the names in a folder.
    fn hit_at(&mut self, tree: &Tree, ino: Ino) {
        // To find a path takes longer than all else here.
        let is_asked = self.is_hit.contains(&false);
        let Some(changed) = is_asked.then(|| tree.path(ino)).flatten() else { return };
        for (path, is_hit) in self.paths.iter().zip(&mut self.is_hit) {
            let rest = changed.strip_prefix(path.as_slice());
            *is_hit |= path.is_empty()
                || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        }
    }

    /// Forgets what was seen since the last state that was told of.
    pub(super) fn start_anew(&mut self) {
        self.touched.clear();
        self.written_bytes = 0;
    }

    /// Everything up to a state has been applied: gives what was changed, also of the paths that are
    /// looked at.
    pub(super) fn finish(&mut self, tree: &Tree) -> (Changes, Vec<Version>) {
        let touched = std::mem::take(&mut self.touched);
        let written_bytes = std::mem::take(&mut self.written_bytes);
        let mut changes = Changes { written_bytes, ..Changes::default() };
        let came = |ino: &Ino| {
            touched.get(ino).is_some_and(|before| !before.is_named) && is_named(tree, *ino)
        };
        // A program that writes a new file and gives it the name of the old one has changed the old.
        let mut replaced = 0;
        for (ino, before) in &touched {
            match (before.is_named, is_named(tree, *ino)) {
                (false, true) => changes.added += 1,
                (true, true) => changes.changed += 1,
                (true, false) if before.replaced_by.as_ref().is_some_and(came) => replaced += 1,
                (true, false) => changes.removed += 1,
                (false, false) => {}
            }
        }
        let replaced = changes.added.min(replaced);
        changes.added -= replaced;
        changes.changed += replaced;
        (changes, self.versions(tree))
    }

    fn versions(&mut self, tree: &Tree) -> Vec<Version> {
        let mut versions = Vec::new();
        for (nth, path) in self.paths.iter().enumerate() {
            let now = stands(tree, path);
            let was = std::mem::replace(&mut self.stood[nth], now);
            let is_hit = std::mem::replace(&mut self.is_hit[nth], false);
            let is_folder = now.is_some_and(|now| now.is_folder);
            let (change, stood) = match (was, now) {
                (None, Some(now)) => (Change::Added, now),
                (Some(was), None) => (Change::Removed, was),
                (Some(was), Some(now)) if was != now || is_hit && is_folder => {
                    (Change::Changed, now)
                }
                _ => continue,
            };
            let size = (!stood.is_folder).then_some(stood.size);
            versions.push(Version { path: path.clone(), change, size, mtime: stood.mtime });
        }
        versions
    }
}

fn is_named(tree: &Tree, ino: Ino) -> bool {
    tree.attributes(ino).is_ok_and(|attributes| attributes.nlink > 0)
}

fn stands(tree: &Tree, path: &[u8]) -> Option<Stood> {
    let attributes = tree.attributes(at_path(tree, path)?).ok()?;
    Some(Stood {
        ino: attributes.ino,
        is_folder: attributes.kind == FileKind::Folder,
        size: attributes.size,
        mtime: attributes.mtime,
        ctime: attributes.ctime,
    })
}

/// What a path from the root stands for.
pub(in super::super) fn at_path(tree: &Tree, path: &[u8]) -> Option<Ino> {
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    names.into_iter().try_fold(Ino::ROOT, |folder, name| tree.lookup(folder, name).ok())
}

/// Every name of a state with what it stands for, in order.
pub(super) fn every_path(tree: &Tree) -> BTreeMap<Vec<u8>, Ino> {
    let mut paths = BTreeMap::new();
    let mut folders = vec![(Ino::ROOT, Vec::new())];
    while let Some((folder, path)) = folders.pop() {
        for (_, name, attributes) in tree.entries(folder, 0).into_iter().flatten() {
            let below = match path.is_empty() {
                true => name.to_vec(),
                false => [&path, name].join(&b'/'),
            };
            if attributes.kind == FileKind::Folder {
                folders.push((attributes.ino, below.clone()));
            }
            paths.insert(below, attributes.ino);
        }
    }
    paths
}
