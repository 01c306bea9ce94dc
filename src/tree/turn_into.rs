//! Making one tree of another, and telling what that changes.

use std::collections::HashSet;

use crate::format::{Ino, Run, Time, Times};

use super::folder::InodeSlot;
use super::inode::{Body, Inode};
use super::state::Tree;

/// What is different between two states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Inodes whose attributes or content differ.
    pub inodes: HashSet<Ino>,
    /// Names that stand for something else, or for nothing, by folder.
    pub names: HashSet<(Ino, Vec<u8>)>,
    /// Inodes that only the old one has. They have no name any more, and stay until
    /// [`Tree::forget`].
    pub gone: Vec<Ino>,
}

impl Tree {
    /// Becomes like `other`. What is the same in both stays where it is, cookies of entries included,
    /// so listings under way go on.
    pub fn turn_into(&mut self, other: &Tree) -> Differences {
        let mut differences = Differences::default();
        self.add_missing(other);
        self.take_old_names(other, &mut differences);
        self.give_new_names(other, &mut differences);
        for theirs in other.inodes.iter().flatten() {
            if self.match_inode(theirs, other) {
                differences.inodes.insert(theirs.ino);
            }
        }
        let is_gone = |inode: &&Inode| other.slot(inode.ino).is_err();
        differences.gone = self.inodes.iter().flatten().filter(is_gone).map(|it| it.ino).collect();
        self.packs.match_unused(&other.packs);
        differences
    }

    /// Adds inodes that only `other` has, without names and content.
    fn add_missing(&mut self, other: &Tree) {
        for theirs in other.inodes.iter().flatten() {
            if self.slot(theirs.ino).is_err() {
                let none = InodeSlot(0);
                let times = Times::Same(Time::default());
                self.add_inode(Inode::new(theirs.ino, theirs.node_kind(), times, none));
            }
        }
    }

    fn folders(&self) -> Vec<Ino> {
        let folders = self.inodes.iter().flatten().filter(|inode| inode.is_folder());
        folders.map(|inode| inode.ino).collect()
    }

    fn take_old_names(&mut self, other: &Tree, differences: &mut Differences) {
        for folder in self.folders() {
            let Ok(ours) = self.folder(folder) else { continue };
            let names = ours.list_from(0).map(|(_, name, child)| (name, self.at(child).ino));
            let old = names.filter(|(name, ino)| other.lookup(folder, name) != Ok(*ino));
            let old: Vec<_> = old.map(|(name, ino)| (name.to_vec(), ino)).collect();
            for (name, ino) in old {
                if self.detach(folder, &name).is_ok() {
                    differences.inodes.insert(ino);
                    differences.names.insert((folder, name));
                }
            }
        }
    }

    fn give_new_names(&mut self, other: &Tree, differences: &mut Differences) {
        for folder in other.folders() {
            let Ok(theirs) = other.folder(folder) else { continue };
            for (_, name, child) in theirs.list_from(0) {
                let ino = other.at(child).ino;
                if self.lookup(folder, name).is_err() && self.attach(folder, name, ino).is_ok() {
                    differences.inodes.insert(ino);
                    differences.names.insert((folder, name.to_vec()));
                }
            }
        }
    }

    /// Gives an inode the attributes and the content that it has elsewhere; tells whether they were
    /// others.
    fn match_inode(&mut self, theirs: &Inode, other: &Tree) -> bool {
        let Ok(slot) = self.slot(theirs.ino) else { return false };
        let ours = self.at(slot);
        let has_same_attributes = (ours.mode, ours.uid, ours.gid, ours.size, ours.times())
            == (theirs.mode, theirs.uid, theirs.gid, theirs.size, theirs.times())
            && ours.xattrs == theirs.xattrs;
        let runs =
            |tree: &Tree| -> Vec<Run> { tree.runs(theirs.ino, 0, u64::MAX).unwrap_or_default() };
        let content = runs(other);
        let has_same_content = !matches!(theirs.body, Body::File(_)) || runs(self) == content;
        if has_same_attributes && has_same_content {
            return false;
        }
        if !has_same_content {
            self.free_content(slot, 0, u64::MAX);
            content.iter().for_each(|run| self.put_content(slot, run));
        }
        let (atime, mtime, ctime) = theirs.times().each();
        let inode = self.at_mut(slot);
        (inode.mode, inode.uid, inode.gid) = (theirs.mode, theirs.uid, theirs.gid);
        inode.size = theirs.size;
        inode.xattrs.clone_from(&theirs.xattrs);
        inode.set_atime(atime);
        inode.set_mtime(mtime);
        inode.set_ctime(ctime);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{ChunkSize, NodeKind, Operation};

    fn tree(operations: &[Operation<'_>]) -> Tree {
        let mut tree = Tree::new(ChunkSize::DEFAULT);
        for operation in operations {
            tree.apply(operation).unwrap();
        }
        tree
    }

    fn made(
        parent: u64,
        name: &'static [u8],
        ino: u64,
        kind: NodeKind<'static>,
    ) -> Operation<'static> {
        let times = Times::Same(Time { secs: 5, nanos: 0 });
        let (parent, ino) = (Ino(parent), Ino(ino));
        Operation::Create { parent, name, ino, kind, mode: 0o644, uid: 1, gid: 2, times }
    }

    fn encoded(tree: &Tree) -> Vec<u8> {
        let mut out = Vec::new();
        tree.encode_checkpoint(&mut out);
        out
    }

    #[test]
    fn a_tree_becomes_another_and_what_is_in_both_keeps_its_place_in_listings() {
        let before = [
            made(1, b"kept", 10, NodeKind::File),
            made(1, b"goes", 11, NodeKind::File),
            made(1, b"folder", 12, NodeKind::Folder),
            made(12, b"moves", 13, NodeKind::File),
        ];
        let after = [
            made(1, b"folder", 12, NodeKind::Folder),
            made(1, b"kept", 10, NodeKind::File),
            made(1, b"moved", 13, NodeKind::File),
            made(12, b"new", 14, NodeKind::Symlink(b"to")),
        ];
        let (mut ours, theirs) = (tree(&before), tree(&after));
        let cookie = |tree: &Tree| {
            let mut entries = tree.entries(Ino::ROOT, 0).unwrap();
            entries.find(|(_, name, _)| *name == b"kept").unwrap().0
        };
        let kept = cookie(&ours);
        let differences = ours.turn_into(&theirs);
        assert_eq!(cookie(&ours), kept);
        assert_eq!(differences.gone, [Ino(11)]);
        assert!(!differences.inodes.contains(&Ino(10)) && differences.inodes.contains(&Ino(13)));
        assert_eq!(differences.names.len(), 4, "{:?}", differences.names);
        ours.forget(Ino(11));
        assert_eq!(ours.inode_count(), theirs.inode_count());
        for path in [&b"kept"[..], b"moved", b"folder"] {
            let attributes = |tree: &Tree| tree.attributes(tree.lookup(Ino::ROOT, path).unwrap());
            assert_eq!(attributes(&ours), attributes(&theirs));
        }
        assert_eq!(ours.turn_into(&theirs), Differences::default());
        let mut empty = Tree::new(ChunkSize::DEFAULT);
        empty.turn_into(&theirs);
        assert_eq!(encoded(&empty), encoded(&theirs));
    }
}
