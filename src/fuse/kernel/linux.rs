//! Linux.

use std::ops::RangeInclusive;

use fuser::{InitFlags, RenameFlags};

use crate::fs::{AllocateMode, RenameMode, XattrMode};

/// What we ask of the kernel. Not the write-back cache: under it the kernel, not we, would own
/// sizes and times, and writes could come after their close.
pub(in crate::fuse) const CAPABILITIES: [InitFlags; 7] = [
    InitFlags::FUSE_PARALLEL_DIROPS,
    // Always, not where the kernel guesses that it pays (`FUSE_READDIRPLUS_AUTO`): it guesses at the
    // start of a listing alone, and then looks up each entry of a long folder by itself.
    InitFlags::FUSE_DO_READDIRPLUS,
    // Whoever has a file by its handle alone (NFS, `open_by_handle_at`) finds it again.
    InitFlags::FUSE_EXPORT_SUPPORT,
    InitFlags::FUSE_CACHE_SYMLINKS,
    InitFlags::FUSE_ATOMIC_O_TRUNC,
    InitFlags::FUSE_HANDLE_KILLPRIV_V2,
    // A reader that joined a direct writer is direct, and must still be able to map the file.
    InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
];

/// Threads that answer requests: more cost throughput, and with one alone a long publish would
/// stop everything.
pub(in crate::fuse) const THREADS: RangeInclusive<usize> = 2..=4;

/// Whether the kernel takes content that it has not asked for.
pub(in crate::fuse) const TAKES_CONTENT: bool = true;

/// The flags of `renameat2(2)`; `None` for those that no file system of this kind has
/// (`RENAME_WHITEOUT`) and for pairs that make no sense.
pub(in crate::fuse) fn rename_mode(flags: RenameFlags) -> Option<RenameMode> {
    if flags.is_empty() {
        Some(RenameMode::Replace)
    } else if flags == RenameFlags::RENAME_NOREPLACE {
        Some(RenameMode::NoReplace)
    } else if flags == RenameFlags::RENAME_EXCHANGE {
        Some(RenameMode::Exchange)
    } else {
        None
    }
}

/// The flags of `setxattr(2)`; `None` for pairs that make no sense.
pub(in crate::fuse) fn xattr_mode(flags: i32) -> Option<XattrMode> {
    match flags {
        0 => Some(XattrMode::Set),
        libc::XATTR_CREATE => Some(XattrMode::Create),
        libc::XATTR_REPLACE => Some(XattrMode::Replace),
        _ => None,
    }
}

/// Whether an attribute of this name can be kept as one: the file system says which cannot.
pub(in crate::fuse) fn keeps_xattr(_: &[u8]) -> bool {
    true
}

/// The mode of `fallocate(2)`; `None` for what is not supported.
pub(in crate::fuse) fn allocate_mode(mode: i32) -> Option<AllocateMode> {
    const KEEP_SIZE: i32 = libc::FALLOC_FL_KEEP_SIZE;
    const PUNCH_HOLE: i32 = libc::FALLOC_FL_PUNCH_HOLE | KEEP_SIZE;
    const ZERO_RANGE: i32 = libc::FALLOC_FL_ZERO_RANGE;
    const ZERO_RANGE_KEEP_SIZE: i32 = ZERO_RANGE | KEEP_SIZE;
    match mode {
        0 => Some(AllocateMode::Extend),
        KEEP_SIZE => Some(AllocateMode::KeepSize),
        PUNCH_HOLE => Some(AllocateMode::PunchHole),
        ZERO_RANGE => Some(AllocateMode::ZeroRange),
        ZERO_RANGE_KEEP_SIZE => Some(AllocateMode::ZeroRangeKeepSize),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whiteout_is_no_rename_we_can_do() {
        let flags = RenameFlags::RENAME_WHITEOUT;
        assert_eq!(rename_mode(flags), None);
        assert_eq!(rename_mode(flags | RenameFlags::RENAME_NOREPLACE), None);
        let both = RenameFlags::RENAME_EXCHANGE | RenameFlags::RENAME_NOREPLACE;
        assert_eq!(rename_mode(both), None);
        assert_eq!(rename_mode(RenameFlags::RENAME_EXCHANGE), Some(RenameMode::Exchange));
    }

    #[test]
    fn a_hole_is_punched_only_where_the_size_stays() {
        let punch = libc::FALLOC_FL_PUNCH_HOLE;
        assert_eq!(allocate_mode(punch), None);
        assert_eq!(allocate_mode(punch | libc::FALLOC_FL_KEEP_SIZE), Some(AllocateMode::PunchHole));
        assert_eq!(allocate_mode(libc::FALLOC_FL_COLLAPSE_RANGE), None);
    }
}
