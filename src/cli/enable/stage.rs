//! A folder in the vault's root in which copies are made, so that what has its name there is whole.

use crate::crypto::ObjectId;
use crate::format::{DEFAULT_LIST, Ino, NodeKind};
use crate::fs::{FileKind, FileSystem, FsError, NewNode, XattrMode};

use super::compare::STAGE_SIGN;

/// What the folder's name starts with.
const NAME_START: &[u8] = b".hushfs-enable-";
const DRAFT: &[u8] = b"draft";

/// The folder, with at most one draft in it.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    files: &'a FileSystem,
    name: Vec<u8>,
    folder: Ino,
}

impl<'a> Stage<'a> {
    /// Makes it; removes what runs that were cut off have left.
    ///
    /// # Errors
    /// [`FsError`].
    pub(super) fn make(files: &'a FileSystem) -> Result<Self, FsError> {
        remove_old(files)?;
        let name = [NAME_START, ObjectId::random().to_string().as_bytes()].concat();
        let new = NewNode { mode: 0o700, umask: 0, uid: 0, gid: 0 };
        let folder = files.make(Ino::ROOT, &name, NodeKind::Folder, new)?.ino;
        // Before anything is in it.
        files.set_xattr(folder, STAGE_SIGN, b"", XattrMode::Set)?;
        // Of the root's: nothing made here is to inherit it.
        files.remove_xattr(folder, DEFAULT_LIST)?;
        Ok(Self { files, name, folder })
    }

    /// A new inode, which has no other name yet.
    ///
    /// # Errors
    /// [`FsError`].
    pub(super) fn draft(&self, kind: NodeKind<'_>, new: NewNode) -> Result<Ino, FsError> {
        self.discard()?;
        Ok(self.files.make(self.folder, DRAFT, kind, new)?.ino)
    }

    /// One more name of an inode.
    ///
    /// # Errors
    /// [`FsError`].
    pub(super) fn draft_link(&self, ino: Ino) -> Result<(), FsError> {
        self.discard()?;
        self.files.link(ino, self.folder, DRAFT).map(drop)
    }

    /// Where the draft is.
    pub(super) fn draft_place(&self) -> (Ino, &'static [u8]) {
        (self.folder, DRAFT)
    }

    fn discard(&self) -> Result<(), FsError> {
        match self.files.lookup(self.folder, DRAFT) {
            Err(FsError::NotFound) => Ok(()),
            found => match found?.kind {
                FileKind::Folder => self.files.remove_folder(self.folder, DRAFT),
                _ => self.files.unlink(self.folder, DRAFT),
            },
        }
    }

    /// Removes it again.
    ///
    /// # Errors
    /// [`FsError`].
    pub(super) fn remove(self) -> Result<(), FsError> {
        self.discard()?;
        self.files.remove_folder(Ino::ROOT, &self.name)
    }
}

fn remove_old(files: &FileSystem) -> Result<(), FsError> {
    let mut old = Vec::new();
    files.list(Ino::ROOT, 0, &mut |entry| {
        if entry.name.starts_with(NAME_START) && entry.attributes.kind == FileKind::Folder {
            old.push((entry.name.to_vec(), entry.attributes.ino));
        }
        true
    })?;
    for (name, folder) in old {
        if files.xattr(folder, STAGE_SIGN).is_ok() {
            Stage { files, name, folder }.remove()?;
        }
    }
    Ok(())
}
