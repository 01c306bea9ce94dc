//! Our own unmounting, which never touches what is somebody else's.
//!
//! `fuser` can mount and unmount too, but when its session is dropped it unmounts whatever is at
//! the path by then, even if ours was unmounted from outside and another one is there now.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::getxattr;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::mount::UnmountFlags;

use super::control::STATUS_ATTRIBUTE;
use super::fusermount::{self, FusermountError};
use super::mount_info::{MountInfo, mount_at};

/// What the kernel reads ahead of a sequential reader; its own default is 128.
const READ_AHEAD_KIB: &str = "1024";

/// Why something is still mounted.
#[derive(Debug, thiserror::Error)]
pub enum StillMounted {
    /// Files in it are open.
    #[error("{0}: is in use")]
    Busy(PathBuf),
    /// The system refused, for another reason.
    #[error("{path}: cannot unmount: {why}")]
    Refused {
        /// The mount point.
        path: PathBuf,
        /// Its words.
        why: String,
    },
}

/// How an unmount went that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmounted {
    /// Our mount is gone.
    Done,
    /// Our mount was gone before, or somebody else's is on top of it; nothing was touched.
    NotOnTop,
}

/// One of our mounts, known by more than its path, so that nobody else's is ever unmounted.
#[derive(Debug)]
pub struct MountPoint {
    path: PathBuf,
    /// While the connection lives, so does the file system, and no other gets its number.
    device: (u32, u32),
    /// Our own descriptor of the connection, to ask whether it lives.
    connection: OwnedFd,
}

/// Whether a FUSE mount is here whose daemon is gone.
pub fn is_dead(path: &Path) -> bool {
    let gone = |errno| matches!(errno, Errno::NOTCONN | Errno::CONNABORTED);
    // Not by `stat` alone: of that the kernel may know the answer of old. For an extended attribute
    // it always asks the daemon, and for root even that of another user's mount.
    getxattr(path, STATUS_ATTRIBUTE, &mut [0; 0]).is_err_and(gone)
        || fs::metadata(path).is_err_and(|error| Errno::from_io_error(&error).is_some_and(gone))
}

impl MountPoint {
    /// The mount of ours that is at this path and answers over this connection; `None` if it is
    /// gone.
    pub(super) fn find(path: PathBuf, connection: impl AsFd) -> io::Result<Option<Self>> {
        let connection = fcntl_dupfd_cloexec(connection, 0)?;
        let ours = mount_at(&path)?.filter(MountInfo::is_hushfs);
        Ok(ours.map(|mount| Self { device: mount.device, path, connection }))
    }

    /// Where it is, absolute and free of symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the kernel read further ahead than it does by itself. Only root can, and nothing
    /// breaks where it cannot be done; only after the session has begun.
    pub(super) fn read_further_ahead(&self) {
        let (major, minor) = self.device;
        let setting = format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb");
        if let Err(error) = fs::write(&setting, READ_AHEAD_KIB) {
            log::debug!("{setting}: {error}");
        }
    }

    /// Writes out what programs have changed through mapped memory: a lazy unmount does not.
    pub(super) fn sync(&self) {
        if !self.is_on_top() {
            return;
        }
        let synced = fs::File::open(&self.path).map(rustix::fs::syncfs);
        if let Err(error) = synced {
            log::warn!("{}: {error}", self.path.display());
        }
    }

    /// Unmounts, if it is ours that would be unmounted; `lazy` even while files are open.
    ///
    /// # Errors
    /// [`StillMounted`]; it is still mounted then.
    pub fn unmount(&self, lazy: bool) -> Result<Unmounted, StillMounted> {
        if !self.is_on_top() {
            return Ok(Unmounted::NotOnTop);
        }
        unmount_path(&self.path, lazy).map(|()| Unmounted::Done)
    }

    /// Whether an unmount of the path would be one of ours.
    fn is_on_top(&self) -> bool {
        let top = mount_at(&self.path).ok().flatten();
        self.lives() && top.is_some_and(|mount| mount.is_hushfs() && mount.device == self.device)
    }

    /// Whether the file system is still mounted anywhere.
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
