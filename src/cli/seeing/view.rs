//! A vault's files as they can be looked at: opened by ourselves, or through a mount.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::ffi::OsStr;

use crate::cli::answer::{NoAnswer, answer};
use crate::cli::error::Error;
use crate::cli::host::NO_XATTR;
use crate::cli::names::Shown as _;
use crate::format::mode::PERMISSIONS;
use crate::format::{Ino, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FsError, Usage};
use crate::fuse::USAGE_ATTRIBUTE;

use super::entry::Entry;

/// Files that can be looked at.
pub(super) enum View {
    /// A vault that is unlocked.
    Vault(Arc<FileSystem>),
    /// A mount.
    Mount {
        /// Where it is.
        mount_point: PathBuf,
        /// Where its files are: the mount point, or the folder of an earlier state.
        root: PathBuf,
        /// Whether that is an earlier state.
        is_past: bool,
    },
}

impl View {
    /// What is at a path from the root of the vault.
    ///
    /// # Errors
    /// [`Error::Incomplete`] if nothing is.
    pub(super) fn entry(&self, path: &[u8]) -> Result<Entry, Error> {
        let attributes = match self {
            Self::Vault(files) => attributes_in_vault(files, path).map_err(|e| of_vault(path, e)),
            Self::Mount { root, .. } => {
                attributes_in_mount(root, path).map_err(|error| of_mount(path, error))
            }
        };
        self.told(path.to_vec(), attributes?)
    }

    /// What is in a folder, by name.
    ///
    /// # Errors
    /// [`Error`] if the folder cannot be listed.
    pub(super) fn entries(&self, folder: &Entry) -> Result<Vec<Entry>, Error> {
        let mut named: Vec<(Vec<u8>, Attributes)> = Vec::new();
        match self {
            Self::Vault(files) => {
                let listed = files.list(folder.attributes.ino, 0, &mut |entry| {
                    if !matches!(entry.name, b"." | b"..") {
                        named.push((entry.name.to_vec(), entry.attributes));
                    }
                    true
                });
                listed.map_err(|error| of_vault(&folder.path, error))?;
            }
            Self::Mount { root, .. } => {
                let failed = |error| of_mount(&folder.path, error);
                for entry in fs::read_dir(in_mount(root, &folder.path)).map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    match entry.metadata() {
                        Ok(metadata) => {
                            let name = entry.file_name().into_vec();
                            named.push((name, attributes_of(&metadata)));
                        }
                        // Removed since it was listed.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(failed(error)),
                    }
                }
            }
        }
        named.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        named.into_iter().map(|(name, of)| self.told(folder.path_of(&name), of)).collect()
    }

    fn told(&self, path: Vec<u8>, attributes: Attributes) -> Result<Entry, Error> {
        let target = match (attributes.kind, self) {
            (FileKind::Symlink, Self::Vault(files)) => {
                Some(files.read_link(attributes.ino).map_err(|error| of_vault(&path, error))?)
            }
            (FileKind::Symlink, Self::Mount { root, .. }) => {
                let target = fs::read_link(in_mount(root, &path));
                Some(target.map_err(|e| of_mount(&path, e))?.into_os_string().into_vec())
            }
            _ => None,
        };
        Ok(Entry { path, attributes, target })
    }

    /// What something holds, with all below it.
    ///
    /// # Errors
    /// [`Error`] if that cannot be found out.
    pub(super) fn usage(&self, entry: &Entry) -> Result<Usage, Error> {
        match self {
            Self::Vault(files) => {
                files.usage(entry.attributes.ino).map_err(|error| of_vault(&entry.path, error))
            }
            // Attributes of links and the like are not ours to read.
            Self::Mount { .. }
                if !matches!(entry.attributes.kind, FileKind::Folder | FileKind::File) =>
            {
                Ok(Usage { files: 1, size_bytes: entry.attributes.size, ..Usage::default() })
            }
            Self::Mount { root, .. } => answer(&in_mount(root, &entry.path), USAGE_ATTRIBUTE)
                .map_err(|error| match error {
                    NoAnswer::Refused(_) if is_around_states(&entry.path) => Error::Incomplete(
                        format!("{} has earlier states: name one of them", shown(&entry.path)),
                    ),
                    NoAnswer::Refused(NO_XATTR | rustix::io::Errno::NOTSUP)
                    | NoAnswer::NotUnderstood(_) => Error::Incomplete(
                        "another version of hushfs has mounted this, which does not tell sizes: \
                         unmount it and mount it again"
                            .to_owned(),
                    ),
                    error => of_mount(&entry.path, error.into()),
                }),
        }
    }
}

/// Whether a folder of a mount is one of those around its earlier states.
fn is_around_states(path: &[u8]) -> bool {
    matches!(path, b".hushfs" | b".hushfs/history")
}

/// Where a path from the root of the vault is in a mount.
pub(super) fn in_mount(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

fn attributes_in_vault(files: &FileSystem, path: &[u8]) -> Result<Attributes, FsError> {
    let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    let root = files.attributes(Ino::ROOT)?;
    names.try_fold(root, |folder, name| files.lookup(folder.ino, name))
}

/// Without following a link on the way.
fn attributes_in_mount(root: &Path, path: &[u8]) -> io::Result<Attributes> {
    let mut at = root.to_owned();
    let mut found = fs::symlink_metadata(&at)?;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        if !found.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        at.push(OsStr::from_bytes(name));
        found = fs::symlink_metadata(&at)?;
    }
    Ok(attributes_of(&found))
}

fn attributes_of(metadata: &Metadata) -> Attributes {
    let file_type = metadata.file_type();
    let kind = match () {
        () if file_type.is_dir() => FileKind::Folder,
        () if file_type.is_symlink() => FileKind::Symlink,
        () if file_type.is_fifo() => FileKind::Fifo,
        () if file_type.is_socket() => FileKind::Socket,
        () if file_type.is_char_device() => FileKind::CharDevice,
        () if file_type.is_block_device() => FileKind::BlockDevice,
        () => FileKind::File,
    };
    let time = |secs, nanos: i64| Time { secs, nanos: u32::try_from(nanos).unwrap_or(0) };
    Attributes {
        ino: Ino(metadata.ino()),
        kind,
        mode: metadata.mode() & PERMISSIONS,
        uid: metadata.uid(),
        gid: metadata.gid(),
        nlink: u32::try_from(metadata.nlink()).unwrap_or(u32::MAX),
        size: metadata.size(),
        blocks: metadata.blocks(),
        // Nothing here tells of devices' numbers.
        rdev: 0,
        atime: time(metadata.atime(), metadata.atime_nsec()),
        mtime: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime: time(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// What the vault says about a path, as this program ends with it.
pub(super) fn of_vault(path: &[u8], error: FsError) -> Error {
    let sentence = format!("{}: {error}", shown(path));
    match error {
        FsError::NotFound | FsError::NotFolder => not_there(path),
        FsError::Damaged { what, .. } => Error::Damage(format!("{}: damaged: {what}", shown(path))),
        FsError::NotArrived { what, .. } => {
            Error::NotArrived(format!("{}: not arrived yet: {what}", shown(path)))
        }
        _ => Error::Incomplete(sentence),
    }
}

/// What a mount says about a path, likewise.
pub(super) fn of_mount(path: &[u8], source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_there(path),
        _ => Error::Io { doing: format!("reading {}", shown(path)), source },
    }
}

fn not_there(path: &[u8]) -> Error {
    Error::Incomplete(format!("{}: there is no such file in the vault", shown(path)))
}

/// A path of the vault in a sentence.
pub(super) fn shown(path: &[u8]) -> String {
    if path.is_empty() { "/".to_owned() } else { path.shown() }
}
