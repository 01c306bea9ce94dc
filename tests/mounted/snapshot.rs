//! A whole tree as one value: two trees that programs cannot tell apart are equal.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr};
use sha2::{Digest, Sha256};

/// Every path below a folder, itself included, with all that can be told of it.
pub type Snapshot = BTreeMap<PathBuf, Node>;

/// What can be told of one path.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// Type and permissions.
    pub mode: u32,
    /// Owner, group, device number.
    pub numbers: [u64; 3],
    /// Names there are of it.
    pub links: u64,
    /// The first of its paths: tells which names are one file.
    pub first_path: PathBuf,
    /// Bytes, 0 for folders: they differ from file system to file system.
    pub size: u64,
    /// Seconds and nanoseconds of the last change of content.
    pub mtime: (i64, i64),
    /// Extended attributes.
    pub xattrs: BTreeMap<OsString, Vec<u8>>,
    /// Target, or hash of the content.
    pub content: Vec<u8>,
}

/// Fails if two trees are not the same, and says only where they differ.
#[track_caller]
pub fn assert_same(one: &Snapshot, other: &Snapshot) {
    let different = differences(one, other);
    assert!(different.is_empty(), "{} paths differ:\n{}", different.len(), different.join("\n"));
}

/// Where two trees are not the same, and how.
pub fn differences(one: &Snapshot, other: &Snapshot) -> Vec<String> {
    let paths: BTreeSet<&PathBuf> = one.keys().chain(other.keys()).collect();
    let different = paths.into_iter().filter(|path| one.get(*path) != other.get(*path));
    different
        .map(|path| format!("{}: {:?} or {:?}", path.display(), one.get(path), other.get(path)))
        .collect()
}

/// What is below a folder.
pub fn of(folder: &Path) -> Snapshot {
    try_of(folder).unwrap()
}

/// The same, of a folder that may change meanwhile.
pub fn try_of(folder: &Path) -> io::Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    let mut first_paths = BTreeMap::new();
    let mut left = vec![PathBuf::new()];
    while let Some(path) = left.pop() {
        let full = folder.join(&path);
        let metadata = fs::symlink_metadata(&full)?;
        if metadata.is_dir() {
            let entries = fs::read_dir(&full)?.map(|entry| Ok(entry?.file_name()));
            let mut names = entries.collect::<io::Result<Vec<_>>>()?;
            names.sort();
            left.extend(names.iter().rev().map(|name| path.join(name)));
        }
        let first_path = first_paths.entry(metadata.ino()).or_insert_with(|| path.clone()).clone();
        snapshot.insert(path, node(&full, &metadata, first_path)?);
    }
    Ok(snapshot)
}

fn node(full: &Path, metadata: &fs::Metadata, first_path: PathBuf) -> io::Result<Node> {
    let kind = metadata.file_type();
    let content = if kind.is_symlink() {
        fs::read_link(full)?.as_os_str().as_bytes().to_vec()
    } else if kind.is_file() {
        Sha256::digest(fs::read(full)?).to_vec()
    } else {
        Vec::new()
    };
    let rdev = if kind.is_char_device() || kind.is_block_device() { metadata.rdev() } else { 0 };
    Ok(Node {
        mode: metadata.mode(),
        numbers: [metadata.uid().into(), metadata.gid().into(), rdev],
        links: if kind.is_dir() { 0 } else { metadata.nlink() },
        first_path,
        size: if kind.is_dir() { 0 } else { metadata.size() },
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        xattrs: try_xattrs(full)?,
        content,
    })
}

/// Extended attributes of what a path names, not of what it links to.
pub fn xattrs(path: &Path) -> BTreeMap<OsString, Vec<u8>> {
    try_xattrs(path).unwrap()
}

fn try_xattrs(path: &Path) -> io::Result<BTreeMap<OsString, Vec<u8>>> {
    let mut names = vec![0; 65_536];
    let length = llistxattr(path, &mut names[..])?;
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0; 65_536];
            let length = lgetxattr(path, OsStr::from_bytes(name), &mut value[..])?;
            value.truncate(length);
            Ok((OsStr::from_bytes(name).to_owned(), value))
        })
        .collect()
}
