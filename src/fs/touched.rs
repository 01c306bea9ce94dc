//! Whether operations of two devices can follow each other in either order with the same outcome.

use std::collections::HashSet;

use crate::format::{Ino, Operation};
use crate::tree::Tree;

/// What operations change, and what they need to be there.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Inodes whose content or attributes change.
    inodes: HashSet<Ino>,
    /// Names that are given, taken or moved.
    names: HashSet<(Ino, Vec<u8>)>,
    /// Folders of those.
    folders: HashSet<Ino>,
    /// Inodes that are made.
    made: HashSet<Ino>,
    /// A name moves: perhaps a folder's, which no other may move into meanwhile.
    moves: bool,
}

impl Touched {
    /// Takes down what an operation touches.
    pub(super) fn add(&mut self, operation: &Operation<'_>) {
        for (folder, name) in names_of(operation).into_iter().flatten() {
            self.names.insert((folder, name.to_vec()));
            self.folders.insert(folder);
        }
        self.inodes.extend(inode_of(operation));
        match operation {
            Operation::Create { ino, .. } => {
                self.made.insert(*ino);
            }
            Operation::Rename { .. } | Operation::Move { .. } => self.moves = true,
            _ => {}
        }
    }

    /// Takes down that an inode changes.
    pub(super) fn add_inode(&mut self, ino: Ino) {
        self.inodes.insert(ino);
    }

    /// Folders in which both change names.
    pub(super) fn folders_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Ino> + 'a {
        self.folders.intersection(&other.folders).copied()
    }

    /// Whether these operations, `ours`, have been applied to `tree` and `theirs` cannot follow them
    /// as they could have gone before.
    pub(super) fn meets(&self, theirs: &Self, tree: &Tree) -> bool {
        let is_there = |ino: &Ino| theirs.made.contains(ino) || tree.attributes(*ino).is_ok();
        // What loses a name, or gives one up to another.
        let victims =
            theirs.names.iter().filter_map(|(folder, name)| tree.lookup(*folder, name).ok());
        let mut victims = victims.filter(|ino| !theirs.made.contains(ino));
        self.moves && theirs.moves
            || !self.names.is_disjoint(&theirs.names)
            || !self.inodes.is_disjoint(&theirs.inodes)
            || !theirs.inodes.iter().chain(&theirs.folders).all(is_there)
            || victims.any(|ino| self.inodes.contains(&ino) || self.folders.contains(&ino))
    }
}

/// The names that an operation gives, takes or moves.
pub(super) fn names_of<'a>(operation: &Operation<'a>) -> [Option<(Ino, &'a [u8])>; 2] {
    match operation {
        Operation::Create { parent, name, .. }
        | Operation::Link { parent, name, .. }
        | Operation::Unlink { parent, name, .. }
        | Operation::Remove { parent, name, .. } => [Some((*parent, name)), None],
        Operation::Rename { from_parent, from_name, to_parent, to_name, .. }
        | Operation::Move { from_parent, from_name, to_parent, to_name, .. } => {
            [Some((*from_parent, from_name)), Some((*to_parent, to_name))]
        }
        _ => [None, None],
    }
}

/// The inode whose content or attributes an operation changes.
pub(super) fn inode_of(operation: &Operation<'_>) -> Option<Ino> {
    match operation {
        Operation::Link { ino, .. }
        | Operation::SetAttr { ino, .. }
        | Operation::SetXattr { ino, .. }
        | Operation::RemoveXattr { ino, .. }
        | Operation::Write { ino, .. }
        | Operation::Truncate { ino, .. }
        | Operation::Punch { ino, .. }
        | Operation::WriteInline { ino, .. } => Some(*ino),
        // What moves within the vault stays as it is.
        Operation::Create { .. }
        | Operation::Unlink { .. }
        | Operation::Remove { .. }
        | Operation::Rename { .. }
        | Operation::Move { .. }
        | Operation::Relocate { .. }
        | Operation::PackUnused { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{ChunkSize, NodeKind, Time, Times};

    const TIME: Time = Time { secs: 1, nanos: 0 };
    const FOLDER: Ino = Ino(10);
    const FILE: Ino = Ino(11);

    fn create(
        parent: Ino,
        name: &'static [u8],
        ino: Ino,
        kind: NodeKind<'static>,
    ) -> Operation<'static> {
        let (mode, uid, gid, times) = (0, 0, 0, Times::Same(TIME));
        Operation::Create { parent, name, ino, kind, mode, uid, gid, times }
    }

    fn unlink(parent: Ino, name: &'static [u8]) -> Operation<'static> {
        Operation::Unlink { parent, name, time: TIME }
    }

    fn punch(ino: Ino) -> Operation<'static> {
        Operation::Punch { ino, first_chunk: 0, count: 1, time: TIME }
    }

    fn rename(
        from_name: &'static [u8],
        to_parent: Ino,
        to_name: &'static [u8],
    ) -> Operation<'static> {
        let (from_parent, exchange, time) = (Ino::ROOT, false, TIME);
        Operation::Rename { from_parent, from_name, to_parent, to_name, exchange, time }
    }

    /// Whether the two meet, on a tree with an empty folder, a file, and what `ours` does.
    fn meet(ours: &[Operation<'_>], theirs: &[Operation<'_>]) -> bool {
        let mut tree = Tree::new(ChunkSize::DEFAULT);
        tree.apply(&create(Ino::ROOT, b"folder", FOLDER, NodeKind::Folder)).unwrap();
        tree.apply(&create(Ino::ROOT, b"file", FILE, NodeKind::File)).unwrap();
        for operation in ours {
            if let Some(gone) = tree.apply(operation).unwrap() {
                tree.forget(gone);
            }
        }
        let touched = |operations: &[Operation<'_>]| {
            let mut touched = Touched::default();
            operations.iter().for_each(|operation| touched.add(operation));
            touched
        };
        touched(ours).meets(&touched(theirs), &tree)
    }

    #[test]
    fn changes_of_different_files_and_names_follow_each_other() {
        let made = |name, ino| create(FOLDER, name, Ino(ino), NodeKind::File);
        assert!(!meet(&[made(b"a", 20)], &[made(b"b", 21)]));
        assert!(!meet(&[punch(FILE)], &[made(b"b", 21), punch(Ino(21))]));
        assert!(!meet(&[unlink(Ino::ROOT, b"file")], &[made(b"b", 21)]));
        assert!(!meet(&[rename(b"file", FOLDER, b"f")], &[made(b"b", 21), punch(FILE)]));
    }

    #[test]
    fn changes_of_the_same_file_or_name_or_of_what_is_gone_do_not() {
        let made = |name, ino| create(FOLDER, name, Ino(ino), NodeKind::File);
        assert!(meet(&[made(b"a", 20)], &[made(b"a", 21)]));
        assert!(meet(&[punch(FILE)], &[punch(FILE)]));
        assert!(meet(&[made(b"a", 20)], &[unlink(Ino::ROOT, b"folder")]));
        assert!(meet(&[punch(FILE)], &[unlink(Ino::ROOT, b"file")]));
        assert!(meet(&[unlink(Ino::ROOT, b"file")], &[punch(FILE)]));
        assert!(meet(&[unlink(Ino::ROOT, b"folder")], &[made(b"a", 20)]));
        assert!(meet(&[rename(b"file", Ino::ROOT, b"x")], &[rename(b"folder", Ino::ROOT, b"y")]));
    }
}
