//! Unmounting on macOS: whoever has mounted may unmount, by the system call alone.
#![allow(unsafe_code, reason = "no library in use has a safe unmount for macOS")]

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{MountPoint, StillMounted};
use crate::fuse::macfuse::Helper;
use crate::fuse::mount_info::{MountInfo, hushfs_mounts, mount_at};

/// What a mount answers whose daemon is gone: “Device not configured”, as macFUSE says for all but the
/// root's attributes.
pub(super) const IS_GONE: [Errno; 2] = [Errno::NXIO, Errno::NOTCONN];

/// How often is looked whether what mounts has given up.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How the mount is known.
#[derive(Debug)]
pub(super) struct Attached {
    /// The number that the kernel has given it, once it is there; no other gets it meanwhile.
    device: OnceLock<(u32, u32)>,
    /// What mounts meanwhile.
    helper: Mutex<Option<Helper>>,
}

impl MountPoint {
    /// A mount that has begun at this path.
    pub(in crate::fuse) fn begun(path: PathBuf, helper: Helper) -> Self {
        let helper = Mutex::new(Some(helper));
        Self { path, attached: Attached { device: OnceLock::new(), helper } }
    }
}

impl Attached {
    pub(super) fn is_awaited(&self) -> bool {
        self.device.get().is_none()
    }

    pub(super) fn await_request(&self, connection: impl AsFd) -> Result<(), String> {
        let mut helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mounting) = helper.as_mut() {
            let mut asked = [PollFd::new(&connection, PollFlags::IN)];
            // What cannot be polled is found out by reading.
            if poll(&mut asked, Some(&LOOK_EVERY)) != Ok(0) {
                break;
            }
            if mounting.has_ended() {
                let ended = helper.take().map_or(Ok(()), Helper::wait);
                ended.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    pub(super) fn wait(&self, path: &Path) -> Result<(), String> {
        let helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(helper) = helper {
            helper.wait().map_err(|error| error.to_string())?;
        }
        let found = mount_at(path).map_err(|error| error.to_string())?;
        let ours = found.filter(MountInfo::is_hushfs).ok_or("the mount is gone already")?;
        // Only the first to wait sets it, and to the same.
        let _ = self.device.set(ours.device);
        Ok(())
    }

    pub(super) fn device(&self) -> Option<(u32, u32)> {
        self.device.get().copied()
    }

    /// How far is read ahead follows from the size of requests.
    pub(super) fn read_further_ahead(&self) {}

    pub(super) fn lives(&self) -> bool {
        let mounts = hushfs_mounts().unwrap_or_default();
        self.device().is_some_and(|device| mounts.iter().any(|mount| mount.device == device))
    }
}

/// Unmounts the topmost mount at a path, whosever it is; `lazy` even while files are open, which then
/// answer with errors.
///
/// # Errors
/// [`StillMounted`]; it is still mounted then.
pub fn unmount_path(path: &Path, lazy: bool) -> Result<(), StillMounted> {
    let refused = |why: String| StillMounted::Refused { path: path.to_owned(), why };
    let target = CString::new(path.as_os_str().as_bytes()).map_err(|e| refused(e.to_string()))?;
    let flags = if lazy { libc::MNT_FORCE } else { 0 };
    // SAFETY: `target` ends with a NUL and lives until the call returns.
    if unsafe { libc::unmount(target.as_ptr(), flags) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EBUSY) => Err(StillMounted::Busy(path.to_owned())),
        _ => Err(refused(error.to_string())),
    }
}
