//! Requests that may be about earlier states: where they go.

use std::ffi::OsStr;
use std::sync::Arc;

use fuser::{Errno, FileHandle, FopenFlags, INodeNo, OpenFlags};

use super::folder::{HistoryFolder, Shown};
use crate::format::Ino;
use crate::fs::{Attributes, FileSystem, FolderEntry, FsError};
use crate::fuse::adapter::Adapter;
use crate::fuse::convert::ino;

impl Adapter {
    /// What is asked to change, if it is not of an earlier state.
    ///
    /// # Errors
    /// `EROFS`.
    pub(in crate::fuse) fn present(&self, of: INodeNo) -> Result<Ino, Errno> {
        if self.history.has(ino(of)) { Err(Errno::EROFS) } else { Ok(ino(of)) }
    }

    /// The folder of a name that is asked to change, likewise.
    pub(in crate::fuse) fn present_name(
        &self,
        parent: INodeNo,
        name: &OsStr,
    ) -> Result<Ino, Errno> {
        let is_past = self.history.holds(&self.files, ino(parent), name);
        if is_past { Err(Errno::EROFS) } else { Ok(ino(parent)) }
    }

    /// The files that an inode is of, and its number there.
    pub(in crate::fuse) fn place(&self, of: Ino) -> Result<(Arc<FileSystem>, Ino), Errno> {
        match self.history.shown(&self.files, of) {
            Some(shown) => shown.map(|Shown { files, ino }| (files, ino)),
            None => Ok((self.files.clone(), of)),
        }
    }

    pub(in crate::fuse) fn attributes(&self, of: Ino) -> Result<Attributes, Errno> {
        match self.history.attributes(&self.files, of) {
            Some(attributes) => attributes,
            None => Ok(self.files.attributes(of)?),
        }
    }

    pub(in crate::fuse) fn read_link(&self, of: Ino) -> Result<Vec<u8>, Errno> {
        let (files, ino) = self.place(of)?;
        Ok(files.read_link(ino)?)
    }

    pub(in crate::fuse) fn open_any(&self, of: Ino, flags: OpenFlags) -> Result<FopenFlags, Errno> {
        if !self.history.has(of) {
            return Ok(self.open(of, flags)?);
        }
        HistoryFolder::check_open(flags)?;
        // Nothing in it ever changes, and nothing is written through it.
        Ok(FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH)
    }

    /// Brings a file to where it is safe; what is of an earlier state is.
    pub(in crate::fuse) fn sync(
        &self,
        of: Ino,
        sync: impl FnOnce(&FileSystem, Ino) -> Result<(), FsError>,
    ) -> Result<(), Errno> {
        if self.history.has(of) { Ok(()) } else { Ok(sync(&self.files, of)?) }
    }

    pub(in crate::fuse) fn list_any(
        &self,
        of: Ino,
        handle: FileHandle,
        cookie: u64,
        is_told: bool,
        add: &mut dyn FnMut(&FolderEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        match self.history.list(&self.files, of, cookie, is_told, add) {
            Some(listed) => listed,
            None => self.list(of, handle, cookie, add),
        }
    }

    pub(in crate::fuse) fn xattr_names(&self, of: Ino) -> Result<Vec<u8>, Errno> {
        match self.place(of) {
            // The folders around the states have none.
            Err(errno) if errno == Errno::NO_XATTR => Ok(Vec::new()),
            place => {
                let (files, ino) = place?;
                Ok(files.xattr_names(ino)?)
            }
        }
    }
}
