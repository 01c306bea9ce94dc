//! What the tree tells of an inode.

use crate::format::{Ino, Time};

/// What an inode is, without what only that kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// What `stat` tells of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Its number, the same on every device.
    pub ino: Ino,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: 12 bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links; for a folder 2 and one for each folder in it.
    pub nlink: u32,
    /// Size in bytes.
    pub size: u64,
    /// Room that its content takes, in units of 512 bytes; holes take none.
    pub blocks: u64,
    /// Device number, 0 for what is no device.
    pub rdev: u32,
    /// Last access, as set: reading does not change it (noatime).
    pub atime: Time,
    /// Last change of content.
    pub mtime: Time,
    /// Last change of anything.
    pub ctime: Time,
}

/// What [`Attributes::blocks`] counts in.
const BLOCK_BYTES: u64 = 512;

impl Attributes {
    /// Bytes of its content, holes not counted.
    pub fn held_bytes(&self) -> u64 {
        self.size.min(self.blocks.saturating_mul(BLOCK_BYTES))
    }
}
