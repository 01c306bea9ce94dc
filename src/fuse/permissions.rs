//! Whether the kernel checks permissions.
//!
//! It does, but where only root of the whole machine gets in, who passes every check anyway. There
//! it would cost a request for each name that is made or removed: the kernel forgets a folder's
//! attributes with every change in it, and has to ask for them again before it can check the next.

use std::fs;

use fuser::AccessFlags;
use rustix::thread::{CapabilitySet, capabilities};

use crate::fs::{Attributes, FileKind};

/// Execution by owner, group and others.
const ANY_EXECUTE: u32 = 0o111;
/// What lets root pass every check that a file system makes, as far as the daemon keeps it too.
const ROOTS_OWN: CapabilitySet =
    CapabilitySet::CHOWN.union(CapabilitySet::DAC_OVERRIDE).union(CapabilitySet::FOWNER);

/// Who checks permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// The kernel (`default_permissions`), access control lists included.
    #[default]
    Checked,
    /// Nobody: only root gets in.
    RootOnly,
}

impl Permissions {
    /// What a mount by this process needs, with or without letting other users in.
    pub fn needed(allow_other: bool) -> Self {
        if allow_other || !is_root_of_the_machine() { Self::Checked } else { Self::RootOnly }
    }

    /// What `access(2)` answers root, if nobody else can ask: like the kernel elsewhere, it lets
    /// root do everything, but run only what somebody may run.
    pub(super) fn allow(attributes: &Attributes, mask: AccessFlags) -> bool {
        let runs = mask.contains(AccessFlags::X_OK) && attributes.kind != FileKind::Folder;
        !runs || attributes.mode & ANY_EXECUTE != 0
    }
}

/// Whether this process is root with all that goes with it, and not only in a user namespace, whose
/// root is nobody to files of users from outside it.
fn is_root_of_the_machine() -> bool {
    let user_ids = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    rustix::process::geteuid().is_root()
        && rustix::process::getuid().is_root()
        && maps_everybody(&user_ids)
        && capabilities(None).is_ok_and(|own| own.effective.contains(ROOTS_OWN))
}

/// Whether a user namespace's map leaves every user id as it is.
fn maps_everybody(user_ids: &str) -> bool {
    let all = u32::MAX.to_string();
    user_ids.split_whitespace().eq(["0", "0", all.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lets_others_in_has_permissions_checked() {
        assert_eq!(Permissions::needed(true), Permissions::Checked);
    }

    #[test]
    fn only_a_map_that_changes_nobody_is_the_machines() {
        assert!(maps_everybody("         0          0 4294967295\n"));
        for map in ["", "0 1000 1\n", "0 100000 65536\n", "0 0 4294967295\n1 1 1\n"] {
            assert!(!maps_everybody(map), "{map}");
        }
    }
}
