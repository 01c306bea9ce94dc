//! macOS.
#![allow(unsafe_code, reason = "no library in use makes pipes by name, names the machine, or takes all of kqueue")]

use std::ffi::{CString, OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, chmodat, getpath, statat};
use rustix::io::Errno;
use rustix::process::Pid;

use super::Born;

/// Whether a vault keeps everything of a file that the system has, so that what was compared can be deleted.
/// Not its times of birth, flags (`chflags(2)`) and access control lists. Nor is there a way to be sure that
/// nobody writes to a file meanwhile.
pub(in crate::cli) const COMPARES_ALL: bool = false;

/// What is answered where there is no such extended attribute.
pub(in crate::cli) const NO_XATTR: Errno = Errno::NOATTR;

/// There is no reading that leaves the access time.
pub(in crate::cli) const UNNOTICED: OFlags = OFlags::empty();

/// There is no other way to open a folder.
pub(in crate::cli) const FOLDER_ALONE: OFlags = OFlags::empty();

/// More are refused, whatever the limit can be raised to (`OPEN_MAX`; setrlimit(2)).
pub(in crate::cli) const OPEN_FILES_MAX: Option<u64> = Some(10_240);

/// How long the system may take to tell the machine's name.
const NAME_WITHIN: libc::timespec = libc::timespec { tv_sec: 5, tv_nsec: 0 };

/// Names this machine (`gethostuuid(2)`); empty where the system has no name for it.
pub(in crate::cli) fn machine() -> String {
    let mut id = [0_u8; 16];
    // SAFETY: the place is of 16 bytes, as the system writes; the time is read alone.
    if unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const NAME_WITHIN) } != 0 {
        return String::new();
    }
    id.iter().fold(String::new(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

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
        FileType::Socket => return refused("macOS lets nobody make a socket without listening on it"),
        _ => return refused("devices are numbered otherwise on macOS"),
    }
    let path = CString::new(path_through(folder, name)?.as_os_str().as_bytes())?;
    // SAFETY: the path ends with a NUL, and lives until the call returns.
    match unsafe { libc::mkfifo(path.as_ptr(), mode.as_raw_mode()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The end of a process, to be waited for.
#[derive(Debug)]
pub(in crate::cli) struct End(OwnedFd);

impl End {
    /// Of the process with this id; `None` if it is not to be seen from here.
    pub(in crate::cli) fn of(pid: Pid) -> Option<Self> {
        let queue = kqueue().ok()?;
        let end = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
        let end = Event::new(end, EventFlags::ADD, std::ptr::null_mut());
        let mut none: Vec<Event> = Vec::new();
        // SAFETY: a process is watched, which is no descriptor that could be closed meanwhile.
        unsafe { kevent(&queue, &[end], &mut none, None) }.ok()?;
        Some(Self(queue))
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

/// A process whose end is told (`NOTE_EXIT`) needs no second look.
pub(in crate::cli) fn has_ended_but_for_threads(_: u32) -> bool {
    false
}
