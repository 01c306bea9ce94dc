//! What the file system takes and gives: attributes, changes, entries.

use crate::format::Time;
use crate::tree::Attributes;

/// Who makes a new inode, and how.
#[derive(Clone, Copy, Debug)]
pub struct NewNode {
    /// Permission bits that are asked for.
    pub mode: u32,
    /// Those of them that are not given, unless the folder has a default access control list,
    /// which counts in its stead.
    pub umask: u32,
    /// Owner.
    pub uid: u32,
    /// Group, unless the folder is setgid and hands down its own.
    pub gid: u32,
}

/// What `chmod`, `chown`, `truncate` and `utimensat` change; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttributeChange {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Size; regular files only.
    pub size: Option<u64>,
    /// Access time.
    pub atime: Option<Time>,
    /// Content time.
    pub mtime: Option<Time>,
}

/// What becomes of a name that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameMode {
    /// It is replaced, as `rename(2)` says.
    Replace,
    /// It is an error (`RENAME_NOREPLACE`).
    NoReplace,
    /// The two trade places (`RENAME_EXCHANGE`).
    Exchange,
}

/// What must hold of an extended attribute that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XattrMode {
    /// Nothing.
    Set,
    /// It is not there yet (`XATTR_CREATE`).
    Create,
    /// It is there (`XATTR_REPLACE`).
    Replace,
}

/// What `fallocate(2)` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocateMode {
    /// Room; the size grows if the range goes past it.
    Extend,
    /// Room; the size stays (`FALLOC_FL_KEEP_SIZE`).
    KeepSize,
    /// A hole; the size stays (`FALLOC_FL_PUNCH_HOLE`).
    PunchHole,
    /// Zeroes; the size grows if the range goes past it (`FALLOC_FL_ZERO_RANGE`).
    ZeroRange,
    /// Zeroes; the size stays.
    ZeroRangeKeepSize,
}

/// One entry of a folder.
#[derive(Clone, Copy, Debug)]
pub struct FolderEntry<'a> {
    /// Where to go on after this one; stays the same while the folder changes.
    pub cookie: u64,
    /// The name; `.` and `..` come first.
    pub name: &'a [u8],
    /// What the name stands for.
    pub attributes: Attributes,
}

/// The room there is, for `statfs(2)`.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes of a block, the unit of the block counts.
    pub block_bytes: u32,
    /// Blocks of the file system that holds the vault.
    pub blocks: u64,
    /// Free blocks.
    pub free: u64,
    /// Free blocks for ordinary users.
    pub available: u64,
    /// Inodes of the vault.
    pub files: u64,
}
