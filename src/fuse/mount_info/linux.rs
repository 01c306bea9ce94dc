//! What is mounted where, in `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::fs::{major, minor};

use super::MountInfo;

/// The file system type of our mounts.
pub const FUSE_TYPE: &str = "fuse.hushfs";

const MOUNT_INFO: &str = "/proc/self/mountinfo";

/// Every mount of this mount namespace.
///
/// # Errors
/// If `/proc` is not there.
pub fn mounts() -> io::Result<Vec<MountInfo>> {
    Ok(parse(&fs::read(MOUNT_INFO)?))
}

/// The device number of the file system that this tells of something in, major and minor.
pub fn device_of(metadata: &Metadata) -> (u32, u32) {
    (major(metadata.dev()), minor(metadata.dev()))
}

pub(in crate::fuse) fn parse(text: &[u8]) -> Vec<MountInfo> {
    text.split(|&b| b == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /root /mount/point rw,noatime shared:1 … - type source super,options`
fn parse_line(line: &[u8]) -> Option<MountInfo> {
    let mut fields = line.split(|&b| b == b' ');
    let mut text = || std::str::from_utf8(fields.next()?).ok();
    let id = text()?.parse().ok()?;
    let parent = text()?.parse().ok()?;
    let (major, minor) = text()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let _root = fields.next()?;
    let mount_point = PathBuf::from(unescape(fields.next()?));
    fields.find(|&field| field == b"-")?;
    let fs_type = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = unescape(fields.next()?);
    let options = String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
    let owner_uid =
        options.split(',').find_map(|option| option.strip_prefix("user_id=")?.parse().ok());
    Some(MountInfo { id, parent, device, mount_point, fs_type, source, owner_uid })
}

/// Undoes the kernel's `\ooo` for blanks, backslashes and the like.
fn unescape(field: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{mount_at, topmost_at};
    use super::*;

    const SAMPLE: &[u8] = b"\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
40 22 0:38 / /home/ann/My\\040chats rw,nosuid,nodev shared:9 master:2 - fuse.hushfs /home/ann/a\\134b\\040c rw,user_id=1000,group_id=1000,default_permissions
41 40 0:39 / /home/ann/My\\040chats rw - tmpfs none rw
42 22 0:40 / /mnt rw - fuse.hushfs hushfs rw,user_id=0,group_id=0
garbage
43 22
";

    #[test]
    fn mounts_with_blanks_and_optional_fields_are_read() {
        let mounts = parse(SAMPLE);
        assert_eq!(mounts.len(), 4);
        assert_eq!(
            mounts[1],
            MountInfo {
                id: 40,
                parent: 22,
                device: (0, 38),
                mount_point: "/home/ann/My chats".into(),
                fs_type: "fuse.hushfs".into(),
                source: "/home/ann/a\\b c".into(),
                owner_uid: Some(1000),
            }
        );
        assert_eq!(mounts[0].owner_uid, None);
    }

    #[test]
    fn the_topmost_of_stacked_mounts_is_found_in_whatever_order_they_are_listed() {
        let mut mounts = parse(SAMPLE);
        let at = Path::new("/home/ann/My chats");
        assert_eq!(topmost_at(mounts.clone(), at).unwrap().id, 41);
        mounts.reverse();
        assert_eq!(topmost_at(mounts.clone(), at).unwrap().id, 41);
        assert_eq!(topmost_at(mounts, Path::new("/home/ann")), None);
    }

    #[test]
    fn a_backslash_that_starts_no_escape_stays() {
        assert_eq!(unescape(b"a\\9\\04"), "a\\9\\04");
        assert_eq!(unescape(b"\\011\\012\\043"), "\t\n#");
    }

    #[test]
    fn the_running_system_has_a_root_mount() {
        assert!(mount_at(Path::new("/")).unwrap().is_some());
    }
}
