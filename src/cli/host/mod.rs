//! What commands need of the system, and each system has in its own way.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use rustix::fs::RawMode;

#[cfg(target_os = "linux")]
pub(super) use linux::{
    COMPARES_ALL, EQUATES_NAME_FORMS, FOLDER_ALONE, NO_XATTR, OPEN_FILES_MAX, UNNOTICED, allow,
    born, device_of, make_node, mode_of, path_through, rdev_of,
};
#[cfg(target_os = "macos")]
pub(super) use macos::{
    COMPARES_ALL, EQUATES_NAME_FORMS, FOLDER_ALONE, NO_XATTR, OPEN_FILES_MAX, UNNOTICED, allow,
    born, device_of, make_node, mode_of, path_through, rdev_of,
};

/// When a file was made: seconds since 1970, and nanoseconds from there.
pub(super) type Born = (i64, u32);

/// A mode as wide as this system's.
pub(super) fn raw_mode(mode: u32) -> RawMode {
    // Bits above the sixteenth mean nothing anywhere.
    (mode & 0xffff) as _
}
