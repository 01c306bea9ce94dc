//! macOS, which keeps what is synced in the disk's own cache: `F_FULLFSYNC` and its like bring it out of there.
#![allow(unsafe_code, reason = "no library in use has these with safe signatures")]

use std::ffi::CString;
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::Pid;

/// `SYNC_VOLUME_FULLSYNC` and `SYNC_VOLUME_WAIT` of `unistd.h`.
const TO_THE_DISK_AND_WAIT: libc::c_int = 0x01 | 0x02;

unsafe extern "C" {
    /// In `unistd.h` since macOS 10.8; the library has no name for it.
    fn fsync_volume_np(descriptor: libc::c_int, flags: libc::c_int) -> libc::c_int;
}

/// How long the system may take to tell the machine's name.
const NAME_WITHIN: libc::timespec = libc::timespec { tv_sec: 5, tv_nsec: 0 };

/// Names this machine (`gethostuuid(2)`); empty where the system has no name for it.
pub fn machine() -> String {
    let within = NAME_WITHIN;
    let mut id = [0_u8; 16];
    // SAFETY: the place is of 16 bytes, as the system writes; the time is read alone.
    if unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const within) } != 0 {
        return String::new();
    }
    id.iter().fold(String::new(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// Brings the names in a folder to the disk. Network file systems do not know how, and have their own
/// way of syncing. (The standard library syncs files so by itself.)
///
/// # Errors
/// The system's; whether they are there is not known then.
pub fn sync_folder(folder: impl AsFd) -> rustix::io::Result<()> {
    match rustix::fs::fcntl_fullfsync(&folder) {
        Err(Errno::OPNOTSUPP | Errno::NOTSUP | Errno::INVAL | Errno::NOTTY) => {
            rustix::fs::fsync(folder)
        }
        synced => synced,
    }
}

/// Brings everything of the file system that this is in to the disk.
///
/// # Errors
/// The system's; what has got there is not known then.
pub fn sync_volume(within: impl AsFd) -> io::Result<()> {
    // SAFETY: takes an open descriptor and a number; no memory is involved.
    match unsafe { fsync_volume_np(within.as_fd().as_raw_fd(), TO_THE_DISK_AND_WAIT) } {
        0 => Ok(()),
        // The call itself gives the error in its stead, on some versions.
        error if error > 0 => Err(io::Error::from_raw_os_error(error)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a named pipe.
///
/// # Errors
/// The system's; there is none then.
pub fn make_pipe(path: &Path, mode: Mode) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends with a NUL, and lives until the call returns.
    match unsafe { libc::mkfifo(path.as_ptr(), mode.as_raw_mode()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What becomes readable when the process with this id ends; `None` if it is not to be seen from here.
pub(super) fn watch_end(pid: Pid) -> Option<OwnedFd> {
    let queue = kqueue().ok()?;
    let end = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
    let end = Event::new(end, EventFlags::ADD, std::ptr::null_mut());
    let mut none: Vec<Event> = Vec::new();
    // SAFETY: a process is watched, which is no descriptor that could be closed meanwhile.
    unsafe { kevent(&queue, &[end], &mut none, None) }.ok()?;
    Some(queue)
}

/// A process whose end is told (`NOTE_EXIT`) needs no second look.
pub fn has_ended_but_for_threads(_: u32) -> bool {
    false
}
