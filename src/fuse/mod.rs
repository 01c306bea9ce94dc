//! The file system as a mount: an adapter that converts types, and what a daemon needs around it.

mod access_lists;
mod adapter;
mod caching;
mod contents;
mod control;
mod convert;
pub mod daemon;
mod dispatch;
mod errno;
#[cfg(target_os = "linux")]
mod fusermount;
#[cfg(all(target_os = "linux", fuzzing))]
pub mod fuzzing;
pub mod harden;
mod history;
mod idle;
mod kernel;
pub mod lease;
mod listening;
mod listings;
mod looking;
#[cfg(target_os = "macos")]
mod macfuse;
#[cfg(any(target_os = "macos", test))]
mod macfuse_words;
mod mount_helper;
mod mount_info;
mod mount_point;
mod outside;
mod permissions;
mod replies;
mod requests;
mod session;
mod signals;
mod unmount;
mod waiting;

pub use adapter::Adapter;
pub use control::{
    ADD_SLOT_ATTRIBUTE, COLLECT_ATTRIBUTE, CONFLICTS_ATTRIBUTE, FETCH_ATTRIBUTE,
    FETCHING_ATTRIBUTE, PUBLISH_ATTRIBUTE, SLOTS_ATTRIBUTE, STATE_ATTRIBUTE, STATUS_ATTRIBUTE,
    StateAnswer, UNDELETE_ATTRIBUTE, USAGE_ATTRIBUTE, UndeleteAnswer, UndeleteRequest,
};
pub use errno::errno_of;
pub use mount_info::{FUSE_TYPE, MountInfo, device_of, hushfs_mounts, mount_at, mounts};
pub use mount_point::{
    MountError, MountOptions, absolute_path, may_mount, mount, remove_dead_mount,
};
pub use permissions::Permissions;
pub use session::{Locker, Session, SessionError};
pub use unmount::{MountPoint, StillMounted, Unmounted, is_dead, unmount_path};
