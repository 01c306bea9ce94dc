//! What only the fuzz targets call: parsers of the system's texts.
//!
//! Compiled where `cfg(fuzzing)` is set, and so in no build but theirs.

use std::path::Path;

use super::{MountInfo, fusermount, mount_info};

/// Every mount in a `mountinfo`.
pub fn parse_mount_info(text: &[u8]) -> Vec<MountInfo> {
    mount_info::parse(text)
}

/// The topmost of these mounts at a path.
pub fn topmost_at(mounts: Vec<MountInfo>, path: &Path) -> Option<MountInfo> {
    mount_info::topmost_at(mounts, path)
}

/// What fusermount3 said last.
pub fn words(stderr: &[u8]) -> String {
    fusermount::words(stderr)
}
