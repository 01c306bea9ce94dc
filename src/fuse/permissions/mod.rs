//! Whether the kernel checks permissions.
//!
//! It does, but where only somebody gets in to whom they should be no obstacle. On Linux that is root of the
//! whole machine, who passes every check anyway. There it would cost a request for each name that is made or
//! removed: the kernel forgets a folder's attributes with every change in it, and has to ask for them again
//! before it can check the next. On macOS it is whoever has mounted, if nobody else is let in: Linux numbers
//! users from 1000 on and macOS from 501, so one person's files are not their own on the other.

#[cfg(target_os = "linux")]
mod linux;

use fuser::AccessFlags;

use crate::fs::{Attributes, FileKind};

/// Execution by owner, group and others.
const ANY_EXECUTE: u32 = 0o111;

/// Who checks permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// The kernel (`default_permissions`), access control lists included.
    #[default]
    Checked,
    /// Nobody: only root gets in, or on macOS whoever has mounted.
    Unchecked,
}

impl Permissions {
    /// What a mount by this process needs, with or without letting other users in.
    pub fn needed(allow_other: bool) -> Self {
        if allow_other || !is_free() { Self::Checked } else { Self::Unchecked }
    }

    /// What `access(2)` answers root, if nobody else can ask: like the kernel elsewhere, it lets
    /// root do everything, but run only what somebody may run.
    pub(super) fn allow(attributes: &Attributes, mask: AccessFlags) -> bool {
        let runs = mask.contains(AccessFlags::X_OK) && attributes.kind != FileKind::Folder;
        !runs || attributes.mode & ANY_EXECUTE != 0
    }
}

/// Whether permissions are no obstacle to whoever mounts.
#[cfg(target_os = "linux")]
fn is_free() -> bool {
    linux::is_root_of_the_machine()
}

#[cfg(not(target_os = "linux"))]
fn is_free() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lets_others_in_has_permissions_checked() {
        assert_eq!(Permissions::needed(true), Permissions::Checked);
    }
}
