//! Real trees with all that files can have, and what is in one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr,
    lsetxattr, mknodat, utimensat,
};

use crate::device::content;

/// Everything that there is to say of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    size: u64,
    links: u64,
    /// Of a file, as large as it is, or of a link's target.
    content: Vec<u8>,
    xattrs: BTreeMap<String, Vec<u8>>,
    /// The first path of the same file.
    same_as: PathBuf,
}

/// A tree by path; the empty one is its root.
pub type Tree = BTreeMap<PathBuf, Entry>;

/// Reads a tree. Times of folders are left out, which come and go with what is in them, but where
/// `with_folder_times`.
pub fn read(root: &Path, with_folder_times: bool) -> Tree {
    let mut tree = Tree::new();
    let mut numbers = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        let full = root.join(&path);
        let found = full.symlink_metadata().unwrap();
        let kind = found.file_type();
        let mut below: Vec<PathBuf> = Vec::new();
        if kind.is_dir() {
            let entries = fs::read_dir(&full).unwrap();
            below.extend(entries.map(|entry| path.join(entry.unwrap().file_name())));
        }
        below.sort_by(|a, b| b.cmp(a));
        waiting.extend(below);
        let number = (found.dev(), found.ino());
        let same_as = numbers.entry(number).or_insert_with(|| path.clone()).clone();
        let times = (found.mtime(), found.mtime_nsec());
        let entry = Entry {
            kind: match () {
                () if kind.is_dir() => "folder",
                () if kind.is_file() => "file",
                () if kind.is_symlink() => "link",
                () if kind.is_fifo() => "pipe",
                () => "other",
            },
            mode: found.mode() & 0o7777,
            owner: (found.uid(), found.gid()),
            modified: if kind.is_dir() && !with_folder_times { (0, 0) } else { times },
            size: if kind.is_dir() { 0 } else { found.size() },
            links: if kind.is_dir() { 0 } else { found.nlink() },
            content: match () {
                () if kind.is_file() => fs::read(&full).unwrap(),
                () if kind.is_symlink() => {
                    fs::read_link(&full).unwrap().into_os_string().into_encoded_bytes()
                }
                () => Vec::new(),
            },
            xattrs: xattrs(&full),
            same_as,
        };
        tree.insert(path, entry);
    }
    tree
}

/// The same tree as [`read`] gives it without them.
pub fn without_folder_times(mut tree: Tree) -> Tree {
    for entry in tree.values_mut().filter(|entry| entry.kind == "folder") {
        entry.modified = (0, 0);
    }
    tree
}

fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut buffer = vec![0; 65536];
    let length = llistxattr(path, &mut buffer[..]).unwrap();
    let names = String::from_utf8(buffer[..length].to_vec()).unwrap();
    let names = names.split('\0').filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0; 65536];
            let length = lgetxattr(path, name, &mut value[..]).unwrap();
            value.truncate(length);
            (name.to_owned(), value)
        })
        .collect()
}

/// An access control list with one more user, as the kernel has it.
fn list(user: u32) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in [
        (1_u16, 6_u16, u32::MAX),
        (2, 6, user),
        (4, 4, u32::MAX),
        (16, 6, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

pub fn set_time(path: &Path, secs: i64) {
    let time = Timespec { tv_sec: secs, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// A tree with everything that a vault holds.
pub fn make_everything(root: &Path) {
    let is_root = rustix::process::geteuid().is_root();
    fs::create_dir_all(root.join("SignalBackups/deep/er")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    let at = |path: &str| root.join(path);
    fs::write(at("SignalBackups/signal.backup"), content(1, 3_000_000)).unwrap();
    fs::write(at("SignalBackups/deep/er/note.txt"), b"a note").unwrap();
    fs::hard_link(at("SignalBackups/deep/er/note.txt"), at("second name")).unwrap();
    fs::write(at("no bytes"), b"").unwrap();
    fs::write(at("caf\u{e9} \n"), b"any name").unwrap();
    symlink("SignalBackups/signal.backup", at("link")).unwrap();
    symlink("nowhere/at all", at("dangling")).unwrap();
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    let sparse = File::create(at("sparse")).unwrap();
    sparse.set_len(60_000_000).unwrap();
    sparse.write_all_at(&content(2, 10_000), 30_000_000).unwrap();
    drop(sparse);
    let set = |path: &str, name: &str, value: &[u8]| {
        lsetxattr(at(path), name, value, XattrFlags::empty()).unwrap();
    };
    set("no bytes", "user.mime_type", b"text/plain");
    set("empty", "user.empty", b"");
    set("second name", "system.posix_acl_access", &list(4321));
    set("SignalBackups", "system.posix_acl_default", &list(4322));
    if is_root {
        std::os::unix::fs::lchown(at("no bytes"), Some(1234), Some(4321)).unwrap();
        std::os::unix::fs::lchown(at("link"), Some(1234), Some(4321)).unwrap();
        std::os::unix::fs::lchown(at("empty"), Some(77), Some(78)).unwrap();
        set("link", "trusted.hushfs", b"root alone");
    }
    let chmod = |path: &str, mode| {
        fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("no bytes", 0o4711);
    chmod("sparse", 0o400);
    chmod("empty", 0o2750);
    chmod("", 0o751);
    for (nth, path) in
        ["SignalBackups/signal.backup", "second name", "link", "dangling", "sparse", "no bytes"]
            .into_iter()
            .enumerate()
    {
        set_time(&at(path), -5 + nth as i64 * 100_000_000);
    }
    for path in ["SignalBackups/deep/er", "SignalBackups/deep", "SignalBackups", "empty", ""] {
        set_time(&at(path), 1_234_567_890);
    }
}
