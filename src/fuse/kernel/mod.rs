//! What the FUSE of one system's kernel asks and means in another way than the other's.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;

#[cfg(target_os = "linux")]
pub(super) use linux::{
    CAPABILITIES, TAKES_CONTENT, THREADS, allocate_mode, keeps_xattr, rename_mode, xattr_mode,
};
#[cfg(target_os = "macos")]
pub(super) use macos::{
    CAPABILITIES, TAKES_CONTENT, THREADS, allocate_mode, keeps_xattr, rename_mode, xattr_mode,
};
