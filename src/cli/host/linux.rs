//! Linux.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, StatxFlags, chmodat, fstat, mknodat, openat, statx,
};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Born;

/// Whether a vault keeps everything of a file that the system has, so that what was compared can be deleted.
pub(in crate::cli) const COMPARES_ALL: bool = true;

/// What is answered where there is no such extended attribute.
pub(in crate::cli) const NO_XATTR: Errno = Errno::NODATA;

/// Reading with this leaves the access time; only owners may.
pub(in crate::cli) const UNNOTICED: OFlags = OFlags::NOATIME;

/// Opens a folder to look for names in it alone, even one that may not be read.
pub(in crate::cli) const FOLDER_ALONE: OFlags = OFlags::PATH;

/// A process may have as many open files as its limit can be raised to.
pub(in crate::cli) const OPEN_FILES_MAX: Option<u64> = None;

/// systemd's and D-Bus's place for the machine's name.
const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// Names this machine; empty where the system has no name for it.
pub(in crate::cli) fn machine() -> String {
    let mut names = MACHINE_ID_FILES.iter().filter_map(|path| fs::read_to_string(path).ok());
    names.next().unwrap_or_default().trim().to_owned()
}

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

/// Adds to the mode of a folder in an open one what `mode` allows.
pub(in crate::cli) fn allow(folder: impl AsFd, name: &[u8], mode: Mode) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(folder, name, flags, Mode::empty())?;
    let now = Mode::from_raw_mode(fstat(&folder)?.st_mode);
    if !now.contains(mode) {
        let path = path_through(&folder, OsStr::new(""))?;
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

/// The end of a process, to be waited for.
#[derive(Debug)]
pub(in crate::cli) struct End(OwnedFd);

impl End {
    /// Of the process with this id; `None` if it is not to be seen from here.
    pub(in crate::cli) fn of(pid: Pid) -> Option<Self> {
        pidfd_open(pid, PidfdFlags::empty()).ok().map(Self)
    }

    /// Waits for it, no longer than this; tells whether it has come.
    ///
    /// # Errors
    /// The system's, being interrupted by a signal among them.
    pub(in crate::cli) fn wait(&self, limit: Option<&Timespec>) -> rustix::io::Result<bool> {
        let mut asked = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        poll(&mut asked, limit).map(|told| told > 0)
    }
}

/// Whether a process has done all it will do, but the system keeps it: a thread of it waits for a
/// read that nobody answers.
pub(in crate::cli) fn has_ended_but_for_threads(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may have any characters in it.
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_process_that_nobody_has_asked_about_since_its_end_has_ended() {
        let mut child = std::process::Command::new("cat");
        let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(!has_ended_but_for_threads(pid));
        drop(child.stdin.take());
        while !has_ended_but_for_threads(pid) {
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait().unwrap();
        assert!(!has_ended_but_for_threads(pid));
    }
}
