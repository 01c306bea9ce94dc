//! Finds what a merge has put beside something of the same name.

use crate::format::{EXTENSION_BYTES_MAX, Ino};

use super::merge::ConflictName;
use super::state::Tree;

/// An entry whose name is that of a conflict copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictCopy {
    /// The folder that it is in.
    pub folder: Ino,
    /// Its name there.
    pub name: Vec<u8>,
    /// What it stands for.
    pub ino: Ino,
    /// What its name tells.
    pub told: ConflictName,
    /// What it stands beside, if that is there: its name and what that stands for.
    pub beside: Option<(Vec<u8>, Ino)>,
}

impl Tree {
    /// Every conflict copy, in the order of folders as they were made, then of names.
    pub fn conflict_copies(&self) -> Vec<ConflictCopy> {
        let folders = self.inodes.iter().flatten();
        let folders = folders.filter_map(|inode| Some((inode.ino, inode.folder()?)));
        let mut copies = Vec::new();
        for (folder, entries) in folders {
            let first = copies.len();
            for (_, name, child) in entries.list_from(0) {
                if !may_be_copy(name) {
                    continue;
                }
                let Some(told) = ConflictName::parse(name) else { continue };
                let beside = match self.lookup(folder, &told.name()) {
                    Ok(ino) => Some((told.name(), ino)),
                    Err(_) => {
                        let mut longer = entries.list_from(0);
                        let found = longer.find(|(_, name, _)| told.may_be_cut_from(name));
                        found.map(|(_, name, child)| (name.to_vec(), self.at(child).ino))
                    }
                };
                let (name, ino) = (name.to_vec(), self.at(child).ino);
                copies.push(ConflictCopy { folder, name, ino, told, beside });
            }
            copies[first..].sort_by(|one, other| one.name.cmp(&other.name));
        }
        copies
    }
}

/// Most names are told from those of copies by a look at their end.
fn may_be_copy(name: &[u8]) -> bool {
    let end = name.len().saturating_sub(EXTENSION_BYTES_MAX + 1);
    name[end..].contains(&b')')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{ChunkSize, NodeKind, Operation, Time, Times};

    #[test]
    fn copies_are_found_with_what_they_stand_beside() {
        let mut tree = Tree::new(ChunkSize::new(4096).unwrap());
        let mut make = |parent: Ino, name: &str, ino: u64, kind| {
            let times = Times::Same(Time { secs: 1, nanos: 0 });
            let (name, ino) = (name.as_bytes(), Ino(ino));
            let operation =
                Operation::Create { parent, name, ino, kind, mode: 0o644, uid: 0, gid: 0, times };
            tree.apply(&operation).unwrap();
        };
        make(Ino::ROOT, "folder", 10, NodeKind::Folder);
        make(Ino(10), "a.jpg", 11, NodeKind::File);
        make(Ino(10), "a (conflict x 2026-11-24).jpg", 12, NodeKind::File);
        make(Ino(10), "a (1).jpg", 13, NodeKind::File);
        make(Ino::ROOT, "gone (conflict x 2026-11-24)", 14, NodeKind::Folder);
        let found: Vec<_> = tree
            .conflict_copies()
            .into_iter()
            .map(|copy| (copy.folder.0, copy.ino.0, copy.beside.map(|(_, ino)| ino.0)))
            .collect();
        assert_eq!(found, [(1, 14, None), (10, 12, Some(11))]);
    }
}
