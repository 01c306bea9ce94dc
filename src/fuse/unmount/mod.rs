//! Our own unmounting, which never touches what is somebody else's.
//!
//! `fuser` can mount and unmount too, but when its session is dropped it unmounts whatever is at
//! the path by then, even if ours was unmounted from outside and another one is there now.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::getxattr;
use rustix::io::Errno;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

pub use system::unmount_path;

use super::control::STATUS_ATTRIBUTE;
use super::mount_info::{MountInfo, mount_at};
use crate::system::sync_volume;

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
    attached: system::Attached,
}

/// Whether a FUSE mount is here whose daemon is gone.
pub fn is_dead(path: &Path) -> bool {
    let gone = |errno| system::IS_GONE.contains(&errno);
    // Not by `stat` alone: of that the kernel may know the answer of old. For an extended attribute
    // it always asks the daemon, and for root even that of another user's mount.
    getxattr(path, STATUS_ATTRIBUTE, &mut [0; 0]).is_err_and(gone)
        || fs::metadata(path).is_err_and(|error| Errno::from_io_error(&error).is_some_and(gone))
}

impl MountPoint {
    /// Where it is, absolute and free of symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the mount is there only once somebody has answered the kernel.
    pub(super) fn is_awaited(&self) -> bool {
        self.attached.is_awaited()
    }

    /// Waits until the kernel asks something over its connection, which it may never do if mounting fails
    /// before.
    ///
    /// # Errors
    /// In words, why it does not.
    pub(super) fn await_request(&self, connection: impl AsFd) -> Result<(), String> {
        self.attached.await_request(connection)
    }

    /// Waits until the mount is there. Somebody has to answer the kernel meanwhile.
    ///
    /// # Errors
    /// In words, why it is not.
    pub(super) fn wait(&self) -> Result<(), String> {
        self.attached.wait(&self.path)
    }

    /// Lets the kernel read further ahead than it does by itself. Only root can, and nothing
    /// breaks where it cannot be done; only after the session has begun.
    pub(super) fn read_further_ahead(&self) {
        self.attached.read_further_ahead();
    }

    /// Writes out what programs have changed through mapped memory: a lazy unmount does not.
    pub(super) fn sync(&self) {
        if !self.is_on_top() {
            return;
        }
        let synced = fs::File::open(&self.path).and_then(sync_volume);
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
        let is_this =
            |mount: MountInfo| mount.is_hushfs() && self.attached.device() == Some(mount.device);
        self.lives() && top.is_some_and(is_this)
    }

    /// Whether the file system is still mounted anywhere.
    pub(super) fn lives(&self) -> bool {
        self.attached.lives()
    }
}
