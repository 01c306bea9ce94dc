//! Bringing a file or folder back from an earlier state, as a copy that shares its chunks.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::format::{Ino, NodeKind, Operation, PackId, Time, Times, name_beside};
use crate::tree::{FileKind, Tree};

use super::arrivals::OutsideChanges;
use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::history::{
    Change, HistoryError, State, Telling, VaultHistory, When, at_path, day_and_time, folder_name,
};

/// More paths of what could not be brought back are not told.
const LACKING_TOLD_MAX: usize = 100;

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
pub enum UndeleteError {
    /// There is no such state.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// No state that there is has it, or another version of it.
    #[error("{0}: no state that can still be had has it, or has it otherwise than it is now")]
    NowhereThere(String),
    /// The state that was asked for does not have it.
    #[error("{path}: it is not in the state of {state}")]
    NotThere {
        /// The path.
        path: String,
        /// The state.
        state: String,
    },
    /// A folder that is there changes all the time: which of its states is meant, nobody can know.
    #[error("{0}: this folder is there: say as of when it is to come back, as in --at 3h")]
    FolderIsThere(String),
    /// The root cannot be a copy of itself.
    #[error("name a file or folder in the vault; “hushfs restore --at” restores all of it")]
    Root,
    /// It was not done, or not to the end.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeleted {
    /// Where it is now, from the root.
    pub path: String,
    /// The time of the state that it is from.
    pub state: String,
    /// Files, folders and links that were made.
    pub entries: u64,
    /// Bytes of content that those share with what there was.
    pub bytes: u64,
    /// Files whose content has been collected in part or altogether, and that were left out; the
    /// first ones.
    pub lacking: Vec<String>,
    /// How many those are.
    pub lacking_count: u64,
    /// What a kernel has to hear of.
    #[serde(skip)]
    pub changes: OutsideChanges,
}

impl FileSystem {
    /// Brings back what stood at `path`, from the root and without a slash at either end, in the state
    /// that `when` means; without that, in the newest state that had it otherwise than it is now. It
    /// gets its own name if that is free, and else one beside. When this returns, it is in the vault.
    ///
    /// # Errors
    /// [`UndeleteError`]; what was made so far stays.
    pub fn undelete(&self, path: &[u8], when: Option<&When>) -> Result<Undeleted, UndeleteError> {
        if path.is_empty() {
            return Err(UndeleteError::Root);
        }
        // Packs that nothing needs must not go while something comes to need them again.
        let _no_collection = lock(&self.one_collection);
        self.write_live()?.writing()?;
        let history = self.vault_history()?;
        let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
        let is_here = listing.packs.keys().copied().collect();
        let state = match when {
            Some(when) => history.find(when)?.clone(),
            None => self.last_other(&history, path, &is_here)?,
        };
        let tree = history.tree_at(&state)?;
        let shown = String::from_utf8_lossy(path).into_owned();
        let from = at_path(&tree, path).ok_or_else(|| UndeleteError::NotThere {
            path: shown.clone(),
            state: folder_name(state.published, false),
        })?;
        let mut copy = Copy {
            files: self,
            tree: &tree,
            is_here,
            made: HashMap::new(),
            done: Undeleted { state: folder_name(state.published, false), ..Undeleted::default() },
        };
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let parent = copy.make_folders(folder)?;
        let name = self.free_name(parent, name, state.published)?;
        copy.note_name(parent, &name);
        copy.copy_all(from, parent, &name, path)?;
        let mut done = copy.done;
        let to = if folder.is_empty() { name } else { [folder, &name].join(&b'/') };
        done.path = String::from_utf8_lossy(&to).into_owned();
        self.publish()?;
        Ok(done)
    }

    /// The newest state in which a path stood for something that it does not stand for now, and all
    /// that was in it is there. Other files of that state may have been collected.
    fn last_other(
        &self,
        history: &VaultHistory,
        path: &[u8],
        is_here: &HashSet<PackId>,
    ) -> Result<State, UndeleteError> {
        let shown = || String::from_utf8_lossy(path).into_owned();
        let now = {
            let live = self.read_live()?;
            at_path(&live.tree, path).map(|ino| live.attributes(ino)).transpose()?
        };
        if now.is_some_and(|now| now.kind == FileKind::Folder) {
            return Err(UndeleteError::FolderIsThere(shown()));
        }
        let now = now.map(|now| (Some(now.size), now.mtime));
        let mut is_other = false;
        let mut found: Option<State> = None;
        history.walk_telling(Telling::All, &[path.to_vec()], &mut |told| {
            if let Some(version) = told.versions.first() {
                is_other = version.change != Change::Removed
                    && now.is_none_or(|now| now != (version.size, version.mtime));
            }
            if is_other && (told.state.is_whole() || is_whole(told.tree, path, is_here)) {
                found = Some(told.state.clone());
            }
        })?;
        found.ok_or_else(|| UndeleteError::NowhereThere(shown()))
    }

    /// The name, or one beside it that is free.
    fn free_name(&self, folder: Ino, name: &[u8], of: Time) -> Result<Vec<u8>, FsError> {
        let live = self.read_live()?;
        let day = day_and_time(of).0;
        let beside = (1_u64..).map(|nth| {
            let number = if nth > 1 { format!(" {nth}") } else { String::new() };
            name_beside(name, &format!("restored {day}{number}"))
        });
        let mut names = std::iter::once(name.to_vec()).chain(beside);
        let free = names.find(|name| live.tree.lookup(folder, name).is_err());
        free.ok_or(FsError::Exists)
    }
}

/// Whether all content of what has this path, and of what is below it, is in packs that are here.
fn is_whole(tree: &Tree, path: &[u8], is_here: &HashSet<PackId>) -> bool {
    let mut next: Vec<Ino> = at_path(tree, path).into_iter().collect();
    while let Some(ino) = next.pop() {
        let mut runs = tree.runs(ino, 0, u64::MAX).into_iter().flatten();
        if runs.any(|run| !is_here.contains(&run.pack)) {
            return false;
        }
        let entries = tree.entries(ino, 0).into_iter().flatten();
        next.extend(entries.map(|(_, _, attributes)| attributes.ino));
    }
    true
}

/// A copy out of an earlier tree in the making.
struct Copy<'a> {
    files: &'a FileSystem,
    tree: &'a Tree,
    /// Packs in the vault.
    is_here: HashSet<PackId>,
    /// What was made of inodes with several names.
    made: HashMap<Ino, Ino>,
    done: Undeleted,
}

impl Copy<'_> {
    fn note_name(&mut self, folder: Ino, name: &[u8]) {
        self.done.changes.inodes.insert(folder);
        self.done.changes.names.insert((folder, name.to_vec()));
    }

    /// The folder at a path, made with all that it is in where it is not there.
    fn make_folders(&mut self, path: &[u8]) -> Result<Ino, FsError> {
        let (mut at, mut then) = (Ino::ROOT, Ino::ROOT);
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            then = self.tree.lookup(then, name)?;
            let there = self.files.read_live()?.tree.lookup(at, name);
            at = match there {
                Ok(ino) => ino,
                Err(_) => {
                    self.note_name(at, name);
                    self.make(then, at, name)?
                }
            };
        }
        match self.files.attributes(at)?.kind {
            FileKind::Folder => Ok(at),
            _ => Err(FsError::NotFolder),
        }
    }

    /// Copies an inode that had this path, and all below it, to a name that is free.
    fn copy_all(
        &mut self,
        from: Ino,
        to_parent: Ino,
        name: &[u8],
        path: &[u8],
    ) -> Result<(), FsError> {
        let mut folders = Vec::new();
        let mut next = vec![(from, to_parent, name.to_vec(), path.to_vec())];
        while let Some((from, parent, name, path)) = next.pop() {
            let Some(made) = self.copy(from, parent, &name, &path)? else { continue };
            if self.tree.attributes(from)?.kind != FileKind::Folder {
                continue;
            }
            folders.push((from, made));
            for (_, name, attributes) in self.tree.entries(from, 0)? {
                let path = [&path, name].join(&b'/');
                next.push((attributes.ino, made, name.to_vec(), path));
            }
        }
        // What was made in them has changed their times.
        for (from, made) in folders {
            let old = self.tree.attributes(from)?;
            let (atime, mtime, ctime) = (Some(old.atime), Some(old.mtime), Time::now());
            let (mode, uid, gid) = (None, None, None);
            let times = Operation::SetAttr { ino: made, mode, uid, gid, atime, mtime, ctime };
            self.files.write_live()?.perform(&times)?;
        }
        Ok(())
    }

    /// Copies one inode; gives the new one unless it was left out or has a further name now.
    fn copy(
        &mut self,
        from: Ino,
        parent: Ino,
        name: &[u8],
        path: &[u8],
    ) -> Result<Option<Ino>, FsError> {
        if let Some(made) = self.made.get(&from) {
            let link = Operation::Link { ino: *made, parent, name, time: Time::now() };
            self.files.write_live()?.perform(&link)?;
            self.done.entries += 1;
            return Ok(None);
        }
        let runs = self.tree.runs(from, 0, u64::MAX).unwrap_or_default();
        if runs.iter().any(|run| !self.is_here.contains(&run.pack)) {
            self.done.lacking_count += 1;
            if self.done.lacking.len() < LACKING_TOLD_MAX {
                self.done.lacking.push(String::from_utf8_lossy(path).into_owned());
            }
            return Ok(None);
        }
        let made = self.make(from, parent, name)?;
        let old = self.tree.attributes(from)?;
        if old.nlink > 1 && old.kind != FileKind::Folder {
            self.made.insert(from, made);
        }
        Ok(Some(made))
    }

    /// Makes one inode like an old one, with its content if it is a file.
    fn make(&mut self, from: Ino, parent: Ino, name: &[u8]) -> Result<Ino, FsError> {
        let old = self.tree.attributes(from)?;
        let kind = match old.kind {
            FileKind::File => NodeKind::File,
            FileKind::Folder => NodeKind::Folder,
            FileKind::Symlink => NodeKind::Symlink(self.tree.link_target(from)?),
            FileKind::Fifo => NodeKind::Fifo,
            FileKind::Socket => NodeKind::Socket,
            FileKind::CharDevice => NodeKind::CharDevice(old.rdev),
            FileKind::BlockDevice => NodeKind::BlockDevice(old.rdev),
        };
        let (ino, ctime) = (Ino::random(), Time::now());
        let (mode, uid, gid) = (old.mode, old.uid, old.gid);
        let times = Times::of(old.atime, old.mtime, ctime);
        let mut operations =
            vec![Operation::Create { parent, name, ino, kind, mode, uid, gid, times }];
        let xattrs = self.tree.xattrs(from)?;
        operations.extend(xattrs.map(|(name, value)| Operation::SetXattr {
            ino,
            name,
            value,
            ctime,
        }));
        if old.kind == FileKind::File {
            let runs = self.tree.runs(from, 0, u64::MAX)?;
            let (size, mtime) = (old.size, old.mtime);
            operations.push(Operation::Write { ino, runs, size, mtime, ctime });
            self.done.bytes += old.size;
        }
        self.files.write_live()?.perform_all(&operations)?;
        self.done.entries += 1;
        Ok(ino)
    }
}
