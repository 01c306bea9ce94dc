//! macOS.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, chmodat, getpath, statat};
use rustix::io::Errno;

use super::Born;
use crate::system::make_pipe;

/// Whether a vault keeps everything of a file that the system has, so that what was compared can be deleted.
/// Not its times of birth, flags (`chflags(2)`) and access control lists. Nor is there a way to be sure that
/// nobody writes to a file meanwhile.
pub(in crate::cli) const COMPARES_ALL: bool = false;

/// Whether names are found in Unicode's other forms unasked, as by the system's own file systems: its
/// programs ask for decomposed ones, whatever a name was typed or made as.
pub(in crate::cli) const EQUATES_NAME_FORMS: bool = true;

/// What is answered where there is no such extended attribute.
pub(in crate::cli) const NO_XATTR: Errno = Errno::NOATTR;

/// There is no reading that leaves the access time.
pub(in crate::cli) const UNNOTICED: OFlags = OFlags::empty();

/// There is no other way to open a folder.
pub(in crate::cli) const FOLDER_ALONE: OFlags = OFlags::empty();

/// More are refused, whatever the limit can be raised to (`OPEN_MAX`; setrlimit(2)).
pub(in crate::cli) const OPEN_FILES_MAX: Option<u64> = Some(10_240);

/// A path to an entry of an open folder, of where the folder is now (`F_GETPATH`): the system has no path by
/// way of a descriptor.
pub(in crate::cli) fn path_through(folder: impl AsFd, name: &OsStr) -> io::Result<PathBuf> {
    let path = OsString::from_vec(getpath(folder)?.into_bytes());
    Ok(PathBuf::from(path).join(name))
}

/// The number and the time of birth of a name's inode.
pub(in crate::cli) fn born(folder: impl AsFd, name: &[u8]) -> io::Result<Option<(u64, Born)>> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let nanos = u32::try_from(stat.st_birthtime_nsec).unwrap_or(0);
    Ok(Some((stat.st_ino, (stat.st_birthtime, nanos))))
}

/// The number of the file system that `stat` tells of something in.
pub(in crate::cli) fn device_of(stat: &Stat) -> u64 {
    // Wide enough, whichever sign it has.
    stat.st_dev as u64
}

/// The number of the device that `stat` tells of.
pub(in crate::cli) fn rdev_of(stat: &Stat) -> u64 {
    stat.st_rdev as u64
}

/// The mode that `stat` tells.
pub(in crate::cli) fn mode_of(stat: &Stat) -> u32 {
    stat.st_mode.into()
}

/// Adds to the mode of a folder in an open one what `mode` allows.
pub(in crate::cli) fn allow(folder: impl AsFd, name: &[u8], mode: Mode) -> io::Result<()> {
    let now = Mode::from_raw_mode(statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
    if !now.contains(mode) {
        // Whoever may not, finds out when it comes to writing.
        let allowed = chmodat(&folder, name, now | mode, AtFlags::SYMLINK_NOFOLLOW);
        allowed.unwrap_or_else(|error| log::debug!("a folder's mode: {error}"));
    }
    Ok(())
}

/// Makes a pipe. Sockets are made by who listens on them alone, and devices have other numbers than where
/// the vault has them from.
pub(in crate::cli) fn make_node(
    folder: impl AsFd,
    name: &OsStr,
    kind: FileType,
    mode: Mode,
    _device: u32,
) -> io::Result<()> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::Unsupported, why));
    match kind {
        FileType::Fifo => {}
        FileType::Socket => {
            return refused("macOS lets nobody make a socket without listening on it");
        }
        _ => return refused("devices are numbered otherwise on macOS"),
    }
    make_pipe(&path_through(folder, name)?, mode)
}
