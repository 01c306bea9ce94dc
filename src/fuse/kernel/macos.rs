//! macOS with macFUSE, whose protocol is of version 7.19 with parts of its own.

use std::ops::RangeInclusive;

use fuser::{InitFlags, RenameFlags};

use crate::fs::{AllocateMode, RenameMode, XattrMode};

/// What we ask of the kernel: nothing. The numbers of what Linux has mean other things here (exchanging
/// the data of two files, say), and a kernel that is not asked to truncate with an open asks for that by
/// itself. (`fuser` adds that names are equal whatever their case, which is not so; nobody but programs that
/// ask for it is told.)
pub(in crate::fuse) const CAPABILITIES: [InitFlags; 0] = [];

/// `fuser` reads requests on one thread: on macOS several would be in each other's way.
pub(in crate::fuse) const THREADS: RangeInclusive<usize> = 1..=1;

/// Whether the kernel takes content that it has not asked for: it ignores it.
pub(in crate::fuse) const TAKES_CONTENT: bool = false;

/// Of `sys/xattr.h`.
const XATTR_CREATE: i32 = 0x0002;
const XATTR_REPLACE: i32 = 0x0004;

/// Is read and written at positions, of which `fuser` passes on only those of writes.
const RESOURCE_FORK: &[u8] = b"com.apple.ResourceFork";

/// Renames with flags are told apart by a capability, which is not asked for: none has any.
pub(in crate::fuse) fn rename_mode(flags: RenameFlags) -> Option<RenameMode> {
    flags.is_empty().then_some(RenameMode::Replace)
}

/// The flags of `setxattr(2)`; `None` for pairs that make no sense. The others are for the kernel, which
/// passes them on.
pub(in crate::fuse) fn xattr_mode(flags: i32) -> Option<XattrMode> {
    match flags & (XATTR_CREATE | XATTR_REPLACE) {
        0 => Some(XattrMode::Set),
        XATTR_CREATE => Some(XattrMode::Create),
        XATTR_REPLACE => Some(XattrMode::Replace),
        _ => None,
    }
}

/// Whether an attribute of this name can be kept as one. Where it cannot (`ENOTSUP`), macOS keeps it in a
/// `._` file by itself.
pub(in crate::fuse) fn keeps_xattr(name: &[u8]) -> bool {
    name != RESOURCE_FORK
}

/// Room cannot be asked for ahead, nor holes be made: a capability that is not asked for.
pub(in crate::fuse) fn allocate_mode(_: i32) -> Option<AllocateMode> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_the_kernels_do_not_change_what_is_asked() {
        let (no_follow, no_default) = (0x01, 0x10);
        assert_eq!(xattr_mode(0), Some(XattrMode::Set));
        assert_eq!(xattr_mode(no_follow | XATTR_CREATE), Some(XattrMode::Create));
        assert_eq!(xattr_mode(no_default | XATTR_REPLACE), Some(XattrMode::Replace));
        assert_eq!(xattr_mode(XATTR_CREATE | XATTR_REPLACE), None);
    }

    #[test]
    fn a_rename_with_flags_is_refused_rather_than_taken_for_another() {
        assert_eq!(rename_mode(RenameFlags::empty()), Some(RenameMode::Replace));
        assert_eq!(rename_mode(RenameFlags::from_bits_retain(4)), None);
    }

    #[test]
    fn only_what_is_read_at_positions_is_left_to_the_system() {
        assert!(!keeps_xattr(b"com.apple.ResourceFork"));
        assert!(keeps_xattr(b"com.apple.FinderInfo") && keeps_xattr(b"user.mark"));
    }

    #[test]
    fn nothing_is_allocated_ahead() {
        assert_eq!(allocate_mode(0), None);
        assert!(CAPABILITIES.is_empty() && !TAKES_CONTENT && THREADS == (1..=1));
    }
}
