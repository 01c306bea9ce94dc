//! A tree of plaintext, by descriptors of its folders: no name in it is ever followed as a link, so
//! nothing outside is read or deleted, whoever swaps folders for links meanwhile.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat, fstat, openat, readlinkat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use crate::cli::error::Error;
use crate::cli::host::{Born, UNNOTICED, born, path_through};

const FOLDER_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Without waiting for a pipe that has taken a file's place.
const FILE_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub(in crate::cli) struct PlainFolder(OwnedFd);

impl PlainFolder {
    /// The folder at `path`, which is free of links.
    pub(in crate::cli) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, FOLDER_FLAGS, Mode::empty())?))
    }

    /// A folder in this one.
    pub(in crate::cli) fn enter(&self, name: &[u8]) -> io::Result<Self> {
        Ok(Self(openat(&self.0, name, FOLDER_FLAGS, Mode::empty())?))
    }

    /// The folder at a path below this one; the empty path is this one.
    pub(in crate::cli) fn descend(&self, path: &[u8]) -> io::Result<Self> {
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let here = Self(self.0.try_clone()?);
        names.into_iter().try_fold(here, |folder, name| folder.enter(name))
    }

    /// What is in it, in the order of bytes.
    pub(in crate::cli) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What `stat(2)` tells of the folder itself.
    pub(in crate::cli) fn stat_self(&self) -> io::Result<Stat> {
        Ok(fstat(&self.0)?)
    }

    /// What `lstat(2)` tells of a name.
    pub(in crate::cli) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        Ok(statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The number and the time of birth of a name's inode; `None` if the file system does not tell when
    /// a file was made.
    pub(in crate::cli) fn born(&self, name: &[u8]) -> io::Result<Option<(u64, Born)>> {
        born(&self.0, name)
    }

    /// A regular file for reading; its access time stays as it is where that is allowed.
    pub(in crate::cli) fn file(&self, name: &[u8]) -> io::Result<File> {
        let open = |flags| openat(&self.0, name, flags, Mode::empty()).map(File::from);
        Ok(match open(FILE_FLAGS | UNNOTICED) {
            Err(Errno::PERM) => open(FILE_FLAGS)?,
            opened => opened?,
        })
    }

    /// A link's target.
    pub(in crate::cli) fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// A path to an entry, for calls that take nothing else; `.` is the folder itself. It goes by way
    /// of this descriptor.
    pub(in crate::cli) fn path_of(&self, name: &[u8]) -> io::Result<PathBuf> {
        use std::os::unix::ffi::OsStrExt;
        path_through(&self.0, std::ffi::OsStr::from_bytes(name))
    }

    /// Gives an entry another name, unless that is taken.
    pub(in crate::cli) fn rename(&self, from: &[u8], to: &[u8]) -> rustix::io::Result<()> {
        renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE)
    }

    /// Removes a name that is no folder's.
    pub(in crate::cli) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes a folder that is empty.
    pub(in crate::cli) fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }
}

/// The kind of what `stat` tells of.
pub(in crate::cli) fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// A path below a folder with one more name.
pub(in crate::cli) fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, name].join(&b'/') }
}

/// The folder of a path, and the name there.
pub(in crate::cli) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// What looks at a tree, entry by entry.
pub(in crate::cli) trait Visit {
    /// Something that is no folder.
    ///
    /// # Errors
    /// What ends the walk.
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error>;

    /// A folder, before what is in it; tells whether to look into it.
    ///
    /// # Errors
    /// What ends the walk.
    fn enter(&mut self, at: &Place<'_>, stat: &Stat) -> Result<bool, Error>;

    /// The folder that was entered last and not left yet, after everything in it.
    ///
    /// # Errors
    /// What ends the walk.
    fn leave(&mut self, path: &[u8]) -> Result<(), Error>;

    /// Something that cannot be looked at.
    fn unreadable(&mut self, path: &[u8], error: io::Error);
}

/// Where an entry is.
#[derive(Debug)]
pub(in crate::cli) struct Place<'a> {
    /// The folder it is in.
    pub(in crate::cli) folder: &'a PlainFolder,
    /// Its name there.
    pub(in crate::cli) name: &'a [u8],
    /// Its path below the root of the walk.
    pub(in crate::cli) path: &'a [u8],
}

struct Level {
    folder: PlainFolder,
    path: Vec<u8>,
    names: std::vec::IntoIter<Vec<u8>>,
}

impl Level {
    fn read(folder: PlainFolder, path: Vec<u8>, visit: &mut dyn Visit) -> Self {
        let names = folder.names().unwrap_or_else(|error| {
            visit.unreadable(&path, error);
            Vec::new()
        });
        Self { folder, path, names: names.into_iter() }
    }
}

/// Walks everything below a folder, which itself is neither entered nor left. A folder is open for
/// each level.
///
/// # Errors
/// The first of the visitor's.
pub(in crate::cli) fn walk(root: PlainFolder, visit: &mut dyn Visit) -> Result<(), Error> {
    let mut levels = vec![Level::read(root, Vec::new(), visit)];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.next() else {
            if let (Some(done), false) = (levels.pop(), levels.is_empty()) {
                visit.leave(&done.path)?;
            }
            continue;
        };
        let path = joined(&level.path, &name);
        let at = Place { folder: &level.folder, name: &name, path: &path };
        let stat = match level.folder.stat(&name) {
            Ok(stat) => stat,
            Err(error) => {
                // Gone since it was listed: there is nothing to take or to delete.
                if error.kind() != io::ErrorKind::NotFound {
                    visit.unreadable(&path, error);
                }
                continue;
            }
        };
        if kind_of(&stat) != FileType::Directory {
            visit.entry(&at, &stat)?;
        } else if visit.enter(&at, &stat)? {
            match level.folder.enter(&name) {
                Ok(folder) => levels.push(Level::read(folder, path, visit)),
                Err(error) => {
                    visit.unreadable(&path, error);
                    visit.leave(&path)?;
                }
            }
        }
    }
    Ok(())
}
