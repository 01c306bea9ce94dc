//! From the folder into the vault. What is there already is left alone, so a copy that was cut off
//! goes on.
//!
//! A file is made in the stage and takes its name once it is whole. It carries a mark until all is
//! settled, which names the inode that it was made of: if that has changed by the next run, the copy is
//! replaced. Anything else of that name in the vault stays, and the file comes beside it: what was
//! deleted in the folder is nowhere else.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, Stat};

use crate::cli::error::Error;
use crate::cli::host::device_of;
use crate::cli::progress::Progress;
use crate::format::{Ino, NodeKind, Time};
use crate::fs::{
    AttributeChange, Attributes, FileKind, FileSystem, FsError, NewNode, RenameMode, XattrMode,
};

use super::compare::{
    CompareError, Owners, accessed, differing_attribute, is_same, mode_of, modified, next_piece,
    size_of, xattrs_in, xattrs_of,
};
use super::counterpart::{Found, counterpart};
use super::marks::{MARK, Source, is_marked, mark_of};
use super::plain::{Place, PlainFolder, Visit, kind_of, walk};
use super::stage::Stage;

/// So much is copied before it is published: what waits in the state folder stays small.
const PUBLISH_EVERY_BYTES: u64 = 256 << 20;

/// What a copy came to.
#[derive(Debug, Default)]
pub(super) struct Copied {
    /// What could not be copied, by path, and why not.
    pub(super) failed: HashMap<Vec<u8>, String>,
    /// What is in the vault under another name, since its own is taken: path, and name there.
    pub(super) beside: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Copies everything below a folder that the vault does not have. What cannot be read is no error.
///
/// # Errors
/// [`Error::Files`] if the vault takes nothing more; what was copied so far is whole.
pub(super) fn copy_all(
    files: &FileSystem,
    root: &PlainFolder,
    progress: &Progress,
) -> Result<Copied, Error> {
    let reading = |source| Error::Io { doing: "reading the folder".to_owned(), source };
    let stat = root.stat_self().map_err(reading)?;
    let before = files.attributes(Ino::ROOT)?;
    let stage = Stage::make(files)?;
    let mut copier = Copier {
        files,
        stage: &stage,
        progress,
        folders: Vec::new(),
        inodes: HashMap::new(),
        unpublished_bytes: 0,
        copied: Copied::default(),
    };
    // Nothing in it: it may be the place that an earlier run has emptied.
    let is_empty = root.names().map_err(reading)?.is_empty();
    if !is_empty {
        let at = Place { folder: root, name: b".", path: b"" };
        let set = copier.set_attributes(Ino::ROOT, &at, &stat);
        copier.note(b"", set)?;
    }
    copier.folders.push(OpenFolder { ino: Ino::ROOT, stat });
    walk(root.descend(b"").map_err(reading)?, &mut copier)?;
    let copied = std::mem::take(&mut copier.copied);
    stage.remove()?;
    if !is_empty && modified(&stat) < before.mtime {
        set_times(files, Ino::ROOT, accessed(&stat), modified(&stat))?;
    } else {
        // Only the stage has come and gone.
        set_times(files, Ino::ROOT, before.atime, before.mtime)?;
    }
    Ok(copied)
}

/// A folder that is being copied.
struct OpenFolder {
    ino: Ino,
    stat: Stat,
}

struct Copier<'a> {
    files: &'a FileSystem,
    stage: &'a Stage<'a>,
    progress: &'a Progress,
    folders: Vec<OpenFolder>,
    /// What files with several names are in the vault, by device and number.
    inodes: HashMap<(u64, u64), Ino>,
    unpublished_bytes: u64,
    copied: Copied,
}

/// No other file will fare better.
fn is_fatal(error: &FsError) -> bool {
    matches!(error, FsError::NoSpace | FsError::ReadOnly(_) | FsError::Disk(_))
}

impl Visit for Copier<'_> {
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error> {
        let kind = kind_of(stat);
        let done = match kind {
            FileType::RegularFile | FileType::Symlink | FileType::Fifo => self.copy(at, stat),
            // It will be named as what stays.
            _ => Ok(()),
        };
        self.progress.finish_file();
        self.note(at.path, done)
    }

    fn enter(&mut self, at: &Place<'_>, stat: &Stat) -> Result<bool, Error> {
        match self.enter_folder(at, stat) {
            Ok(ino) => {
                self.folders.push(OpenFolder { ino, stat: *stat });
                Ok(true)
            }
            Err(error) => self.note(at.path, Err(error)).map(|()| false),
        }
    }

    fn leave(&mut self, path: &[u8]) -> Result<(), Error> {
        match self.folders.pop() {
            Some(OpenFolder { ino, stat }) => {
                let set = set_back_times(self.files, ino, &stat);
                self.note(path, set.map_err(CompareError::from))
            }
            None => Ok(()),
        }
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        self.copied.failed.insert(path.to_vec(), CompareError::from(error).to_string());
    }
}

impl Copier<'_> {
    fn note(&mut self, path: &[u8], done: Result<(), CompareError>) -> Result<(), Error> {
        match done {
            Err(CompareError::Vault(error)) if is_fatal(&error) => Err(error.into()),
            Err(error) => {
                self.copied.failed.insert(path.to_vec(), error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn parent(&self) -> Ino {
        self.folders.last().map_or(Ino::ROOT, |folder| folder.ino)
    }

    fn note_beside(&mut self, at: &Place<'_>, name: &[u8]) {
        if name != at.name {
            self.copied.beside.push((at.path.to_vec(), name.to_vec()));
        }
    }

    fn enter_folder(&mut self, at: &Place<'_>, stat: &Stat) -> Result<Ino, CompareError> {
        let (files, parent) = (self.files, self.parent());
        let mut used = at.name.to_vec();
        let found = counterpart(files, parent, at.name, &mut |name, found| {
            used = name.to_vec();
            Ok::<_, CompareError>(found.kind == FileKind::Folder)
        })?;
        let ino = match found {
            Found::There(found) => {
                if differing_attribute(at, stat, files, &found, Owners::Same)?.is_some() {
                    self.set_attributes(found.ino, at, stat)?;
                }
                found.ino
            }
            Found::Free(name) => {
                used.clone_from(&name);
                let ino = self.stage.draft(NodeKind::Folder, new_node(stat))?;
                self.set_attributes(ino, at, stat)?;
                self.place_draft(parent, &name, RenameMode::NoReplace)?;
                ino
            }
        };
        self.note_beside(at, &used);
        Ok(ino)
    }

    /// Copies what is no folder, unless it is there.
    fn copy(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), CompareError> {
        let (files, parent, progress) = (self.files, self.parent(), self.progress);
        let number = (device_of(stat), stat.st_ino);
        let known = self.inodes.get(&number).copied();
        let mut outdated = None;
        let mut used = at.name.to_vec();
        let found = counterpart(files, parent, at.name, &mut |name, found: &Attributes| {
            used = name.to_vec();
            if known == Some(found.ino) {
                return Ok(true);
            }
            if is_same(at, stat, files, found, &|bytes| progress.advance(bytes))? {
                return Ok::<_, CompareError>(true);
            }
            outdated = is_marked(files, at, found).then(|| name.to_vec());
            Ok(outdated.is_some())
        })?;
        let ino = match (found, outdated) {
            (Found::There(_), Some(name)) => {
                self.put(at, stat, known, parent, &name, RenameMode::Replace)?
            }
            (Found::Free(name), _) => {
                used.clone_from(&name);
                self.put(at, stat, known, parent, &name, RenameMode::NoReplace)?
            }
            (Found::There(found), None) => {
                if differing_attribute(at, stat, files, &found, Owners::Same)?.is_some() {
                    self.set_attributes(found.ino, at, stat)?;
                    if files.xattr(found.ino, MARK).is_ok() {
                        self.mark(found.ino, at, stat)?;
                    }
                }
                found.ino
            }
        };
        if stat.st_nlink > 1 {
            self.inodes.insert(number, ino);
        }
        self.note_beside(at, &used);
        Ok(())
    }

    /// Gives something of the folder its name in the vault: `known` if it has another one there.
    fn put(
        &mut self,
        at: &Place<'_>,
        stat: &Stat,
        known: Option<Ino>,
        parent: Ino,
        name: &[u8],
        mode: RenameMode,
    ) -> Result<Ino, CompareError> {
        if let Some(ino) = known {
            let (folder, draft) = self.stage.draft_place();
            if mode == RenameMode::NoReplace {
                self.files.link(ino, parent, name)?;
            } else {
                self.stage.draft_link(ino)?;
                self.files.rename(folder, draft, parent, name, mode)?;
            }
            return Ok(ino);
        }
        let new = new_node(stat);
        let ino = match kind_of(stat) {
            FileType::RegularFile => {
                let file = at.folder.file(at.name)?;
                let ino = self.stage.draft(NodeKind::File, new)?;
                self.copy_content(&file, ino, size_of(stat))?;
                ino
            }
            FileType::Symlink => {
                let target = at.folder.link_target(at.name)?;
                self.stage.draft(NodeKind::Symlink(&target), new)?
            }
            _ => self.stage.draft(NodeKind::Fifo, new)?,
        };
        self.set_attributes(ino, at, stat)?;
        if kind_of(stat) == FileType::RegularFile {
            self.mark(ino, at, stat)?;
        }
        self.place_draft(parent, name, mode)?;
        if self.unpublished_bytes >= PUBLISH_EVERY_BYTES {
            self.files.publish()?;
            self.unpublished_bytes = 0;
        }
        Ok(ino)
    }

    fn place_draft(&self, parent: Ino, name: &[u8], mode: RenameMode) -> Result<(), FsError> {
        let (folder, draft) = self.stage.draft_place();
        self.files.rename(folder, draft, parent, name, mode)
    }

    fn copy_content(&mut self, file: &File, ino: Ino, size: u64) -> Result<(), CompareError> {
        let mut buffer = vec![0; super::compare::PIECE_BYTES as usize];
        let mut at = 0;
        while let Some((start, bytes)) = next_piece(file, at, size) {
            let piece = &mut buffer[..bytes as usize];
            file.read_exact_at(piece, start)?;
            self.files.write(ino, start, piece, false)?;
            self.progress.advance(bytes);
            self.unpublished_bytes += bytes;
            at = start + bytes;
        }
        if self.files.attributes(ino)?.size != size {
            let change = AttributeChange { size: Some(size), ..AttributeChange::default() };
            self.files.set_attributes(ino, &change)?;
        }
        Ok(self.files.close(ino)?)
    }

    fn mark(&self, ino: Ino, at: &Place<'_>, stat: &Stat) -> Result<(), FsError> {
        let Some(source) = Source::of(at) else { return Ok(()) };
        let value = mark_of(size_of(stat), modified(stat), &source);
        self.files.set_xattr(ino, MARK, &value, XattrMode::Set)
    }

    /// Sets owner, attributes, mode and times as they are in the folder: the owner first, whose
    /// change takes setuid away, and the times last.
    fn set_attributes(&self, ino: Ino, at: &Place<'_>, stat: &Stat) -> Result<(), CompareError> {
        let files = self.files;
        let owner = AttributeChange {
            uid: Some(stat.st_uid),
            gid: Some(stat.st_gid),
            ..AttributeChange::default()
        };
        let before = files.attributes(ino)?;
        if (before.uid, before.gid) != (stat.st_uid, stat.st_gid) {
            files.set_attributes(ino, &owner)?;
        }
        let (wanted, there) = (xattrs_of(at.folder, at.name)?, xattrs_in(files, ino)?);
        for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
            files.remove_xattr(ino, name)?;
        }
        for (name, value) in wanted.iter().filter(|(name, value)| there.get(*name) != Some(value)) {
            files.set_xattr(ino, name, value, XattrMode::Set)?;
        }
        let is_folder = kind_of(stat) == FileType::Directory;
        let is_link = kind_of(stat) == FileType::Symlink;
        let change = AttributeChange {
            mode: (!is_link).then(|| mode_of(stat)),
            atime: (!is_folder).then(|| accessed(stat)),
            mtime: (!is_folder).then(|| modified(stat)),
            ..AttributeChange::default()
        };
        files.set_attributes(ino, &change)?;
        Ok(())
    }
}

/// A folder's times. Copies that were put into it have made it newer in the vault, deletions in a run
/// that was cut off have made it newer outside: the earlier time is the folder's own.
fn set_back_times(files: &FileSystem, ino: Ino, stat: &Stat) -> Result<(), FsError> {
    match files.attributes(ino)?.mtime > modified(stat) {
        true => set_times(files, ino, accessed(stat), modified(stat)),
        false => Ok(()),
    }
}

fn set_times(files: &FileSystem, ino: Ino, atime: Time, mtime: Time) -> Result<(), FsError> {
    let (atime, mtime) = (Some(atime), Some(mtime));
    files.set_attributes(ino, &AttributeChange { atime, mtime, ..Default::default() }).map(drop)
}

fn new_node(stat: &Stat) -> NewNode {
    NewNode { mode: mode_of(stat), umask: 0, uid: stat.st_uid, gid: stat.st_gid }
}
