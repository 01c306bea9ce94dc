//! Whether the file system is as the model says, all of it.

use std::collections::BTreeMap;

use hushfs::format::Ino;
use hushfs::fs::{Attributes, FileKind};

use crate::model::Node;
use crate::pair::Pair;

impl Pair {
    /// Compares the whole tree.
    pub fn compare(&self) {
        let mut links: BTreeMap<usize, u32> = BTreeMap::new();
        for (path, folder) in self.model.folders() {
            let mut listed: BTreeMap<String, Attributes> = BTreeMap::new();
            self.fs()
                .list(self.inos[folder], 0, &mut |entry| {
                    let name = String::from_utf8(entry.name.to_vec()).unwrap();
                    assert!(listed.insert(name, entry.attributes).is_none(), "listed twice");
                    true
                })
                .unwrap();
            assert_eq!(listed.remove(".").unwrap().ino, self.inos[folder]);
            assert!(listed.remove("..").is_some());
            let names: Vec<_> = listed.keys().collect();
            assert_eq!(names, self.model.entries(folder).keys().collect::<Vec<_>>(), "in {path}");
            for (name, inode) in self.model.entries(folder) {
                assert_eq!(listed[name].ino, self.inos[*inode], "{path}/{name}");
                *links.entry(*inode).or_default() += 1;
                self.compare_inode(&format!("{path}/{name}"), *inode);
            }
        }
        for (inode, count) in links {
            if !self.model.is_folder(inode) {
                assert_eq!(self.fs().attributes(self.inos[inode]).unwrap().nlink, count);
            }
        }
    }

    pub fn compare_inode(&self, path: &str, inode: usize) {
        let ino = self.inos[inode];
        let expected = &self.model.inodes[inode];
        let attributes = self.fs().attributes(ino).unwrap();
        assert_eq!(attributes.mode, expected.mode, "mode of {path}");
        for (name, value) in &expected.xattrs {
            assert_eq!(&self.fs().xattr(ino, name).unwrap(), value);
        }
        let names = self.fs().xattr_names(ino).unwrap();
        assert_eq!(names.iter().filter(|b| **b == 0).count(), expected.xattrs.len());
        match &expected.node {
            Node::File { content } => {
                assert_eq!(attributes.kind, FileKind::File);
                assert_eq!(attributes.size, content.len() as u64, "size of {path}");
                let mut read = vec![0xEE; content.len() + 10];
                let bytes = self.fs().read(ino, 0, &mut read).unwrap();
                assert_eq!(bytes, content.len());
                assert!(read[..bytes] == content[..], "content of {path}");
                self.compare_ranges(ino, content);
            }
            Node::Folder { .. } => assert_eq!(attributes.kind, FileKind::Folder),
            Node::Symlink { target } => assert_eq!(&self.fs().read_link(ino).unwrap(), target),
        }
    }

    /// Odd ranges, and that holes hold nothing but zeroes.
    pub fn compare_ranges(&self, ino: Ino, content: &[u8]) {
        for (offset, bytes) in [(1, 1), (4095, 2), (5000, 9000), (70_001, 40_000)] {
            let mut read = vec![0xEE; bytes];
            let got = self.fs().read(ino, offset as u64, &mut read).unwrap();
            let expected = content.get(offset..).unwrap_or_default();
            let expected = &expected[..expected.len().min(bytes)];
            assert!(read[..got] == *expected, "range {offset}+{bytes}");
        }
        let mut at = 0;
        while let Ok(data) = self.fs().seek_data(ino, at) {
            assert!(content[at as usize..data as usize].iter().all(|byte| *byte == 0));
            at = self.fs().seek_hole(ino, data).unwrap();
            assert!(at > data);
        }
        let rest = content.get(at as usize..).unwrap_or_default();
        assert!(rest.iter().all(|byte| *byte == 0));
    }
}
