//! One folder of the destination: what is in it, and how an entry gets its name there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, linkat, mkdirat, openat, renameat,
    renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::cli::host::{FOLDER_ALONE, allow, device_of, make_node, path_through};
use crate::cli::names::Shown as _;
use crate::format::{Ino, Time};
use crate::fs::{Attributes, FileKind};

const FOLDER_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PRIVATE_FOLDER: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder of the destination. Names in it are never followed as links, so that nothing
/// is ever written outside.
#[derive(Debug)]
pub(in crate::cli) struct TargetFolder(OwnedFd);

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum There {
    /// Nothing.
    Nothing,
    /// A folder, as is wanted.
    Folder,
    /// A file or link of the same kind, size and time.
    Same,
    /// Something else.
    Other {
        /// It is a folder, which is never replaced.
        is_folder: bool,
    },
}

impl TargetFolder {
    /// The destination itself, which is made if it is missing; tells whether it is new or empty.
    pub(in crate::cli) fn open_root(path: &Path) -> io::Result<(Self, bool)> {
        std::fs::create_dir_all(path)?;
        let is_fresh = std::fs::read_dir(path)?.next().is_none();
        let flags = FOLDER_FLAGS.difference(OFlags::NOFOLLOW);
        Ok((Self(openat(CWD, path, flags, Mode::empty())?), is_fresh))
    }

    /// The same folder once more.
    pub(in crate::cli) fn again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// What stands under `name`, measured by what is wanted there.
    pub(in crate::cli) fn look(&self, name: &[u8], wanted: &Attributes) -> io::Result<There> {
        let stat = match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(There::Nothing),
            stat => stat?,
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let is_folder = kind == FileType::Directory;
        Ok(match (kind == file_type(wanted.kind), is_folder) {
            (true, true) => There::Folder,
            (true, false) if is_same(&stat, wanted) => There::Same,
            _ => There::Other { is_folder },
        })
    }

    /// A folder in this one, which is made if it is missing.
    pub(in crate::cli) fn enter(&self, name: &[u8]) -> io::Result<Self> {
        match mkdirat(&self.0, name, PRIVATE_FOLDER) {
            Ok(()) => {}
            Err(Errno::EXIST) => self.let_owner_in(name)?,
            Err(error) => return Err(error.into()),
        }
        Ok(Self(openat(&self.0, name, FOLDER_FLAGS, Mode::empty())?))
    }

    /// Allows its owner to write to a folder, until it gets the vault's mode again: one that was
    /// restored before may forbid it, to all but root.
    fn let_owner_in(&self, name: &[u8]) -> io::Result<()> {
        if rustix::process::geteuid().is_root() {
            return Ok(());
        }
        allow(&self.0, name, PRIVATE_FOLDER)
    }

    /// The folder that `path`, below this one, is in, and its name there. Goes name by name,
    /// since a path of many levels is longer than the system takes.
    fn parent_of<'a>(&self, path: &'a [u8]) -> io::Result<(Self, &'a [u8])> {
        let mut names = path.split(|byte| *byte == b'/');
        let name = names.next_back().unwrap_or_default();
        let flags = FOLDER_FLAGS | FOLDER_ALONE;
        let folder = names.try_fold(self.again()?, |folder, name| {
            openat(&folder.0, name, flags, Mode::empty()).map(Self)
        })?;
        Ok((folder, name))
    }

    /// A new, empty file under a hidden name.
    pub(in crate::cli) fn draft_file(&self, ino: Ino) -> io::Result<(File, Draft<'_>)> {
        let draft = self.draft(ino)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.0, draft.name.as_os_str(), flags, PRIVATE_FILE)?;
        Ok((file.into(), draft))
    }

    /// A symbolic link under a hidden name.
    pub(in crate::cli) fn draft_link(&self, ino: Ino, target: &[u8]) -> io::Result<Draft<'_>> {
        let draft = self.draft(ino)?;
        symlinkat(target, &self.0, draft.name.as_os_str())?;
        Ok(draft)
    }

    /// A pipe, socket or device under a hidden name; devices need root.
    pub(in crate::cli) fn draft_node(&self, attributes: &Attributes) -> io::Result<Draft<'_>> {
        let draft = self.draft(attributes.ino)?;
        let kind = file_type(attributes.kind);
        make_node(&self.0, &draft.name, kind, PRIVATE_FILE, attributes.rdev)?;
        Ok(draft)
    }

    /// One more name for what stands at `path` below `root`, under a hidden name.
    pub(in crate::cli) fn draft_name(
        &self,
        ino: Ino,
        root: &TargetFolder,
        path: &[u8],
    ) -> io::Result<Draft<'_>> {
        let draft = self.draft(ino)?;
        let (folder, name) = root.parent_of(path)?;
        linkat(&folder.0, name, &self.0, draft.name.as_os_str(), AtFlags::empty())?;
        Ok(draft)
    }

    /// The number of what stands at `path`, to tell names of one file from copies of it.
    pub(in crate::cli) fn number_of(&self, path: &[u8]) -> io::Result<(u64, u64)> {
        let (folder, name) = self.parent_of(path)?;
        let stat = statat(&folder.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((device_of(&stat), stat.st_ino))
    }

    /// The folder's own attributes are set through this.
    pub(in crate::cli) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// A path to an entry that goes by way of this descriptor.
    pub(in crate::cli) fn path_of(&self, name: &OsStr) -> io::Result<PathBuf> {
        path_through(&self.0, name)
    }

    fn draft(&self, ino: Ino) -> io::Result<Draft<'_>> {
        let name = OsString::from_vec(format!(".hushfs-restore-{:016x}", ino.0).into_bytes());
        // What a restore that was cut off left.
        match unlinkat(&self.0, name.as_os_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(Draft { folder: self, name, placed: false }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Something under a hidden name, which goes again unless it is placed.
#[derive(Debug)]
pub(in crate::cli) struct Draft<'a> {
    folder: &'a TargetFolder,
    name: OsString,
    placed: bool,
}

impl Draft<'_> {
    /// Where it is.
    pub(in crate::cli) fn path(&self) -> io::Result<PathBuf> {
        self.folder.path_of(&self.name)
    }

    /// Gives it its name; something else there is replaced only where `overwrite`.
    pub(in crate::cli) fn place(mut self, name: &[u8], overwrite: bool) -> io::Result<()> {
        let folder = &self.folder.0;
        if overwrite {
            renameat(folder, self.name.as_os_str(), folder, name)?;
        } else {
            let flags = RenameFlags::NOREPLACE;
            match renameat_with(folder, self.name.as_os_str(), folder, name, flags) {
                // File systems without this flag; what was there was looked for before.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                    renameat(folder, self.name.as_os_str(), folder, name)?;
                }
                renamed => renamed?,
            }
        }
        self.placed = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // Also after a rename between two names of one file, which does nothing (POSIX).
        let removed = unlinkat(&self.folder.0, self.name.as_os_str(), AtFlags::empty());
        if let (Err(error), false) = (removed, self.placed)
            && error != Errno::NOENT
        {
            log::warn!("{} was left behind: {error}", self.name.shown());
        }
    }
}

/// A regular file of the same size and content time, or a link with a target as long and as old:
/// it was restored before, since drafts get their times before their names.
fn is_same(stat: &Stat, wanted: &Attributes) -> bool {
    let modified =
        Time { secs: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) };
    let has_size = matches!(wanted.kind, FileKind::File | FileKind::Symlink);
    let same_size = u64::try_from(stat.st_size).is_ok_and(|size| size == wanted.size);
    modified == wanted.mtime && (same_size || !has_size)
}

fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::File => FileType::RegularFile,
        FileKind::Folder => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Fifo => FileType::Fifo,
        FileKind::Socket => FileType::Socket,
        FileKind::CharDevice => FileType::CharacterDevice,
        FileKind::BlockDevice => FileType::BlockDevice,
    }
}

/// A vault's path in a report, as it is but for what is no text: who shows the report escapes it.
pub(in crate::cli) fn as_text(path: &[u8]) -> String {
    OsStr::from_bytes(path).display().to_string()
}
