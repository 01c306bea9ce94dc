//! The file system and the model, which every step is applied to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{
    AllocateMode, AttributeChange, CopyRange, FileSystem, FsError, NewNode, RenameMode, XattrMode,
};

use crate::bench::Bench;
use crate::lists;
use crate::model::{Model, Node};
use crate::steps::{Pick, Step, content, entry_name};

/// The file system under test beside its model.
pub struct Pair {
    pub bench: Bench,
    pub fs: Option<Arc<FileSystem>>,
    pub model: Model,
    /// The inode number of each of the model's.
    pub inos: Vec<Ino>,
}

pub const NEW: NewNode = NewNode { mode: 0o644, umask: UMASK, uid: 0, gid: 0 };
const UMASK: u32 = 0o022;

impl Pair {
    pub fn new(chunk_bytes: u32) -> Self {
        let bench = Bench::new(chunk_bytes);
        let fs = Some(bench.open("state"));
        Self { bench, fs, model: Model::new(), inos: vec![Ino::ROOT] }
    }

    pub fn fs(&self) -> &FileSystem {
        self.fs.as_deref().unwrap()
    }

    pub fn folder(&self, pick: &Pick) -> usize {
        let folders = self.model.folders();
        folders[pick.index(folders.len())].1
    }

    pub fn file(&self, pick: &Pick) -> Option<usize> {
        let files = self.model.files();
        (!files.is_empty()).then(|| files[pick.index(files.len())])
    }

    pub fn make(&mut self, folder: usize, name: u8, node: Node, mode: u32) {
        let name = entry_name(name);
        let kind = match &node {
            Node::File { .. } => NodeKind::File,
            Node::Folder { .. } => NodeKind::Folder,
            Node::Symlink { target } => NodeKind::Symlink(target),
        };
        let new = NewNode { mode, ..NEW };
        let made = self.fs().make(self.inos[folder], name.as_bytes(), kind, new);
        if self.model.entries(folder).contains_key(&name) {
            assert!(matches!(made, Err(FsError::Exists)), "{made:?}");
            return;
        }
        self.inos.push(made.unwrap().ino);
        let inode = self.model.add(node, mode);
        self.inherit(folder, inode);
        self.model.entries_mut(folder).insert(name, inode);
    }

    /// Gives a new inode of the model what its folder hands down.
    fn inherit(&mut self, folder: usize, inode: usize) {
        let default = self.model.inodes[folder].xattrs.get(lists::DEFAULT).cloned();
        let new = &mut self.model.inodes[inode];
        if matches!(new.node, Node::Symlink { .. }) {
            return;
        }
        let Some(default) = default else {
            new.mode &= !UMASK;
            return;
        };
        new.mode &= lists::mode_bits(&default) | !0o777;
        let mut access = default.clone();
        lists::set_mode(&mut access, new.mode);
        if !lists::is_minimal(&access) {
            new.xattrs.insert(lists::ACCESS.into(), access);
        }
        if matches!(new.node, Node::Folder { .. }) {
            new.xattrs.insert(lists::DEFAULT.into(), default);
        }
    }

    fn any_inode(&self, pick: &Pick) -> usize {
        let folders = self.model.folders().into_iter().map(|(_, folder)| folder);
        let all: Vec<_> = folders.chain(self.model.files()).collect();
        all[pick.index(all.len())]
    }

    fn set_list(&mut self, inode: usize, value: Vec<u8>, hands_down: bool) {
        let name = lists::name(hands_down);
        let set = self.fs().set_xattr(self.inos[inode], name, &value, XattrMode::Set);
        if hands_down && !self.model.is_folder(inode) {
            assert!(matches!(set, Err(FsError::NotAllowed(_))), "{set:?}");
            return;
        }
        set.unwrap();
        let inode = &mut self.model.inodes[inode];
        if !hands_down {
            inode.mode = inode.mode & !0o777 | lists::mode_bits(&value);
        }
        if hands_down || !lists::is_minimal(&value) {
            inode.xattrs.insert(name.into(), value);
        } else {
            inode.xattrs.remove(name);
        }
    }

    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Create { folder, name, mode } => {
                let node = Node::File { content: Vec::new() };
                // Setgid on a folder hands itself down; files keep it out of the model.
                self.make(self.folder(folder), *name, node, u32::from(*mode));
            }
            Step::MakeFolder { folder, name } => {
                let node = Node::Folder { entries: BTreeMap::new() };
                self.make(self.folder(folder), *name, node, 0o755);
            }
            Step::Symlink { folder, name } => {
                let node = Node::Symlink { target: b"somewhere/else".to_vec() };
                self.make(self.folder(folder), *name, node, 0o777);
            }
            Step::Link { file, folder, name } => {
                let Some(file) = self.file(file) else { return };
                let (folder, name) = (self.folder(folder), entry_name(*name));
                let linked = self.fs().link(self.inos[file], self.inos[folder], name.as_bytes());
                if self.model.entries(folder).contains_key(&name) {
                    assert!(matches!(linked, Err(FsError::Exists)));
                } else {
                    linked.unwrap();
                    self.model.entries_mut(folder).insert(name, file);
                }
            }
            Step::Remove { folder, name } => self.remove(self.folder(folder), &entry_name(*name)),
            Step::Rename { from, from_name, to, to_name, mode } => {
                let (from, to) = (self.folder(from), self.folder(to));
                self.rename(from, &entry_name(*from_name), to, &entry_name(*to_name), *mode);
            }
            Step::Write { file, offset, bytes, seed } => {
                let Some(file) = self.file(file) else { return };
                self.write(file, *offset as usize, &content(*seed, *bytes));
            }
            Step::Append { file, bytes, seed } => {
                let Some(file) = self.file(file) else { return };
                let size = self.content(file).len();
                self.write(file, size, &content(*seed, *bytes));
            }
            Step::Resize { file, size } => {
                let Some(file) = self.file(file) else { return };
                let change =
                    AttributeChange { size: Some((*size).into()), ..AttributeChange::default() };
                let attributes = self.fs().set_attributes(self.inos[file], &change).unwrap();
                assert_eq!(attributes.size, u64::from(*size));
                self.model.inodes[file].mode = attributes.mode;
                self.content(file).resize(*size as usize, 0);
            }
            Step::Allocate { file, mode, offset, bytes } => {
                let Some(file) = self.file(file) else { return };
                self.allocate(file, *mode, *offset as usize, *bytes as usize);
            }
            Step::Copy { from, from_offset, to, to_offset, bytes } => {
                let (Some(from), Some(to)) = (self.file(from), self.file(to)) else { return };
                let [from_offset, to_offset, bytes] =
                    [from_offset, to_offset, bytes].map(|field| *field as usize);
                self.copy((from, from_offset), (to, to_offset), bytes);
            }
            Step::SetMode { file, mode } => {
                let Some(file) = self.file(file) else { return };
                let change =
                    AttributeChange { mode: Some((*mode).into()), ..AttributeChange::default() };
                self.fs().set_attributes(self.inos[file], &change).unwrap();
                let inode = &mut self.model.inodes[file];
                inode.mode = u32::from(*mode);
                if let Some(list) = inode.xattrs.get_mut(lists::ACCESS) {
                    lists::set_mode(list, inode.mode);
                }
            }
            Step::SetList { at, may, minimal, hands_down } => {
                self.set_list(self.any_inode(at), lists::value(*may, *minimal), *hands_down);
            }
            Step::RemoveList { at, hands_down } => {
                let inode = self.any_inode(at);
                let name = lists::name(*hands_down);
                self.fs().remove_xattr(self.inos[inode], name).unwrap();
                self.model.inodes[inode].xattrs.remove(name);
            }
            Step::SetXattr { file, name, bytes } => {
                let Some(file) = self.file(file) else { return };
                let (name, value) = (format!("user.{name}").into_bytes(), vec![7; (*bytes).into()]);
                self.fs().set_xattr(self.inos[file], &name, &value, XattrMode::Set).unwrap();
                self.model.inodes[file].xattrs.insert(name, value);
            }
            Step::RemoveXattr { file, name } => {
                let Some(file) = self.file(file) else { return };
                let name = format!("user.{name}").into_bytes();
                let removed = self.fs().remove_xattr(self.inos[file], &name);
                match self.model.inodes[file].xattrs.remove(&name) {
                    Some(_) => removed.unwrap(),
                    None => assert!(matches!(removed, Err(FsError::NoAttribute))),
                }
            }
            Step::Close { file } => {
                let Some(file) = self.file(file) else { return };
                self.fs().close(self.inos[file]).unwrap();
            }
            Step::Fsync { file } => {
                let Some(file) = self.file(file) else { return };
                self.fs().fsync(self.inos[file]).unwrap();
            }
            Step::Publish => self.fs().publish().unwrap(),
            Step::Collect => {
                self.fs().collect(Duration::ZERO).unwrap();
            }
            Step::Remount => {
                self.fs().shut_down().unwrap();
                self.reopen();
                let report = self.bench.verify();
                assert!(report.damaged.is_empty(), "{:?}", report.damaged);
            }
            Step::Kill => {
                for file in self.model.files() {
                    self.fs().close(self.inos[file]).unwrap();
                }
                self.fs().fsync(Ino::ROOT).unwrap();
                self.reopen();
            }
        }
    }

    pub fn reopen(&mut self) {
        self.fs = None;
        self.fs = Some(self.bench.open("state"));
    }

    pub fn content(&mut self, file: usize) -> &mut Vec<u8> {
        match &mut self.model.inodes[file].node {
            Node::File { content } => content,
            _ => panic!("not a file"),
        }
    }

    pub fn write(&mut self, file: usize, offset: usize, data: &[u8]) {
        self.fs().write(self.inos[file], offset as u64, data, false).unwrap();
        let content = self.content(file);
        content.resize(content.len().max(offset + data.len()), 0);
        content[offset..offset + data.len()].copy_from_slice(data);
    }

    pub fn copy(
        &mut self,
        (from, from_offset): (usize, usize),
        (to, to_offset): (usize, usize),
        bytes: usize,
    ) {
        let wanted = self.content(from).get(from_offset..).unwrap_or_default();
        let wanted = wanted[..wanted.len().min(bytes)].to_vec();
        let mut done = 0;
        loop {
            let copied = self.fs().copy_range(CopyRange {
                from: self.inos[from],
                from_offset: (from_offset + done) as u64,
                to: self.inos[to],
                to_offset: (to_offset + done) as u64,
                bytes: if done == 0 { bytes } else { wanted.len() - done } as u64,
            });
            if from == to && from_offset.abs_diff(to_offset) < wanted.len() {
                assert!(matches!(copied, Err(FsError::Invalid(_))), "{copied:?}");
                return;
            }
            let copied = copied.unwrap() as usize;
            done += copied;
            // A copy within a file can make the original longer: what is there then is not asked for.
            if done == wanted.len() {
                break;
            }
            assert_ne!(copied, 0);
        }
        if !wanted.is_empty() {
            let content = self.content(to);
            content.resize(content.len().max(to_offset + wanted.len()), 0);
            content[to_offset..to_offset + wanted.len()].copy_from_slice(&wanted);
        }
    }

    pub fn allocate(&mut self, file: usize, mode: u8, offset: usize, bytes: usize) {
        let mode = [
            AllocateMode::Extend,
            AllocateMode::KeepSize,
            AllocateMode::PunchHole,
            AllocateMode::ZeroRange,
            AllocateMode::ZeroRangeKeepSize,
        ][usize::from(mode)];
        self.fs().allocate(self.inos[file], mode, offset as u64, bytes as u64).unwrap();
        let attributes = self.fs().attributes(self.inos[file]).unwrap();
        self.model.inodes[file].mode = attributes.mode;
        let content = self.content(file);
        let end = offset + bytes;
        if matches!(mode, AllocateMode::Extend | AllocateMode::ZeroRange) {
            content.resize(content.len().max(end), 0);
        }
        if !matches!(mode, AllocateMode::Extend | AllocateMode::KeepSize) {
            let end = end.min(content.len());
            content[offset.min(end)..end].fill(0);
        }
    }

    pub fn remove(&mut self, folder: usize, name: &str) {
        let ino = self.inos[folder];
        let Some(inode) = self.model.entries(folder).get(name).copied() else {
            assert!(matches!(self.fs().unlink(ino, name.as_bytes()), Err(FsError::NotFound)));
            return;
        };
        if self.model.is_folder(inode) {
            assert!(matches!(self.fs().unlink(ino, name.as_bytes()), Err(FsError::IsFolder)));
            let removed = self.fs().remove_folder(ino, name.as_bytes());
            if !self.model.entries(inode).is_empty() {
                assert!(matches!(removed, Err(FsError::NotEmpty)));
                return;
            }
            removed.unwrap();
        } else {
            let removed = self.fs().remove_folder(ino, name.as_bytes());
            assert!(matches!(removed, Err(FsError::NotFolder)));
            self.fs().unlink(ino, name.as_bytes()).unwrap();
        }
        self.model.entries_mut(folder).remove(name);
    }

    pub fn rename(&mut self, from: usize, from_name: &str, to: usize, to_name: &str, mode: u8) {
        let mode =
            [RenameMode::Replace, RenameMode::NoReplace, RenameMode::Exchange][usize::from(mode)];
        let (from_ino, to_ino) = (self.inos[from], self.inos[to]);
        let result =
            self.fs().rename(from_ino, from_name.as_bytes(), to_ino, to_name.as_bytes(), mode);
        let moved = self.model.entries(from).get(from_name).copied();
        let there = self.model.entries(to).get(to_name).copied();
        let fits = match (moved, there) {
            (None, _) => false,
            (Some(moved), Some(there)) if moved == there && mode != RenameMode::NoReplace => {
                result.unwrap();
                return;
            }
            (Some(moved), there) => {
                let cycle = self.model.is_folder(moved) && self.model.is_within(to, moved);
                match (mode, there) {
                    (RenameMode::Replace, Some(there)) => {
                        let same_kind = self.model.is_folder(moved) == self.model.is_folder(there);
                        let replaceable =
                            !self.model.is_folder(there) || self.model.entries(there).is_empty();
                        !cycle && same_kind && replaceable
                    }
                    (RenameMode::NoReplace, there) => !cycle && there.is_none(),
                    (RenameMode::Exchange, Some(there)) => {
                        let back = self.model.is_folder(there) && self.model.is_within(from, there);
                        !cycle && !back
                    }
                    (RenameMode::Exchange, None) => false,
                    (RenameMode::Replace, None) => !cycle,
                }
            }
        };
        assert_eq!(result.is_ok(), fits, "{result:?}");
        let (Some(moved), true) = (moved, fits) else { return };
        self.model.entries_mut(from).remove(from_name);
        if let (RenameMode::Exchange, Some(there)) = (mode, there) {
            self.model.entries_mut(from).insert(from_name.into(), there);
        }
        self.model.entries_mut(to).insert(to_name.into(), moved);
    }
}
