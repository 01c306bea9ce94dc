//! What an entry of macOS's table of mounts says of a mount.
//!
//! There every mount of macFUSE has the same type, so ours are known by what is mounted: the vault's path
//! with a word of our own before it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::MountInfo;

/// The type that mounts of ours are shown to have.
pub(in crate::fuse) const OURS: &str = "hushfs";
/// How the type of a mount of macFUSE begins; a version may follow, or the type that it was told.
const MACFUSE: &[u8] = b"macfuse";
/// Before the vault's path in what is mounted.
const SOURCE_START: &[u8] = b"hushfs:";

/// What is said to be mounted, of a vault's path.
pub(in crate::fuse) fn source_of(vault: &str) -> String {
    format!("{}{vault}", String::from_utf8_lossy(SOURCE_START))
}

/// An entry of the table: the fields of `struct statfs` that tell a mount from others, each text up to
/// its NUL.
#[derive(Clone, Copy, Debug)]
pub(in crate::fuse) struct Entry<'a> {
    /// `f_fstypename`.
    pub(in crate::fuse) fs_type: &'a [u8],
    /// `f_mntfromname`.
    pub(in crate::fuse) source: &'a [u8],
    /// `f_mntonname`.
    pub(in crate::fuse) mount_point: &'a [u8],
    /// Major and minor number of the first half of `f_fsid`, which `stat` shows of the files in it.
    pub(in crate::fuse) device: (u32, u32),
    /// `f_owner`.
    pub(in crate::fuse) owner_uid: u32,
}

/// The mounts of a table, which lists them in the order in which they were made: of those on one path,
/// the last is on top.
pub(in crate::fuse) fn mounts_of<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<MountInfo> {
    (1..).zip(entries).map(|(id, entry)| mount_of(id, &entry)).collect()
}

fn mount_of(id: u64, entry: &Entry<'_>) -> MountInfo {
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let vault = match entry.fs_type.starts_with(MACFUSE) {
        true => entry.source.strip_prefix(SOURCE_START),
        false => None,
    };
    MountInfo {
        id,
        parent: 0,
        device: entry.device,
        mount_point: PathBuf::from(text(entry.mount_point)),
        fs_type: match vault {
            Some(_) => OURS.to_owned(),
            None => String::from_utf8_lossy(entry.fs_type).into_owned(),
        },
        source: text(vault.unwrap_or(entry.source)),
        owner_uid: Some(entry.owner_uid),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::topmost_at;
    use super::*;

    const ROOT: Entry<'_> = Entry {
        fs_type: b"apfs",
        source: b"/dev/disk3s1s1",
        mount_point: b"/",
        device: (1, 13),
        owner_uid: 0,
    };
    const OF_ANN: Entry<'_> = Entry {
        fs_type: b"macfuse",
        source: b"hushfs:/Users/ann/Google Drive/vault",
        mount_point: b"/Users/ann/Chats",
        device: (52, 3),
        owner_uid: 501,
    };

    #[test]
    fn a_mount_of_ours_is_known_by_its_source_and_shows_the_vault() {
        let sshfs = Entry { source: b"ann@host:", device: (52, 4), ..OF_ANN };
        let not_fuse = Entry { fs_type: b"nfs", ..OF_ANN };
        let mounts = mounts_of([ROOT, OF_ANN, sshfs, not_fuse].into_iter());
        let ours: Vec<bool> = mounts.iter().map(|mount| mount.fs_type == OURS).collect();
        assert_eq!(ours, [false, true, false, false]);
        assert_eq!(mounts[1].source, "/Users/ann/Google Drive/vault");
        assert_eq!(mounts[1].owner_uid, Some(501));
        assert_eq!((mounts[2].source.to_str(), mounts[2].device), (Some("ann@host:"), (52, 4)));
        assert_eq!(mounts[0].fs_type, "apfs");
    }

    #[test]
    fn of_several_on_one_path_the_last_is_on_top() {
        let above = Entry { source: b"hushfs:/other", device: (52, 5), ..OF_ANN };
        let mounts = mounts_of([ROOT, OF_ANN, above].into_iter());
        let top = topmost_at(mounts.clone(), Path::new("/Users/ann/Chats")).unwrap();
        assert_eq!(top.device, (52, 5));
        assert_eq!(topmost_at(mounts, Path::new("/Users/ann")), None);
    }

    #[test]
    fn what_is_said_to_be_mounted_is_read_back_as_the_vault() {
        let source = source_of("/vaults/a,b\\c");
        let mounts = mounts_of([Entry { source: source.as_bytes(), ..OF_ANN }].into_iter());
        assert_eq!(mounts[0].source, "/vaults/a,b\\c");
    }
}
