//! A sync brings everything to the disk itself.

use std::io;
use std::os::fd::AsFd;

use rustix::fs;

/// Brings the names in a folder to the disk.
pub(in crate::store) fn sync_folder(folder: impl AsFd) -> rustix::io::Result<()> {
    fs::fsync(folder)
}

/// Brings everything of the file system that this is in to the disk.
///
/// # Errors
/// The system's; what has got there is not known then.
pub fn sync_volume(within: impl AsFd) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    fs::syncfs(within)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = within;
        fs::sync();
    }
    Ok(())
}
