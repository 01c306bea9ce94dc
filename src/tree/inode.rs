//! One inode, packed: a vault of a million files keeps a million of these in memory.

use std::collections::BTreeMap;

use crate::format::{ChunkSize, Ino, NodeKind, Time, Times};

use super::attributes::{Attributes, FileKind};
use super::extents::Extents;
use super::folder::{Cookie, Folder, InodeSlot};

/// Extended attributes by name.
pub(super) type Xattrs = BTreeMap<Box<[u8]>, Box<[u8]>>;

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) ino: Ino,
    pub(super) size: u64,
    secs: [i64; 3],
    nanos: [u32; 3],
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Names that this inode has; for a folder 1, or 0 once it is removed.
    pub(super) names: u32,
    /// Permission bits, 12 of them.
    pub(super) mode: u16,
    /// The folder of one of its names: the last one given.
    pub(super) parent: InodeSlot,
    /// Where in that folder the name stands.
    pub(super) cookie: Cookie,
    pub(super) xattrs: Option<Box<Xattrs>>,
    pub(super) body: Body,
}

/// What only one kind of inode has.
#[derive(Debug)]
pub(super) enum Body {
    File(Extents),
    Folder(Box<Folder>),
    Symlink(Box<[u8]>),
    Fifo,
    Socket,
    CharDevice(u32),
    BlockDevice(u32),
}

const ATIME: usize = 0;
const MTIME: usize = 1;
const CTIME: usize = 2;

impl Inode {
    pub(super) fn new(ino: Ino, kind: NodeKind<'_>, times: Times, parent: InodeSlot) -> Self {
        let (body, size) = match kind {
            NodeKind::File => (Body::File(Extents::None), 0),
            NodeKind::Folder => (Body::Folder(Box::new(Folder::new(parent))), 0),
            NodeKind::Symlink(target) => (Body::Symlink(target.into()), target.len() as u64),
            NodeKind::Fifo => (Body::Fifo, 0),
            NodeKind::Socket => (Body::Socket, 0),
            NodeKind::CharDevice(rdev) => (Body::CharDevice(rdev), 0),
            NodeKind::BlockDevice(rdev) => (Body::BlockDevice(rdev), 0),
        };
        let (atime, mtime, ctime) = times.each();
        Self {
            ino,
            size,
            secs: [atime.secs, mtime.secs, ctime.secs],
            nanos: [atime.nanos, mtime.nanos, ctime.nanos],
            uid: 0,
            gid: 0,
            names: 0,
            mode: 0,
            parent,
            cookie: 0,
            xattrs: None,
            body,
        }
    }

    /// The kind, as an operation writes it down.
    pub(super) fn node_kind(&self) -> NodeKind<'_> {
        match &self.body {
            Body::File(_) => NodeKind::File,
            Body::Folder(_) => NodeKind::Folder,
            Body::Symlink(target) => NodeKind::Symlink(target),
            Body::Fifo => NodeKind::Fifo,
            Body::Socket => NodeKind::Socket,
            Body::CharDevice(rdev) => NodeKind::CharDevice(*rdev),
            Body::BlockDevice(rdev) => NodeKind::BlockDevice(*rdev),
        }
    }

    pub(super) fn file_kind(&self) -> FileKind {
        match &self.body {
            Body::File(_) => FileKind::File,
            Body::Folder(_) => FileKind::Folder,
            Body::Symlink(_) => FileKind::Symlink,
            Body::Fifo => FileKind::Fifo,
            Body::Socket => FileKind::Socket,
            Body::CharDevice(_) => FileKind::CharDevice,
            Body::BlockDevice(_) => FileKind::BlockDevice,
        }
    }

    pub(super) fn is_folder(&self) -> bool {
        matches!(self.body, Body::Folder(_))
    }

    pub(super) fn folder(&self) -> Option<&Folder> {
        match &self.body {
            Body::Folder(folder) => Some(folder),
            _ => None,
        }
    }

    pub(super) fn folder_mut(&mut self) -> Option<&mut Folder> {
        match &mut self.body {
            Body::Folder(folder) => Some(folder),
            _ => None,
        }
    }

    pub(super) fn extents(&self) -> Option<&Extents> {
        match &self.body {
            Body::File(extents) => Some(extents),
            _ => None,
        }
    }

    pub(super) fn times(&self) -> Times {
        Times::of(self.time(ATIME), self.time(MTIME), self.time(CTIME))
    }

    pub(super) fn mtime(&self) -> Time {
        self.time(MTIME)
    }

    pub(super) fn ctime(&self) -> Time {
        self.time(CTIME)
    }

    pub(super) fn set_atime(&mut self, time: Time) {
        self.set_time(ATIME, time);
    }

    pub(super) fn set_mtime(&mut self, time: Time) {
        self.set_time(MTIME, time);
    }

    pub(super) fn set_ctime(&mut self, time: Time) {
        self.set_time(CTIME, time);
    }

    fn time(&self, which: usize) -> Time {
        Time { secs: self.secs[which], nanos: self.nanos[which] }
    }

    fn set_time(&mut self, which: usize, time: Time) {
        let time = time.normal();
        self.secs[which] = time.secs;
        self.nanos[which] = time.nanos;
    }

    pub(super) fn attributes(&self, chunk_size: ChunkSize) -> Attributes {
        let nlink = match &self.body {
            Body::Folder(folder) if self.names > 0 => 2 + folder.subfolders,
            _ => self.names,
        };
        let rdev = match self.body {
            Body::CharDevice(rdev) | Body::BlockDevice(rdev) => rdev,
            _ => 0,
        };
        let chunks = self.extents().map_or(0, Extents::chunks);
        Attributes {
            ino: self.ino,
            kind: self.file_kind(),
            mode: self.mode.into(),
            uid: self.uid,
            gid: self.gid,
            nlink,
            size: self.size,
            blocks: chunks.saturating_mul(u64::from(chunk_size.field() / 512)),
            rdev,
            atime: self.time(ATIME),
            mtime: self.time(MTIME),
            ctime: self.time(CTIME),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inode_stays_within_its_share_of_memory() {
        assert!(size_of::<Inode>() <= 136, "{}", size_of::<Inode>());
    }
}
