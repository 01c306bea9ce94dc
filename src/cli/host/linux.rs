//! Linux.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, StatxFlags, chmodat, fstat, mknodat, openat, statx,
};
use rustix::io::Errno;

use super::Born;

/// Whether a vault keeps everything of a file that the system has, so that what was compared can be deleted.
pub(in crate::cli) const COMPARES_ALL: bool = true;

/// Whether names are found in Unicode's other forms unasked, as by the system's own file systems.
pub(in crate::cli) const EQUATES_NAME_FORMS: bool = false;

/// What is answered where there is no such extended attribute.
pub(in crate::cli) const NO_XATTR: Errno = Errno::NODATA;

/// Reading with this leaves the access time; only owners may.
pub(in crate::cli) const UNNOTICED: OFlags = OFlags::NOATIME;

/// Opens a folder to look for names in it alone, even one that may not be read.
pub(in crate::cli) const FOLDER_ALONE: OFlags = OFlags::PATH;

/// A process may have as many open files as its limit can be raised to.
pub(in crate::cli) const OPEN_FILES_MAX: Option<u64> = None;

/// A path to an entry of an open folder, by way of this descriptor.
pub(in crate::cli) fn path_through(folder: impl AsFd, name: &OsStr) -> io::Result<PathBuf> {
    Ok(PathBuf::from(format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd())).join(name))
}

/// The number and the time of birth of a name's inode; `None` if the file system does not tell when a
/// file was made.
pub(in crate::cli) fn born(folder: impl AsFd, name: &[u8]) -> io::Result<Option<(u64, Born)>> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let told = statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, wanted)?;
    let is_told = told.stx_mask & StatxFlags::BTIME.bits() != 0;
    let born = (told.stx_btime.tv_sec, told.stx_btime.tv_nsec);
    Ok(is_told.then_some((told.stx_ino, born)))
}

/// The number of the file system that `stat` tells of something in.
pub(in crate::cli) fn device_of(stat: &Stat) -> u64 {
    stat.st_dev
}

/// The number of the device that `stat` tells of.
pub(in crate::cli) fn rdev_of(stat: &Stat) -> u64 {
    stat.st_rdev
}

/// The mode that `stat` tells.
pub(in crate::cli) fn mode_of(stat: &Stat) -> u32 {
    stat.st_mode
}

/// Adds to the mode of a folder in an open one what `mode` allows.
pub(in crate::cli) fn allow(folder: impl AsFd, name: &[u8], mode: Mode) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(folder, name, flags, Mode::empty())?;
    let now = Mode::from_raw_mode(fstat(&folder)?.st_mode);
    if !now.contains(mode) {
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        // Whoever may not, finds out when it comes to writing.
        let allowed = chmodat(CWD, path, now | mode, AtFlags::empty());
        allowed.unwrap_or_else(|error| log::debug!("a folder's mode: {error}"));
    }
    Ok(())
}

/// Makes a pipe, socket or device; devices need root.
pub(in crate::cli) fn make_node(
    folder: impl AsFd,
    name: &OsStr,
    kind: FileType,
    mode: Mode,
    device: u32,
) -> io::Result<()> {
    Ok(mknodat(folder, name, kind, mode, device.into())?)
}
