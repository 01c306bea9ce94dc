//! What commands need of the system, and each system has in its own way.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use rustix::fs::{RawMode, Stat};

#[cfg(target_os = "linux")]
pub(super) use linux::{
    COMPARES_ALL, EQUATES_NAME_FORMS, FOLDER_ALONE, NO_XATTR, OPEN_FILES_MAX, UNNOTICED, allow,
    born, device_of, make_node, path_through,
};
#[cfg(target_os = "macos")]
pub(super) use macos::{
    COMPARES_ALL, EQUATES_NAME_FORMS, FOLDER_ALONE, NO_XATTR, OPEN_FILES_MAX, UNNOTICED, allow,
    born, device_of, make_node, path_through,
};

/// When a file was made: seconds since 1970, and nanoseconds from there.
pub(super) type Born = (i64, u32);

/// The mode that `stat` tells, as wide as elsewhere.
pub(super) fn mode_of(stat: &Stat) -> u32 {
    let mode: RawMode = stat.st_mode;
    mode.into()
}

/// A mode as wide as this system's.
pub(super) fn raw_mode(mode: u32) -> RawMode {
    // Bits above the sixteenth mean nothing anywhere.
    (mode & 0xffff) as _
}
