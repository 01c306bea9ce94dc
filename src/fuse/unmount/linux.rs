//! Unmounting on Linux.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::mount::UnmountFlags;

use super::{MountPoint, StillMounted};
use crate::fuse::fusermount::{self, FusermountError};
use crate::fuse::mount_info::{MountInfo, mount_at};

/// What the kernel reads ahead of a sequential reader; its own default is 128.
const READ_AHEAD_KIB: &str = "1024";

/// What a mount answers whose daemon is gone.
pub(super) const IS_GONE: [Errno; 2] = [Errno::NOTCONN, Errno::CONNABORTED];

/// How the mount is known.
#[derive(Debug)]
pub(super) struct Attached {
    /// While the connection lives, so does the file system, and no other gets its number.
    device: (u32, u32),
    /// Our own descriptor of the connection, to ask whether it lives.
    connection: OwnedFd,
}

impl MountPoint {
    /// The mount of ours that is at this path and answers over this connection; `None` if it is
    /// gone.
    pub(in crate::fuse) fn find(path: PathBuf, connection: impl AsFd) -> io::Result<Option<Self>> {
        let connection = fcntl_dupfd_cloexec(connection, 0)?;
        let ours = mount_at(&path)?.filter(MountInfo::is_hushfs);
        let attached = |device| Attached { device, connection };
        Ok(ours.map(|mount| Self { path, attached: attached(mount.device) }))
    }
}

impl Attached {
    pub(super) fn is_awaited(&self) -> bool {
        false
    }

    /// It asks before a mount is there, and there is one.
    pub(super) fn await_request(&self, _: impl AsFd) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn wait(&self, _: &Path) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn device(&self) -> Option<(u32, u32)> {
        Some(self.device)
    }

    pub(super) fn read_further_ahead(&self) {
        let (major, minor) = self.device;
        let setting = format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb");
        if let Err(error) = fs::write(&setting, READ_AHEAD_KIB) {
            log::debug!("{setting}: {error}");
        }
    }

    pub(super) fn lives(&self) -> bool {
        let mut asked = [PollFd::from_borrowed_fd(self.connection.as_fd(), PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let answered = poll(&mut asked, Some(&now));
        answered.is_ok() && !asked[0].revents().contains(PollFlags::ERR)
    }
}

/// Unmounts the topmost mount at a path, whosever it is; `lazy` even while files are open.
///
/// # Errors
/// [`StillMounted`]; it is still mounted then.
pub fn unmount_path(path: &Path, lazy: bool) -> Result<(), StillMounted> {
    let refused = |why: String| StillMounted::Refused { path: path.to_owned(), why };
    if rustix::process::geteuid().is_root() {
        let lazily = if lazy { UnmountFlags::DETACH } else { UnmountFlags::empty() };
        match rustix::mount::unmount(path, lazily | UnmountFlags::NOFOLLOW) {
            Ok(()) => return Ok(()),
            Err(Errno::BUSY) => return Err(StillMounted::Busy(path.to_owned())),
            // Root of a container, say, that may not unmount by itself.
            Err(Errno::PERM) => {}
            Err(error) => return Err(refused(error.to_string())),
        }
    }
    fusermount::unmount(path, lazy).map_err(|error| match error {
        // It has one exit code for everything, but its words end with the system's.
        FusermountError::Refused(why) if why.ends_with("Device or resource busy") => {
            StillMounted::Busy(path.to_owned())
        }
        error => refused(error.to_string()),
    })
}
