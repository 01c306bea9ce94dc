//! Access control lists between the kernel and the file system: who enforces them, if anybody,
//! and who may keep setgid when setting one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use fuser::{Errno, InitFlags, KernelConfig, Request};

use super::convert::kept_names;
use super::permissions::Permissions;
use crate::format::Ino;
use crate::format::mode::SET_GID;
use crate::fs::{AccessListKind, FileSystem, FsError, XattrMode};

const ROOT_UID: u32 = 0;

/// What becomes of access control lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum AccessLists {
    /// They are refused: nobody would enforce them.
    #[default]
    Refused,
    /// The kernel enforces them.
    Enforced,
    /// They are kept, and keep out nobody who gets in: only root does.
    Kept,
}

impl AccessLists {
    /// Asks the kernel to enforce lists, and to leave the umask to the file system, which alone
    /// knows whether a folder's default list counts in its stead. A kernel that enforces lists
    /// checks permissions too, so where only root gets in it is not asked to.
    pub(super) fn agree(&mut self, config: &mut KernelConfig, permissions: Permissions) {
        let (asked, agreed) = match permissions {
            Permissions::Checked => {
                (InitFlags::FUSE_DONT_MASK | InitFlags::FUSE_POSIX_ACL, Self::Enforced)
            }
            Permissions::Unchecked => (InitFlags::FUSE_DONT_MASK, Self::Kept),
        };
        *self = match config.add_capabilities(asked) {
            Ok(()) => agreed,
            Err(_) => {
                log::info!("this kernel's FUSE enforces no access control lists: they are refused");
                Self::Refused
            }
        };
    }

    /// Whether setting this attribute changes a mode that the kernel will not ask for by itself.
    pub(super) fn changes_mode_unseen(&self, name: &[u8]) -> bool {
        *self == Self::Kept && AccessListKind::of(name) == Some(AccessListKind::Access)
    }

    /// Refuses the attributes that hold lists where nobody would enforce them: a program must not
    /// believe that somebody is kept out who is not.
    pub(super) fn check(&self, name: &OsStr) -> Result<(), Errno> {
        if *self != Self::Refused || AccessListKind::of(name.as_bytes()).is_none() {
            Ok(())
        } else {
            Err(Errno::ENOTSUP)
        }
    }

    /// Leaves out of names, each ended by a NUL, those that [`Self::check`] refuses.
    pub(super) fn listed(&self, names: Vec<u8>) -> Vec<u8> {
        if *self != Self::Refused {
            return names;
        }
        kept_names(&names, |name| self.check(OsStr::from_bytes(name)).is_ok())
    }
}

/// Sets an extended attribute that the kernel lets this caller set.
pub(super) fn set_xattr(
    files: &FileSystem,
    who: &Request,
    ino: Ino,
    name: &[u8],
    value: &[u8],
    mode: XattrMode,
) -> Result<(), FsError> {
    if AccessListKind::of(name) != Some(AccessListKind::Access) {
        return files.set_xattr(ino, name, value, mode);
    }
    let before = files.attributes(ino)?;
    let clear = before.mode & SET_GID != 0 && !keeps_set_gid(who, before.gid);
    files.set_access_list(ino, AccessListKind::Access, value, clear)
}

/// Whether somebody who changes what a file of this group grants may leave it setgid. The kernel
/// knows, but tells only in a form of the request that `fuser` 0.18 does not read. The caller waits
/// for the answer meanwhile, so its groups stay what they are. In doubt the answer is no, also for
/// those with `CAP_FSETID` alone.
fn keeps_set_gid(who: &Request, group: u32) -> bool {
    if who.uid() == ROOT_UID || who.gid() == group {
        return true;
    }
    let status = fs::read_to_string(format!("/proc/{}/status", who.pid()));
    status.is_ok_and(|status| is_in_group(&status, group))
}

/// Whether `/proc/PID/status` names a group among the supplementary ones.
fn is_in_group(status: &str, group: u32) -> bool {
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    groups.is_some_and(|groups| groups.split_whitespace().any(|word| word.parse() == Ok(group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_nobody_enforces_are_refused_and_not_listed() {
        let names = b"system.posix_acl_access\0user.a\0system.posix_acl_default\0user.b\0";
        let refusing = AccessLists::Refused;
        assert_eq!(refusing.listed(names.to_vec()), b"user.a\0user.b\0");
        for name in ["system.posix_acl_access", "system.posix_acl_default"] {
            assert_eq!(refusing.check(OsStr::new(name)), Err(Errno::ENOTSUP));
            assert_eq!(AccessLists::Enforced.check(OsStr::new(name)), Ok(()));
            assert_eq!(AccessLists::Kept.check(OsStr::new(name)), Ok(()));
        }
        assert_eq!(refusing.check(OsStr::new("user.posix_acl_access")), Ok(()));
        assert_eq!(AccessLists::Enforced.listed(names.to_vec()), names);
        assert_eq!(AccessLists::Kept.listed(names.to_vec()), names);
    }

    #[test]
    fn supplementary_groups_are_found_and_nothing_else_is_taken_for_one() {
        let status = "Name:\tGroups: 7\nUid:\t1\t1\t1\t1\nGid:\t2\t2\t2\t2\nGroups:\t4 24 1000 \n";
        for (group, is_in) in [(4, true), (24, true), (1000, true), (2, false), (7, false)] {
            assert_eq!(is_in_group(status, group), is_in, "{group}");
        }
        assert!(!is_in_group("Groups:\t\n", 0));
        assert!(!is_in_group("", 0));
    }
}
