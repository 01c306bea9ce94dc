//! Which processes keep a mount busy.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "macos", test))]
mod lsof;

use std::path::PathBuf;

#[cfg(target_os = "linux")]
pub(super) use linux::holders;
#[cfg(all(target_os = "linux", fuzzing))]
pub(super) use linux::mapped;
#[cfg(target_os = "macos")]
pub(super) use lsof::holders;

/// A process that holds something in a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
    /// One of the things it holds.
    pub path: PathBuf,
}
