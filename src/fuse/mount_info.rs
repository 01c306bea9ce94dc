//! What is mounted where, as the kernel tells it in `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The file system type of our mounts.
pub const FUSE_TYPE: &str = "fuse.hushfs";

const MOUNT_INFO: &str = "/proc/self/mountinfo";

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountInfo {
    /// Its number; free for another one once it is unmounted.
    pub id: u64,
    /// The number of the mount it is on.
    pub parent: u64,
    /// Device number of the file system, major and minor: what `stat` shows of the files in it.
    pub device: (u32, u32),
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// The file system's type.
    pub fs_type: String,
    /// What is mounted: for ours, the vault.
    pub source: OsString,
    /// Who mounted it, where the file system says (FUSE does).
    pub owner_uid: Option<u32>,
}

impl MountInfo {
    /// Whether it is one of ours.
    pub fn is_hushfs(&self) -> bool {
        self.fs_type == FUSE_TYPE
    }
}

/// Every mount of this mount namespace.
///
/// # Errors
/// If `/proc` is not there.
pub fn mounts() -> io::Result<Vec<MountInfo>> {
    Ok(parse(&fs::read(MOUNT_INFO)?))
}

/// Every mount of ours that can be seen, whoever mounted it.
///
/// # Errors
/// If `/proc` is not there.
pub fn hushfs_mounts() -> io::Result<Vec<MountInfo>> {
    let mut all = mounts()?;
    all.retain(MountInfo::is_hushfs);
    Ok(all)
}

/// The mount at exactly this path (absolute, free of symbolic links), the topmost if several are
/// stacked there.
///
/// # Errors
/// If `/proc` is not there.
pub fn mount_at(path: &Path) -> io::Result<Option<MountInfo>> {
    Ok(topmost_at(mounts()?, path))
}

pub(super) fn topmost_at(mut mounts: Vec<MountInfo>, path: &Path) -> Option<MountInfo> {
    mounts.retain(|mount| mount.mount_point == path);
    let top =
        mounts.iter().rposition(|mount| !mounts.iter().any(|other| other.parent == mount.id))?;
    Some(mounts.swap_remove(top))
}

pub(super) fn parse(text: &[u8]) -> Vec<MountInfo> {
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
