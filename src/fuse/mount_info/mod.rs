//! What is mounted where, as the kernel tells it.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "macos", test))]
mod table;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(all(target_os = "linux", fuzzing))]
pub(super) use linux::parse;
#[cfg(target_os = "linux")]
pub use linux::{FUSE_TYPE, device_of, mounts};
#[cfg(target_os = "macos")]
pub use macos::{FUSE_TYPE, device_of, mounts};
#[cfg(target_os = "macos")]
pub(super) use table::source_of;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountInfo {
    /// Its number; free for another one once it is unmounted.
    pub id: u64,
    /// The number of the mount it is on.
    pub parent: u64,
    /// Device number of the file system, major and minor: what `stat` shows of the files in it.
    pub device: (u32, u32),
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// The file system's type.
    pub fs_type: String,
    /// What is mounted: for ours, the vault.
    pub source: OsString,
    /// Who mounted it, where the file system says (FUSE does).
    pub owner_uid: Option<u32>,
}

impl MountInfo {
    /// Whether it is one of ours.
    pub fn is_hushfs(&self) -> bool {
        self.fs_type == FUSE_TYPE
    }
}

/// Every mount of ours that can be seen, whoever mounted it.
///
/// # Errors
/// If the kernel does not tell.
pub fn hushfs_mounts() -> io::Result<Vec<MountInfo>> {
    let mut all = mounts()?;
    all.retain(MountInfo::is_hushfs);
    Ok(all)
}

/// The mount at exactly this path (absolute, free of symbolic links), the topmost if several are
/// stacked there.
///
/// # Errors
/// If the kernel does not tell.
pub fn mount_at(path: &Path) -> io::Result<Option<MountInfo>> {
    Ok(topmost_at(mounts()?, path))
}

pub(super) fn topmost_at(mut mounts: Vec<MountInfo>, path: &Path) -> Option<MountInfo> {
    mounts.retain(|mount| mount.mount_point == path);
    let top =
        mounts.iter().rposition(|mount| !mounts.iter().any(|other| other.parent == mount.id))?;
    Some(mounts.swap_remove(top))
}
