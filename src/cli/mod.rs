//! What the commands do, one file each.

mod holders;
mod status;
mod units;
mod unmount;

pub use holders::Holder;
pub use status::{
    LockedVault, StatusError, UserMount, mounts_of_user, print_locked, print_mounts, print_status,
    status_of_mount,
};
pub use unmount::{UnmountError, unmount};
