//! macOS keeps what is synced in the disk's own cache; `F_FULLFSYNC` and its like bring it out of there.
//! (The standard library does that for files by itself.)
#![allow(unsafe_code, reason = "no library in use has fsync_volume_np")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::fs;
use rustix::io::Errno;

/// `SYNC_VOLUME_FULLSYNC` and `SYNC_VOLUME_WAIT` of `unistd.h`.
const TO_THE_DISK_AND_WAIT: libc::c_int = 0x01 | 0x02;

unsafe extern "C" {
    /// In `unistd.h` since macOS 10.8; the library has no name for it.
    fn fsync_volume_np(descriptor: libc::c_int, flags: libc::c_int) -> libc::c_int;
}

/// Brings the names in a folder to the disk. Network file systems do not know how, and have their own
/// way of syncing.
pub(in crate::store) fn sync_folder(folder: impl AsFd) -> rustix::io::Result<()> {
    match fs::fcntl_fullfsync(&folder) {
        Err(Errno::OPNOTSUPP | Errno::NOTSUP | Errno::INVAL | Errno::NOTTY) => fs::fsync(folder),
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
