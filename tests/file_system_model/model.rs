//! The plain model: a tree in memory.

use std::collections::BTreeMap;

/// An inode of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    File { content: Vec<u8> },
    Folder { entries: BTreeMap<String, usize> },
    Symlink { target: Vec<u8> },
}

#[derive(Clone, Debug)]
pub struct ModelInode {
    pub node: Node,
    pub mode: u32,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The model: inodes by index, 0 is the root.
#[derive(Clone, Debug)]
pub struct Model {
    pub inodes: Vec<ModelInode>,
}

impl Model {
    pub fn new() -> Self {
        let mut model = Self { inodes: Vec::new() };
        model.add(Node::Folder { entries: BTreeMap::new() }, 0o755);
        model
    }

    pub fn add(&mut self, node: Node, mode: u32) -> usize {
        self.inodes.push(ModelInode { node, mode, xattrs: BTreeMap::new() });
        self.inodes.len() - 1
    }

    pub fn entries(&self, folder: usize) -> &BTreeMap<String, usize> {
        match &self.inodes[folder].node {
            Node::Folder { entries } => entries,
            _ => panic!("not a folder"),
        }
    }

    pub fn entries_mut(&mut self, folder: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.inodes[folder].node {
            Node::Folder { entries } => entries,
            _ => panic!("not a folder"),
        }
    }

    pub fn is_folder(&self, inode: usize) -> bool {
        matches!(self.inodes[inode].node, Node::Folder { .. })
    }

    /// Every folder that can be reached, with its path.
    pub fn folders(&self) -> Vec<(String, usize)> {
        let mut found = vec![(String::new(), 0)];
        let mut next = 0;
        while next < found.len() {
            let (path, folder) = found[next].clone();
            for (name, child) in self.entries(folder) {
                if self.is_folder(*child) {
                    found.push((format!("{path}/{name}"), *child));
                }
            }
            next += 1;
        }
        found
    }

    /// Every file that can be reached.
    pub fn files(&self) -> Vec<usize> {
        let mut files: Vec<usize> = self
            .folders()
            .iter()
            .flat_map(|(_, folder)| self.entries(*folder).values().copied())
            .filter(|inode| matches!(self.inodes[*inode].node, Node::File { .. }))
            .collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    pub fn is_within(&self, folder: usize, outer: usize) -> bool {
        folder == outer
            || self
                .entries(outer)
                .values()
                .any(|child| self.is_folder(*child) && self.is_within(folder, *child))
    }
}
