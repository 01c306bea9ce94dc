//! Systems on which only the library is built.

use std::io;
use std::os::fd::AsFd;

/// Brings the names in a folder to the disk.
///
/// # Errors
/// The system's; whether they are there is not known then.
pub fn sync_folder(folder: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::fsync(folder)
}
