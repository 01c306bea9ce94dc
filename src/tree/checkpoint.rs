//! A whole tree as operations: what a checkpoint holds.

use crate::format::{Ino, Operation, Time, encode_operation};

use super::extents::Extents;
use super::folder::InodeSlot;
use super::inode::{Body, Inode};
use super::state::{ROOT_SLOT, Tree};

impl Tree {
    /// Appends operations that make this tree of an empty one. Inodes without a name are left
    /// out.
    ///
    /// The order: every folder before what is in it; an inode's further names after its first;
    /// a folder's own times last, since making entries changes them.
    pub fn encode_checkpoint(&self, out: &mut Vec<u8>) {
        let mut folders = vec![ROOT_SLOT];
        let mut further_names: Vec<(InodeSlot, &[u8], InodeSlot)> = Vec::new();
        let mut named = vec![false; self.inodes.len()];
        named[ROOT_SLOT.0 as usize] = true;
        let mut next = 0;
        while let Some(&parent_slot) = folders.get(next) {
            next += 1;
            let parent = self.at(parent_slot);
            let Some(folder) = parent.folder() else { continue };
            for (_, name, child_slot) in folder.list_from(0) {
                if std::mem::replace(&mut named[child_slot.0 as usize], true) {
                    further_names.push((parent_slot, name, child_slot));
                    continue;
                }
                let child = self.at(child_slot);
                encode_operation(&create(parent.ino, name, child), out);
                self.encode_content(child, out);
                if child.is_folder() {
                    folders.push(child_slot);
                }
            }
        }
        for (parent, name, child) in further_names {
            let (ino, time) = (self.at(child).ino, self.at(child).ctime());
            let link = Operation::Link { ino, parent: self.at(parent).ino, name, time };
            encode_operation(&link, out);
        }
        self.encode_xattrs(self.at(ROOT_SLOT), out);
        for slot in folders {
            encode_operation(&attributes(self.at(slot)), out);
        }
        for (pack, since) in self.unused_packs() {
            encode_operation(&Operation::PackUnused { pack, since }, out);
        }
    }

    fn encode_content(&self, inode: &Inode, out: &mut Vec<u8>) {
        if let Body::File(extents) = &inode.body
            && (inode.size > 0 || *extents != Extents::None)
        {
            let write = Operation::Write {
                ino: inode.ino,
                runs: extents.iter().map(|extent| self.run(extent)).collect(),
                size: inode.size,
                mtime: inode.mtime(),
                ctime: inode.ctime(),
            };
            encode_operation(&write, out);
        }
        self.encode_xattrs(inode, out);
    }

    fn encode_xattrs(&self, inode: &Inode, out: &mut Vec<u8>) {
        for (name, value) in inode.xattrs.iter().flat_map(|xattrs| xattrs.iter()) {
            let (ino, ctime) = (inode.ino, inode.ctime());
            encode_operation(&Operation::SetXattr { ino, name, value, ctime }, out);
        }
    }
}

fn create<'a>(parent: Ino, name: &'a [u8], inode: &'a Inode) -> Operation<'a> {
    Operation::Create {
        parent,
        name,
        ino: inode.ino,
        kind: inode.node_kind(),
        mode: inode.mode.into(),
        uid: inode.uid,
        gid: inode.gid,
        times: inode.times(),
    }
}

fn attributes(inode: &Inode) -> Operation<'static> {
    let (atime, mtime, ctime): (Time, Time, Time) = inode.times().each();
    Operation::SetAttr {
        ino: inode.ino,
        mode: Some(inode.mode.into()),
        uid: Some(inode.uid),
        gid: Some(inode.gid),
        atime: Some(atime),
        mtime: Some(mtime),
        ctime,
    }
}
