//! Types of `fuser` ⇄ types of the file system; nothing is decided here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo, TimeOrNow};

use crate::format::{Ino, NodeKind, Time, mode};
use crate::fs::{Attributes, FileKind};

// The bits of a mode that tell a file's type: the same on all systems, whose libraries have them in other widths.
const TYPE: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_FIFO: u32 = 0o010_000;
const TYPE_SOCKET: u32 = 0o140_000;
const TYPE_CHAR_DEVICE: u32 = 0o020_000;
const TYPE_BLOCK_DEVICE: u32 = 0o060_000;

/// What `stat` shows as the best size of a request.
const BLOCK_BYTES: u32 = 4096;

/// An inode number, from the kernel's.
pub(super) fn ino(number: INodeNo) -> Ino {
    Ino(number.0)
}

/// A kind of inode, as `readdir` and `stat` show it.
pub(super) fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::File => FileType::RegularFile,
        FileKind::Folder => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Fifo => FileType::NamedPipe,
        FileKind::Socket => FileType::Socket,
        FileKind::CharDevice => FileType::CharDevice,
        FileKind::BlockDevice => FileType::BlockDevice,
    }
}

/// What `mknod(2)` is to make; `None` for what it cannot make.
pub(super) fn node_kind(mode: u32, rdev: u32) -> Option<NodeKind<'static>> {
    match mode & TYPE {
        0 | TYPE_FILE => Some(NodeKind::File),
        TYPE_FIFO => Some(NodeKind::Fifo),
        TYPE_SOCKET => Some(NodeKind::Socket),
        TYPE_CHAR_DEVICE => Some(NodeKind::CharDevice(rdev)),
        TYPE_BLOCK_DEVICE => Some(NodeKind::BlockDevice(rdev)),
        _ => None,
    }
}

/// Attributes, as the kernel wants them.
pub(super) fn file_attr(attributes: &Attributes) -> FileAttr {
    FileAttr {
        ino: INodeNo(attributes.ino.0),
        size: attributes.size,
        blocks: attributes.blocks,
        atime: system_time(attributes.atime),
        mtime: system_time(attributes.mtime),
        ctime: system_time(attributes.ctime),
        // For macOS, which shows when a file was made. A vault does not keep it; not later than this.
        crtime: system_time(attributes.mtime.min(attributes.ctime)),
        kind: file_type(attributes.kind),
        // Twelve bits always fit into sixteen.
        perm: (attributes.mode & mode::PERMISSIONS) as u16,
        nlink: attributes.nlink,
        uid: attributes.uid,
        gid: attributes.gid,
        rdev: attributes.rdev,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

/// The entry of a name that is not there: inode 0, which the kernel remembers as "no such file".
pub(super) fn absent() -> FileAttr {
    FileAttr {
        ino: INodeNo(0),
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: FileType::RegularFile,
        perm: 0,
        nlink: 0,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 0,
        flags: 0,
    }
}

/// A point in time, as `fuser` takes it; what `SystemTime` cannot hold is 1970.
fn system_time(time: Time) -> SystemTime {
    let whole_secs = Duration::from_secs(time.secs.unsigned_abs());
    let whole = if time.secs < 0 {
        UNIX_EPOCH.checked_sub(whole_secs)
    } else {
        UNIX_EPOCH.checked_add(whole_secs)
    };
    whole.and_then(|t| t.checked_add(Duration::from_nanos(time.nanos.into()))).unwrap_or(UNIX_EPOCH)
}

/// A time to set, from `fuser`.
pub(super) fn time_to_set(time: TimeOrNow) -> Time {
    match time {
        TimeOrNow::Now => Time::now(),
        TimeOrNow::SpecificTime(time) => decoded_time(time),
    }
}

/// Undoes `fuser`'s decoding exactly. The kernel sends seconds rounded down and nanoseconds
/// forward from there; for negative seconds `fuser` 0.18 makes `1970 - (|seconds| + nanoseconds)`
/// of them, so both are still to be read off.
fn decoded_time(time: SystemTime) -> Time {
    match time.duration_since(UNIX_EPOCH) {
        Ok(_) => Time::from(time),
        Err(before) => {
            let before = before.duration();
            Time {
                secs: 0_i64.checked_sub_unsigned(before.as_secs()).unwrap_or(i64::MIN),
                nanos: before.subsec_nanos(),
            }
        }
    }
}

/// Of names of extended attributes, each ended by a NUL, those that are to be kept.
pub(super) fn kept_names(names: &[u8], is_kept: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let each = names.split_inclusive(|byte| *byte == 0);
    let kept = each.filter(|name| is_kept(name.strip_suffix(b"\0").unwrap_or(name)));
    kept.flatten().copied().collect()
}

/// Of names of extended attributes, each ended by a NUL, those that anybody may know of.
pub(super) fn untrusted_names(names: &[u8]) -> Vec<u8> {
    kept_names(names, |name| !name.starts_with(b"trusted."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fuser::time::system_time_from_time` of version 0.18.0, which cannot be called from here.
    fn as_fuser_decodes(secs: i64, nanos: u32) -> SystemTime {
        if secs >= 0 {
            UNIX_EPOCH + Duration::new(secs as u64, nanos)
        } else {
            UNIX_EPOCH - Duration::new((-secs) as u64, nanos)
        }
    }

    const SAMPLES: [(i64, u32); 11] = [
        (0, 0),
        (0, 1),
        (1_700_000_000, 999_999_999),
        (-1, 0),
        (-1, 1),
        (-1, 750_000_000),
        (-1, 999_999_999),
        (-2, 200_000_000),
        (-2_208_988_800, 123_456_789),
        (i64::MAX, 0),
        (i64::MIN + 1, 1),
    ];

    #[test]
    fn every_time_the_kernel_sends_arrives_as_it_was() {
        for (secs, nanos) in SAMPLES {
            let sent = TimeOrNow::SpecificTime(as_fuser_decodes(secs, nanos));
            assert_eq!(time_to_set(sent), Time { secs, nanos });
        }
    }

    #[test]
    fn every_time_goes_to_the_kernel_as_it_is() {
        for (secs, nanos) in SAMPLES {
            let time = Time { secs, nanos };
            assert_eq!(Time::from(system_time(time)), time);
        }
    }

    #[test]
    fn names_in_trusted_are_left_out_and_others_stay() {
        let names = b"trusted.a\0user.trusted.\0trusted.\0security.b\0";
        assert_eq!(untrusted_names(names), b"user.trusted.\0security.b\0");
        assert_eq!(untrusted_names(b""), b"");
    }

    #[test]
    fn a_node_of_no_type_is_a_file_and_a_folder_is_not_made_by_mknod() {
        assert_eq!(node_kind(0o644, 0), Some(NodeKind::File));
        assert_eq!(node_kind(0o040_755, 0), None);
        assert_eq!(node_kind(0o020_600, 0x0103), Some(NodeKind::CharDevice(0x0103)));
    }

    #[test]
    fn what_the_system_calls_a_type_is_what_everybody_does() {
        for (ours, systems) in [
            (TYPE, libc::S_IFMT),
            (TYPE_FILE, libc::S_IFREG),
            (TYPE_FIFO, libc::S_IFIFO),
            (TYPE_SOCKET, libc::S_IFSOCK),
            (TYPE_CHAR_DEVICE, libc::S_IFCHR),
            (TYPE_BLOCK_DEVICE, libc::S_IFBLK),
        ] {
            assert_eq!(u64::from(ours), u64::from(systems));
        }
    }
}
