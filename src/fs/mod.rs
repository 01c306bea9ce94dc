//! Stand-in for the file system: everything in memory, nothing kept.
#![allow(
    clippy::all,
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_errors_doc,
    reason = "a stand-in, replaced by the real one"
)]

mod error;
mod status;
mod types;

pub use error::FsError;
pub use status::{DeviceStatus, Status};
pub use types::{
    AllocateMode, AttributeChange, Attributes, FileKind, FolderEntry, NewNode, RenameMode, Room,
    XattrMode,
};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::format::{Ino, NodeKind, Time};

struct Node {
    attributes: Attributes,
    data: Vec<u8>,
    entries: BTreeMap<Vec<u8>, (u64, Ino)>,
    parent: Ino,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    opens: u32,
}

struct Inner {
    nodes: BTreeMap<u64, Node>,
    next_cookie: u64,
    ended: bool,
}

pub struct FileSystem {
    inner: Mutex<Inner>,
    pub panic_on: Mutex<Option<Vec<u8>>>,
    pub publish_fails: std::sync::atomic::AtomicBool,
    pub state_folder: Mutex<String>,
}

impl Inner {
    fn get(&self, ino: Ino) -> Result<&Node, FsError> {
        self.nodes.get(&ino.0).ok_or(FsError::NotFound)
    }
    fn get_mut(&mut self, ino: Ino) -> Result<&mut Node, FsError> {
        self.nodes.get_mut(&ino.0).ok_or(FsError::NotFound)
    }
    fn find(&self, parent: Ino, name: &[u8]) -> Result<Ino, FsError> {
        let folder = self.get(parent)?;
        if name.len() > 255 {
            return Err(FsError::Name(crate::format::NameError::TooLong));
        }
        folder
            .entries
            .get(name)
            .map(|e| e.1)
            .ok_or(FsError::NotFound)
    }
    fn put(&mut self, parent: Ino, name: &[u8], ino: Ino) {
        self.next_cookie += 1;
        let cookie = self.next_cookie;
        let now = Time::now();
        let folder = self.nodes.get_mut(&parent.0).unwrap();
        folder.entries.insert(name.to_vec(), (cookie, ino));
        folder.attributes.mtime = now;
        folder.attributes.ctime = now;
        let child = self.nodes.get_mut(&ino.0).unwrap();
        if child.attributes.kind == FileKind::Folder {
            child.parent = parent;
            self.nodes.get_mut(&parent.0).unwrap().attributes.nlink += 1;
        }
    }
    fn take(&mut self, parent: Ino, name: &[u8]) -> Ino {
        let folder = self.nodes.get_mut(&parent.0).unwrap();
        let (_, ino) = folder.entries.remove(name).unwrap();
        folder.attributes.mtime = Time::now();
        if self.nodes[&ino.0].attributes.kind == FileKind::Folder {
            self.nodes.get_mut(&parent.0).unwrap().attributes.nlink -= 1;
        }
        ino
    }
    fn drop_link(&mut self, ino: Ino) {
        let node = self.nodes.get_mut(&ino.0).unwrap();
        node.attributes.nlink -= 1;
        if node.attributes.kind == FileKind::Folder {
            node.attributes.nlink = 0;
        }
        self.reap(ino);
    }
    fn reap(&mut self, ino: Ino) {
        if let Some(n) = self.nodes.get(&ino.0) {
            if n.attributes.nlink == 0 && n.opens == 0 {
                self.nodes.remove(&ino.0);
            }
        }
    }
}

impl Default for FileSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl FileSystem {
    pub fn new() -> Self {
        let mut nodes = BTreeMap::new();
        nodes.insert(
            1,
            node(
                Ino::ROOT,
                FileKind::Folder,
                0o755,
                rustix::process::getuid().as_raw(),
                rustix::process::getgid().as_raw(),
                0,
            ),
        );
        Self {
            inner: Mutex::new(Inner {
                nodes,
                next_cookie: 10,
                ended: false,
            }),
            panic_on: Mutex::new(None),
            publish_fails: false.into(),
            state_folder: Mutex::new(String::new()),
        }
    }
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }
    pub fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Attributes, FsError> {
        assert!(!name.starts_with(b"PANIC"), "asked to");
        let i = self.lock();
        let ino = i.find(parent, name)?;
        Ok(i.get(ino)?.attributes)
    }
    pub fn attributes(&self, ino: Ino) -> Result<Attributes, FsError> {
        Ok(self.lock().get(ino)?.attributes)
    }
    pub fn set_attributes(
        &self,
        ino: Ino,
        change: &AttributeChange,
    ) -> Result<Attributes, FsError> {
        let mut i = self.lock();
        let n = i.get_mut(ino)?;
        if change.size.is_some() && n.attributes.kind != FileKind::File {
            return Err(FsError::IsFolder);
        }
        let a = &mut n.attributes;
        let now = Time::now();
        a.ctime = now;
        if let Some(s) = change.size {
            n.data.resize(usize::try_from(s).unwrap(), 0);
            a.size = s;
            a.blocks = s.div_ceil(512);
            a.mtime = now;
        }
        if change.mode.is_none()
            && (change.uid.is_some() || change.gid.is_some() || change.size.is_some())
            && a.kind == FileKind::File
        {
            a.mode &= !0o6000;
        }
        if let Some(x) = change.mode {
            a.mode = x;
        }
        if let Some(x) = change.uid {
            a.uid = x;
        }
        if let Some(x) = change.gid {
            a.gid = x;
        }
        if let Some(x) = change.atime {
            a.atime = x;
        }
        if let Some(x) = change.mtime {
            a.mtime = x;
        }
        Ok(*a)
    }
    pub fn read_link(&self, ino: Ino) -> Result<Vec<u8>, FsError> {
        Ok(self.lock().get(ino)?.data.clone())
    }
    pub fn make(
        &self,
        parent: Ino,
        name: &[u8],
        kind: NodeKind<'_>,
        new: NewNode,
    ) -> Result<Attributes, FsError> {
        let mut i = self.lock();
        match i.find(parent, name) {
            Ok(_) => return Err(FsError::Exists),
            Err(FsError::NotFound) => {}
            Err(e) => return Err(e),
        }
        i.get(parent)?;
        let (k, data, rdev) = match kind {
            NodeKind::File => (FileKind::File, &b""[..], 0),
            NodeKind::Folder => (FileKind::Folder, &b""[..], 0),
            NodeKind::Symlink(t) => (FileKind::Symlink, t, 0),
            NodeKind::Fifo => (FileKind::Fifo, &b""[..], 0),
            NodeKind::Socket => (FileKind::Socket, &b""[..], 0),
            NodeKind::CharDevice(d) => (FileKind::CharDevice, &b""[..], d),
            NodeKind::BlockDevice(d) => (FileKind::BlockDevice, &b""[..], d),
        };
        let ino = Ino::random();
        let mut n = node(ino, k, new.mode, new.uid, new.gid, rdev);
        n.data = data.to_vec();
        n.attributes.size = data.len() as u64;
        n.parent = parent;
        let a = n.attributes;
        i.nodes.insert(ino.0, n);
        i.put(parent, name, ino);
        Ok(a)
    }
    pub fn create(&self, parent: Ino, name: &[u8], new: NewNode) -> Result<Attributes, FsError> {
        let a = self.make(parent, name, NodeKind::File, new)?;
        self.open(a.ino)?;
        Ok(a)
    }
    pub fn link(&self, ino: Ino, parent: Ino, name: &[u8]) -> Result<Attributes, FsError> {
        let mut i = self.lock();
        if i.find(parent, name).is_ok() {
            return Err(FsError::Exists);
        }
        i.get_mut(ino)?.attributes.nlink += 1;
        i.put(parent, name, ino);
        Ok(i.get(ino)?.attributes)
    }
    pub fn unlink(&self, parent: Ino, name: &[u8]) -> Result<(), FsError> {
        let mut i = self.lock();
        let ino = i.find(parent, name)?;
        if i.get(ino)?.attributes.kind == FileKind::Folder {
            return Err(FsError::IsFolder);
        }
        i.take(parent, name);
        i.drop_link(ino);
        Ok(())
    }
    pub fn remove_folder(&self, parent: Ino, name: &[u8]) -> Result<(), FsError> {
        let mut i = self.lock();
        let ino = i.find(parent, name)?;
        let n = i.get(ino)?;
        if n.attributes.kind != FileKind::Folder {
            return Err(FsError::NotFolder);
        }
        if !n.entries.is_empty() {
            return Err(FsError::NotEmpty);
        }
        i.take(parent, name);
        i.drop_link(ino);
        Ok(())
    }
    pub fn rename(
        &self,
        fp: Ino,
        fname: &[u8],
        tp: Ino,
        tname: &[u8],
        mode: RenameMode,
    ) -> Result<(), FsError> {
        let mut i = self.lock();
        let from = i.find(fp, fname)?;
        let to = i.find(tp, tname).ok();
        match (mode, to) {
            (RenameMode::NoReplace, Some(_)) => return Err(FsError::Exists),
            (RenameMode::Exchange, None) => return Err(FsError::NotFound),
            (RenameMode::Exchange, Some(to)) => {
                i.take(fp, fname);
                i.take(tp, tname);
                i.put(fp, fname, to);
                i.put(tp, tname, from);
                return Ok(());
            }
            (_, Some(to)) => {
                if to == from {
                    return Ok(());
                }
                if !i.get(to)?.entries.is_empty() {
                    return Err(FsError::NotEmpty);
                }
                i.take(tp, tname);
                i.drop_link(to);
            }
            (_, None) => {}
        }
        i.take(fp, fname);
        i.put(tp, tname, from);
        Ok(())
    }
    pub fn open(&self, ino: Ino) -> Result<(), FsError> {
        self.lock().get_mut(ino)?.opens += 1;
        Ok(())
    }
    pub fn release(&self, ino: Ino) {
        let mut i = self.lock();
        if let Ok(n) = i.get_mut(ino) {
            n.opens -= 1;
        }
        i.reap(ino);
    }
    pub fn read(&self, ino: Ino, offset: u64, out: &mut [u8]) -> Result<usize, FsError> {
        let i = self.lock();
        let d = &i.get(ino)?.data;
        let at = usize::try_from(offset).unwrap().min(d.len());
        let n = out.len().min(d.len() - at);
        out[..n].copy_from_slice(&d[at..at + n]);
        Ok(n)
    }
    pub fn write(&self, ino: Ino, offset: u64, data: &[u8], clear: bool) -> Result<(), FsError> {
        let mut i = self.lock();
        if i.ended {
            return Err(FsError::ReadOnly("ended".into()));
        }
        let n = i.get_mut(ino)?;
        let at = usize::try_from(offset).unwrap();
        let end = at + data.len();
        if end > n.data.len() {
            n.data.resize(end, 0);
        }
        n.data[at..end].copy_from_slice(data);
        n.attributes.size = n.data.len() as u64;
        n.attributes.blocks = n.attributes.size.div_ceil(512);
        n.attributes.mtime = Time::now();
        if clear {
            n.attributes.mode &= !0o6000;
        }
        Ok(())
    }
    pub fn close(&self, _ino: Ino) -> Result<(), FsError> {
        Ok(())
    }
    pub fn fsync(&self, _ino: Ino) -> Result<(), FsError> {
        Ok(())
    }
    pub fn list(
        &self,
        ino: Ino,
        cookie: u64,
        visit: &mut dyn FnMut(&FolderEntry<'_>) -> bool,
    ) -> Result<(), FsError> {
        let i = self.lock();
        let n = i.get(ino)?;
        let dot = (1, &b"."[..], n.attributes);
        let dots = (2, &b".."[..], i.get(n.parent)?.attributes);
        let mut rest: Vec<_> = n
            .entries
            .iter()
            .map(|(k, (c, x))| (*c, &k[..], i.nodes[&x.0].attributes))
            .collect();
        rest.sort_by_key(|e| e.0);
        for (c, name, attributes) in [dot, dots].into_iter().chain(rest) {
            if c > cookie
                && !visit(&FolderEntry {
                    cookie: c,
                    name,
                    attributes,
                })
            {
                break;
            }
        }
        Ok(())
    }
    pub fn set_xattr(
        &self,
        ino: Ino,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<(), FsError> {
        let mut i = self.lock();
        let x = &mut i.get_mut(ino)?.xattrs;
        match (mode, x.contains_key(name)) {
            (XattrMode::Create, true) => return Err(FsError::Exists),
            (XattrMode::Replace, false) => return Err(FsError::NoAttribute),
            _ => {}
        }
        x.insert(name.to_vec(), value.to_vec());
        Ok(())
    }
    pub fn xattr(&self, ino: Ino, name: &[u8]) -> Result<Vec<u8>, FsError> {
        self.lock()
            .get(ino)?
            .xattrs
            .get(name)
            .cloned()
            .ok_or(FsError::NoAttribute)
    }
    pub fn xattr_names(&self, ino: Ino) -> Result<Vec<u8>, FsError> {
        Ok(self
            .lock()
            .get(ino)?
            .xattrs
            .keys()
            .flat_map(|k| k.iter().copied().chain([0]))
            .collect())
    }
    pub fn remove_xattr(&self, ino: Ino, name: &[u8]) -> Result<(), FsError> {
        self.lock()
            .get_mut(ino)?
            .xattrs
            .remove(name)
            .map(|_| ())
            .ok_or(FsError::NoAttribute)
    }
    pub fn room(&self) -> Result<Room, FsError> {
        Ok(Room {
            block_bytes: 4096,
            blocks: 1_000_000,
            free: 500_000,
            available: 400_000,
            files: self.lock().nodes.len() as u64,
        })
    }
    pub fn allocate(
        &self,
        ino: Ino,
        mode: AllocateMode,
        offset: u64,
        bytes: u64,
    ) -> Result<(), FsError> {
        let mut i = self.lock();
        let n = i.get_mut(ino)?;
        let (at, end) = (
            usize::try_from(offset).unwrap(),
            usize::try_from(offset + bytes).unwrap(),
        );
        if matches!(mode, AllocateMode::Extend | AllocateMode::ZeroRange) && end > n.data.len() {
            n.data.resize(end, 0);
        }
        if matches!(
            mode,
            AllocateMode::PunchHole | AllocateMode::ZeroRange | AllocateMode::ZeroRangeKeepSize
        ) {
            let len = n.data.len();
            n.data[at.min(len)..end.min(len)].fill(0);
        }
        n.attributes.size = n.data.len() as u64;
        Ok(())
    }
    pub fn seek_data(&self, ino: Ino, offset: u64) -> Result<u64, FsError> {
        if offset < self.lock().get(ino)?.attributes.size {
            Ok(offset)
        } else {
            Err(FsError::NothingThere)
        }
    }
    pub fn seek_hole(&self, ino: Ino, offset: u64) -> Result<u64, FsError> {
        let size = self.lock().get(ino)?.attributes.size;
        if offset < size {
            Ok(size)
        } else {
            Err(FsError::NothingThere)
        }
    }
    pub fn publish(&self) -> Result<(), FsError> {
        if self
            .publish_fails
            .load(std::sync::atomic::Ordering::Relaxed)
        {
            Err(FsError::NoSpace)
        } else {
            Ok(())
        }
    }
    pub fn status(&self) -> Status {
        Status {
            vault_id: "00".into(),
            vault: "/somewhere".into(),
            state_folder: self.state_folder.lock().unwrap().clone(),
            version: "0".into(),
            ..Status::default()
        }
    }
    pub fn shut_down(&self) -> Result<(), FsError> {
        self.lock().ended = true;
        let folder = self.state_folder.lock().unwrap().clone();
        if !folder.is_empty() {
            let ok = self.publish().is_ok();
            std::fs::write(
                format!("{folder}/last-end"),
                format!("{{\"ok\":{ok},\"message\":\"as told\"}}"),
            )
            .unwrap();
        }
        self.publish()
    }
}

fn node(ino: Ino, kind: FileKind, mode: u32, uid: u32, gid: u32, rdev: u32) -> Node {
    let now = Time::now();
    Node {
        attributes: Attributes {
            ino,
            kind,
            mode,
            uid,
            gid,
            nlink: if kind == FileKind::Folder { 2 } else { 1 },
            size: 0,
            blocks: 0,
            rdev,
            atime: now,
            mtime: now,
            ctime: now,
        },
        data: Vec::new(),
        entries: BTreeMap::new(),
        parent: ino,
        xattrs: BTreeMap::new(),
        opens: 0,
    }
}
