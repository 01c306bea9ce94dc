//! Behind a break in the log: what still fits of the operations there, and files from packs whose
//! log object is lost.

use std::collections::HashSet;

use crate::format::{ChunkSize, Ino, NodeKind, Operation, Time, Times, encode_operation};
use crate::tree::{ApplyError, FileKind, Tree};

use super::lost_packs::{LostPacks, LostPiece};

/// The folder in the root of the vault's files that takes what has no other place.
pub(super) const LOST_NAME: &str = "lost+found";

/// A tree that grows beyond what the unbroken log gives, and the operations that made it so.
pub(super) struct Rebuild<'a> {
    pub(super) tree: Tree,
    pub(super) operations: Vec<u8>,
    /// Operations that do not fit, in sentences.
    pub(super) skipped: Vec<String>,
    /// Paths of what came to stand in the folder for it, each with a word on why.
    pub(super) brought_back: Vec<String>,
    packs: &'a LostPacks,
    now: Time,
    folder: Option<Ino>,
    /// Files that were brought back already.
    adopted: HashSet<Ino>,
}

impl<'a> Rebuild<'a> {
    pub(super) fn new(tree: Tree, packs: &'a LostPacks, now: Time) -> Self {
        Self {
            tree,
            operations: Vec::new(),
            skipped: Vec::new(),
            brought_back: Vec::new(),
            packs,
            now,
            folder: None,
            adopted: HashSet::new(),
        }
    }

    /// Applies an operation that was written onto a state which is not to be had, if it fits this
    /// one, or can be made to.
    pub(super) fn take_over(&mut self, operation: &Operation<'_>) {
        let Err(error) = self.perform(operation) else { return };
        let again = match (operation, error) {
            // Marks of another repair, whose file is not here.
            (Operation::RemoveXattr { .. }, _) => Ok(()),
            (
                Operation::Create { name, ino, kind, mode, uid, gid, times, .. },
                ApplyError::NoInode(_) | ApplyError::NotFolder | ApplyError::NameTaken,
            ) => self.create_lost(*ino, name, *kind, (*mode, *uid, *gid, *times)),
            (_, ApplyError::NoInode(missing)) => match file_of(operation) {
                Some(ino) if ino == missing => self.adopt(ino, operation),
                _ => Err(error),
            },
            _ => Err(error),
        };
        if let Err(error) = again {
            self.skipped.push(format!("{}: {error}", described(operation)));
        }
    }

    /// Makes a file of everything that unmentioned packs tell of and nothing else does.
    pub(super) fn bring_back_rest(&mut self) {
        let packs = self.packs;
        for (ino, pieces) in &packs.files {
            let result = match self.tree.attributes(*ino).map(|attributes| attributes.kind) {
                // It was brought back when an operation named it.
                _ if self.adopted.contains(ino) => Ok(()),
                Ok(FileKind::File) => self.bring_back_beside(*ino, pieces),
                Ok(_) => Err(ApplyError::WrongKind),
                Err(_) => self.bring_back(*ino, *ino, pieces),
            };
            if let Err(error) = result {
                self.skipped.push(format!("content of the file {ino}: {error}"));
            }
        }
    }

    /// Makes a file in the folder for what has no other place; gives its path.
    ///
    /// # Errors
    /// [`ApplyError`], with nothing made.
    pub(super) fn make_lost_file(
        &mut self,
        ino: Ino,
        name: &[u8],
        mtime: Time,
    ) -> Result<String, ApplyError> {
        let times = Times::of(mtime, mtime, self.now);
        let (uid, gid) = self.owner();
        self.create_in_lost(ino, name, NodeKind::File, (0o600, uid, gid, times))
    }

    /// Applies an operation, and keeps it.
    ///
    /// # Errors
    /// [`ApplyError`], with nothing changed.
    pub(super) fn perform(&mut self, operation: &Operation<'_>) -> Result<(), ApplyError> {
        if let Some(gone) = self.tree.apply(operation)? {
            self.tree.forget(gone);
        }
        encode_operation(operation, &mut self.operations);
        Ok(())
    }

    /// An operation names a file that is not there: it is brought back from packs, or made, and
    /// the operation applied.
    fn adopt(&mut self, ino: Ino, operation: &Operation<'_>) -> Result<(), ApplyError> {
        let packs = self.packs;
        match (packs.files.get(&ino), operation) {
            (Some(pieces), _) => self.bring_back(ino, ino, pieces)?,
            (None, Operation::Write { mtime, .. }) => {
                let path = self.make_lost_file(ino, &packs.name_of(ino), *mtime)?;
                self.brought_back.push(format!("{path}: what made it is lost"));
            }
            (None, _) => return Err(ApplyError::NoInode(ino)),
        }
        self.perform(operation)
    }

    fn bring_back(&mut self, told: Ino, ino: Ino, pieces: &[LostPiece]) -> Result<(), ApplyError> {
        self.adopted.insert(told);
        let mtime = pieces.last().map_or(self.now, |piece| piece.mtime);
        let path = self.make_lost_file(ino, &self.packs.name_of(told), mtime)?;
        self.write(ino, pieces);
        let known = pieces.iter().rev().find(|piece| !piece.path.is_empty());
        let known = known.map_or(String::new(), |piece| {
            format!(", as “{}”", String::from_utf8_lossy(&piece.path))
        });
        self.brought_back.push(format!("{path}: from packs whose log object is lost{known}"));
        Ok(())
    }

    /// The tree has a file that lost log objects changed: what they made of it comes to stand
    /// beside it, so that neither version is gone.
    fn bring_back_beside(&mut self, ino: Ino, pieces: &[LostPiece]) -> Result<(), ApplyError> {
        let runs = self.tree.runs(ino, 0, u64::MAX)?;
        let attributes = self.tree.attributes(ino)?;
        let beside = Ino::random();
        let start =
            LostPiece { path: Vec::new(), size: attributes.size, mtime: attributes.mtime, runs };
        let all: Vec<LostPiece> = [start].into_iter().chain(pieces.iter().cloned()).collect();
        self.bring_back(ino, beside, &all)
    }

    /// Writes what packs tell of a file, one pack after the other.
    fn write(&mut self, ino: Ino, pieces: &[LostPiece]) {
        let chunk_size = self.tree.chunk_size();
        for piece in pieces {
            let (mtime, ctime) = (piece.mtime, self.now);
            for run in &piece.runs {
                let end = run.first_chunk.saturating_add(run.count.into());
                let end = end.min(chunk_size.index_limit());
                let now = self.tree.attributes(ino).map_or(0, |attributes| attributes.size);
                let bound = chunk_size.start_of(end).min(ChunkSize::FILE_BYTES_MAX);
                let (runs, size) = (vec![*run], now.max(bound));
                // What a pack tells that cannot be is left out.
                if let Err(error) =
                    self.perform(&Operation::Write { ino, runs, size, mtime, ctime })
                {
                    self.skipped.push(format!("a run of the pack {}: {error}", run.pack));
                }
            }
            let _ = self.perform(&Operation::Truncate { ino, size: piece.size, time: mtime });
        }
    }

    fn create_lost(
        &mut self,
        ino: Ino,
        name: &[u8],
        kind: NodeKind<'_>,
        attributes: (u32, u32, u32, Times),
    ) -> Result<(), ApplyError> {
        let path = self.create_in_lost(ino, name, kind, attributes)?;
        self.brought_back.push(format!("{path}: it has no other place any more"));
        Ok(())
    }

    fn create_in_lost(
        &mut self,
        ino: Ino,
        name: &[u8],
        kind: NodeKind<'_>,
        (mode, uid, gid, times): (u32, u32, u32, Times),
    ) -> Result<String, ApplyError> {
        let parent = self.lost_folder()?;
        let name = self.tree.free_name(parent, name);
        self.perform(&Operation::Create { parent, name: &name, ino, kind, mode, uid, gid, times })?;
        let path = self.tree.path(ino).unwrap_or(name);
        Ok(String::from_utf8_lossy(&path).into_owned())
    }

    /// The folder for what has no other place; made if there is none.
    fn lost_folder(&mut self) -> Result<Ino, ApplyError> {
        if let Some(folder) = self.folder {
            return Ok(folder);
        }
        let there = self.tree.lookup(Ino::ROOT, LOST_NAME.as_bytes());
        let is_folder = |ino| self.tree.attributes(ino).is_ok_and(|a| a.kind == FileKind::Folder);
        let folder = match there {
            Ok(ino) if is_folder(ino) => ino,
            _ => {
                let name = self.tree.free_name(Ino::ROOT, LOST_NAME.as_bytes());
                let (ino, (uid, gid)) = (Ino::random(), self.owner());
                self.perform(&Operation::Create {
                    parent: Ino::ROOT,
                    name: &name,
                    ino,
                    kind: NodeKind::Folder,
                    mode: 0o700,
                    uid,
                    gid,
                    times: Times::Same(self.now),
                })?;
                ino
            }
        };
        self.folder = Some(folder);
        Ok(folder)
    }

    /// Whose the root is, that is what is made here.
    fn owner(&self) -> (u32, u32) {
        self.tree.attributes(Ino::ROOT).map_or((0, 0), |root| (root.uid, root.gid))
    }
}

/// The file that an operation changes by itself.
fn file_of(operation: &Operation<'_>) -> Option<Ino> {
    match operation {
        Operation::Write { ino, .. }
        | Operation::Truncate { ino, .. }
        | Operation::Punch { ino, .. }
        | Operation::Relocate { ino, .. }
        | Operation::SetAttr { ino, .. }
        | Operation::SetXattr { ino, .. }
        | Operation::Link { ino, .. } => Some(*ino),
        _ => None,
    }
}

/// An operation in words.
fn described(operation: &Operation<'_>) -> String {
    let text = |name: &[u8]| format!("“{}”", String::from_utf8_lossy(name));
    match operation {
        Operation::Create { name, .. } => format!("making {}", text(name)),
        Operation::Link { name, .. } => format!("linking {}", text(name)),
        Operation::Unlink { name, .. } | Operation::Remove { name, .. } => {
            format!("removing {}", text(name))
        }
        Operation::Rename { from_name, to_name, .. }
        | Operation::Move { from_name, to_name, .. } => {
            format!("moving {} to {}", text(from_name), text(to_name))
        }
        Operation::SetAttr { ino, .. } => format!("attributes of the file {ino}"),
        Operation::SetXattr { ino, name, .. } | Operation::RemoveXattr { ino, name, .. } => {
            format!("the attribute {} of the file {ino}", text(name))
        }
        Operation::Write { ino, .. } | Operation::WriteInline { ino, .. } => {
            format!("writing to the file {ino}")
        }
        Operation::Truncate { ino, .. } => format!("cutting the file {ino}"),
        Operation::Punch { ino, .. } => format!("a hole in the file {ino}"),
        Operation::Relocate { ino, .. } => format!("moving content of the file {ino}"),
        Operation::PackUnused { pack, .. } => format!("letting go of the pack {pack}"),
    }
}
