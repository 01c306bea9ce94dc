//! How what is written gets to the disk itself, where a sync of one file is not enough.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "macos"))]
mod others;

#[cfg(target_os = "macos")]
use macos as system;
#[cfg(not(target_os = "macos"))]
use others as system;

pub(super) use system::sync_folder;
pub use system::sync_volume;
