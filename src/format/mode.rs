//! The bits of a mode, as POSIX has them.

/// Runs as its owner.
pub const SET_UID: u32 = 0o4000;
/// Runs as its group; a folder hands its group down.
pub const SET_GID: u32 = 0o2000;
/// Both of these.
pub const SET_IDS: u32 = SET_UID | SET_GID;
/// The group may execute.
pub const GROUP_EXECUTE: u32 = 0o0010;
/// What owner, group and others are granted.
pub const ALL_RWX: u32 = 0o777;
/// All twelve bits that an inode keeps.
pub const PERMISSIONS: u32 = 0o7777;
