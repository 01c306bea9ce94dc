//! A folder in which a conflict is settled: of a mount, or of a vault that is open without one.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::format::Ino;
use crate::fs::{FileKind, FileSystem, FsError, RenameMode};

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its inode's number.
    pub(super) ino: u64,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
    /// Whether it is a folder with nothing in it.
    pub(super) is_empty: bool,
}

/// A folder, and what is done to its entries.
pub(super) trait Folder {
    /// The names in it.
    ///
    /// # Errors
    /// [`Error`].
    fn names(&self) -> Result<Vec<Vec<u8>>, Error>;

    /// What a name stands for, if it is there.
    ///
    /// # Errors
    /// [`Error`].
    fn entry(&self, name: &[u8]) -> Result<Option<Entry>, Error>;

    /// Removes a file or an empty folder.
    ///
    /// # Errors
    /// [`Error`]; nothing has changed then.
    fn remove(&self, name: &[u8], is_folder: bool) -> Result<(), Error>;

    /// Renames, in one step; what has the new name is replaced only if that is wanted.
    ///
    /// # Errors
    /// [`Error`]; nothing has changed then.
    fn rename(&self, from: &[u8], to: &[u8], may_replace: bool) -> Result<(), Error>;
}

/// A folder in a mount.
#[derive(Debug)]
pub(super) struct MountedFolder(PathBuf);

impl MountedFolder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn at(&self, name: &[u8]) -> PathBuf {
        self.0.join(OsStr::from_bytes(name))
    }
}

fn failed(doing: &str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { doing: format!("{doing} {}", path.shown()), source }
}

impl Folder for MountedFolder {
    fn names(&self) -> Result<Vec<Vec<u8>>, Error> {
        let entries = std::fs::read_dir(&self.0);
        let names = entries.and_then(|entries| {
            entries.map(|entry| Ok(entry?.file_name().as_bytes().to_vec())).collect()
        });
        names.map_err(|source| failed("reading", &self.0, source))
    }

    fn entry(&self, name: &[u8]) -> Result<Option<Entry>, Error> {
        let path = self.at(name);
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed("reading", &path, source)),
        };
        let is_folder = metadata.is_dir();
        let is_empty = is_folder && Self::new(&path).names()?.is_empty();
        Ok(Some(Entry { ino: metadata.ino(), is_folder, is_empty }))
    }

    fn remove(&self, name: &[u8], is_folder: bool) -> Result<(), Error> {
        let path = self.at(name);
        let removed = match is_folder {
            true => std::fs::remove_dir(&path),
            false => std::fs::remove_file(&path),
        };
        removed.map_err(|source| failed("removing", &path, source))
    }

    fn rename(&self, from: &[u8], to: &[u8], may_replace: bool) -> Result<(), Error> {
        let (from, to) = (self.at(from), self.at(to));
        let flags = if may_replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        renameat_with(CWD, &from, CWD, &to, flags)
            .map_err(|error| failed(&format!("renaming {} to", from.shown()), &to, error.into()))
    }
}

/// A folder of a vault that is open without a mount.
#[derive(Debug)]
pub(super) struct OpenFolder {
    files: Arc<FileSystem>,
    ino: Ino,
}

impl OpenFolder {
    pub(super) fn new(files: Arc<FileSystem>, ino: Ino) -> Self {
        Self { files, ino }
    }
}

fn refused(name: &[u8], error: &FsError) -> Error {
    Error::Incomplete(format!("{}: {error}", name.shown()))
}

impl Folder for OpenFolder {
    fn names(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut names = Vec::new();
        let listed = self.files.list(self.ino, 0, &mut |entry| {
            if ![&b"."[..], b".."].contains(&entry.name) {
                names.push(entry.name.to_vec());
            }
            true
        });
        listed.map_err(|error| refused(b"the folder", &error))?;
        Ok(names)
    }

    fn entry(&self, name: &[u8]) -> Result<Option<Entry>, Error> {
        let attributes = match self.files.lookup(self.ino, name) {
            Ok(attributes) => attributes,
            Err(FsError::NotFound) => return Ok(None),
            Err(error) => return Err(refused(name, &error)),
        };
        let is_folder = attributes.kind == FileKind::Folder;
        let is_empty =
            is_folder && Self::new(self.files.clone(), attributes.ino).names()?.is_empty();
        Ok(Some(Entry { ino: attributes.ino.0, is_folder, is_empty }))
    }

    fn remove(&self, name: &[u8], is_folder: bool) -> Result<(), Error> {
        let removed = match is_folder {
            true => self.files.remove_folder(self.ino, name),
            false => self.files.unlink(self.ino, name),
        };
        removed.map_err(|error| refused(name, &error))
    }

    fn rename(&self, from: &[u8], to: &[u8], may_replace: bool) -> Result<(), Error> {
        let mode = if may_replace { RenameMode::Replace } else { RenameMode::NoReplace };
        let renamed = self.files.rename(self.ino, from, self.ino, to, mode);
        renamed.map_err(|error| refused(to, &error))
    }
}
