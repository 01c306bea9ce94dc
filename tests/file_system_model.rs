//! The file system without a mount against a plain model: random operations, the whole tree
//! compared after each, over publications, remounts and kills.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hushfs::crypto::{MasterKey, VaultId};
use hushfs::format::{ChunkSize, Descriptor, Ino, NodeKind, Time};
use hushfs::fs::{
    AllocateMode, AttributeChange, Attributes, FileKind, FileSystem, FsError, MountMode, NewNode,
    OpenRequest, RenameMode, VerifyReport, VerifyRequest, XattrMode, verify,
};
use hushfs::store::{HostDisk, StateFolder, StateLock, VaultFolder};
use proptest::prelude::*;

/// A vault in a folder of its own, opened as often as a test likes.
struct Bench {
    folder: tempfile::TempDir,
    master: MasterKey,
    descriptor: Descriptor,
}

impl Bench {
    fn new(chunk_bytes: u32) -> Self {
        let descriptor = Descriptor {
            vault: VaultId::random(),
            chunk_size: ChunkSize::new(chunk_bytes).unwrap(),
            created: Time::now(),
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("vault/keys")).unwrap();
        Self { folder, master: MasterKey::random(), descriptor }
    }

    fn vault(&self) -> VaultFolder {
        VaultFolder::new(Arc::new(HostDisk), self.folder.path().join("vault"))
    }

    fn open(&self, state: &str) -> Arc<FileSystem> {
        let disk = Arc::new(HostDisk);
        let state = StateFolder::make(disk, self.folder.path().join(state)).unwrap();
        let lock = StateLock::take(state.root()).unwrap();
        FileSystem::open_vault(OpenRequest {
            vault: self.vault(),
            state: Some(state),
            lock: Some(lock),
            keys: self.master.class_keys(&self.descriptor.vault),
            descriptor: self.descriptor.clone(),
            mode: MountMode::ReadWrite,
            device_name: "bench".into(),
            machine: "machine".into(),
            owner: (0, 0),
        })
        .unwrap()
    }

    fn verify(&self) -> VerifyReport {
        let vault = self.vault();
        let keys = self.master.class_keys(&self.descriptor.vault);
        let request = VerifyRequest {
            vault: &vault,
            listing: &vault.listing().unwrap(),
            keys: &keys,
            descriptor: &self.descriptor,
            state: None,
        };
        verify(&request, &mut |_| {}).unwrap()
    }
}

/// An inode of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    File { content: Vec<u8> },
    Folder { entries: BTreeMap<String, usize> },
    Symlink { target: Vec<u8> },
}

#[derive(Clone, Debug)]
struct ModelInode {
    node: Node,
    mode: u32,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The model: inodes by index, 0 is the root.
#[derive(Clone, Debug)]
struct Model {
    inodes: Vec<ModelInode>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self { inodes: Vec::new() };
        model.add(Node::Folder { entries: BTreeMap::new() }, 0o755);
        model
    }

    fn add(&mut self, node: Node, mode: u32) -> usize {
        self.inodes.push(ModelInode { node, mode, xattrs: BTreeMap::new() });
        self.inodes.len() - 1
    }

    fn entries(&self, folder: usize) -> &BTreeMap<String, usize> {
        match &self.inodes[folder].node {
            Node::Folder { entries } => entries,
            _ => panic!("not a folder"),
        }
    }

    fn entries_mut(&mut self, folder: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.inodes[folder].node {
            Node::Folder { entries } => entries,
            _ => panic!("not a folder"),
        }
    }

    fn is_folder(&self, inode: usize) -> bool {
        matches!(self.inodes[inode].node, Node::Folder { .. })
    }

    /// Every folder that can be reached, with its path.
    fn folders(&self) -> Vec<(String, usize)> {
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
    fn files(&self) -> Vec<usize> {
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

    fn is_within(&self, folder: usize, outer: usize) -> bool {
        folder == outer
            || self
                .entries(outer)
                .values()
                .any(|child| self.is_folder(*child) && self.is_within(folder, *child))
    }
}

/// What a step picks by: an index taken modulo what there is.
type Pick = prop::sample::Index;

#[derive(Clone, Debug)]
enum Step {
    Create { folder: Pick, name: u8, mode: u16 },
    MakeFolder { folder: Pick, name: u8 },
    Symlink { folder: Pick, name: u8 },
    Link { file: Pick, folder: Pick, name: u8 },
    Remove { folder: Pick, name: u8 },
    Rename { from: Pick, from_name: u8, to: Pick, to_name: u8, mode: u8 },
    Write { file: Pick, offset: u32, bytes: u32, seed: u8 },
    Append { file: Pick, bytes: u32, seed: u8 },
    Resize { file: Pick, size: u32 },
    Allocate { file: Pick, mode: u8, offset: u32, bytes: u32 },
    SetMode { file: Pick, mode: u16 },
    SetXattr { file: Pick, name: u8, bytes: u16 },
    RemoveXattr { file: Pick, name: u8 },
    Close { file: Pick },
    Fsync { file: Pick },
    Publish,
    Remount,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    let name = || 0..6u8;
    prop_oneof![
        4 => (pick(), name(), 0..0o7777u16)
            .prop_map(|(folder, name, mode)| Step::Create { folder, name, mode }),
        2 => (pick(), name()).prop_map(|(folder, name)| Step::MakeFolder { folder, name }),
        1 => (pick(), name()).prop_map(|(folder, name)| Step::Symlink { folder, name }),
        1 => (pick(), pick(), name())
            .prop_map(|(file, folder, name)| Step::Link { file, folder, name }),
        2 => (pick(), name()).prop_map(|(folder, name)| Step::Remove { folder, name }),
        3 => (pick(), name(), pick(), name(), 0..3u8).prop_map(
            |(from, from_name, to, to_name, mode)| Step::Rename { from, from_name, to, to_name, mode }
        ),
        6 => (pick(), 0..150_000u32, 1..20_000u32, any::<u8>())
            .prop_map(|(file, offset, bytes, seed)| Step::Write { file, offset, bytes, seed }),
        2 => (pick(), 0..40u32, 65_536..180_000u32, any::<u8>()).prop_map(
            |(file, chunk, bytes, seed)| Step::Write { file, offset: chunk * 4096, bytes, seed }
        ),
        3 => (pick(), 1..9000u32, any::<u8>())
            .prop_map(|(file, bytes, seed)| Step::Append { file, bytes, seed }),
        3 => (pick(), 0..200_000u32).prop_map(|(file, size)| Step::Resize { file, size }),
        3 => (pick(), 0..5u8, 0..150_000u32, 1..90_000u32)
            .prop_map(|(file, mode, offset, bytes)| Step::Allocate { file, mode, offset, bytes }),
        1 => (pick(), 0..0o7777u16).prop_map(|(file, mode)| Step::SetMode { file, mode }),
        1 => (pick(), 0..3u8, 0..2000u16)
            .prop_map(|(file, name, bytes)| Step::SetXattr { file, name, bytes }),
        1 => (pick(), 0..3u8).prop_map(|(file, name)| Step::RemoveXattr { file, name }),
        2 => pick().prop_map(|file| Step::Close { file }),
        4 => pick().prop_map(|file| Step::Fsync { file }),
        1 => Just(Step::Publish),
        1 => Just(Step::Remount),
        2 => Just(Step::Kill),
    ]
}

fn content(seed: u8, bytes: u32) -> Vec<u8> {
    (0..bytes).map(|i| (i / 7).wrapping_mul(31).wrapping_add(seed.into()) as u8).collect()
}

fn entry_name(name: u8) -> String {
    format!("entry-{name}")
}

/// The file system under test beside its model.
struct Pair {
    bench: Bench,
    fs: Option<Arc<FileSystem>>,
    model: Model,
    /// The inode number of each of the model's.
    inos: Vec<Ino>,
}

const NEW: NewNode = NewNode { mode: 0o644, uid: 0, gid: 0 };

impl Pair {
    fn new(chunk_bytes: u32) -> Self {
        let bench = Bench::new(chunk_bytes);
        let fs = Some(bench.open("state"));
        Self { bench, fs, model: Model::new(), inos: vec![Ino::ROOT] }
    }

    fn fs(&self) -> &FileSystem {
        self.fs.as_deref().unwrap()
    }

    fn folder(&self, pick: &Pick) -> usize {
        let folders = self.model.folders();
        folders[pick.index(folders.len())].1
    }

    fn file(&self, pick: &Pick) -> Option<usize> {
        let files = self.model.files();
        (!files.is_empty()).then(|| files[pick.index(files.len())])
    }

    fn make(&mut self, folder: usize, name: u8, node: Node, mode: u32) {
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
        self.model.entries_mut(folder).insert(name, inode);
    }

    fn apply(&mut self, step: &Step) {
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
            Step::SetMode { file, mode } => {
                let Some(file) = self.file(file) else { return };
                let change =
                    AttributeChange { mode: Some((*mode).into()), ..AttributeChange::default() };
                self.fs().set_attributes(self.inos[file], &change).unwrap();
                self.model.inodes[file].mode = u32::from(*mode);
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

    fn reopen(&mut self) {
        self.fs = None;
        self.fs = Some(self.bench.open("state"));
    }

    fn content(&mut self, file: usize) -> &mut Vec<u8> {
        match &mut self.model.inodes[file].node {
            Node::File { content } => content,
            _ => panic!("not a file"),
        }
    }

    fn write(&mut self, file: usize, offset: usize, data: &[u8]) {
        self.fs().write(self.inos[file], offset as u64, data, false).unwrap();
        let content = self.content(file);
        content.resize(content.len().max(offset + data.len()), 0);
        content[offset..offset + data.len()].copy_from_slice(data);
    }

    fn allocate(&mut self, file: usize, mode: u8, offset: usize, bytes: usize) {
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

    fn remove(&mut self, folder: usize, name: &str) {
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

    fn rename(&mut self, from: usize, from_name: &str, to: usize, to_name: &str, mode: u8) {
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

    /// Compares the whole tree.
    fn compare(&self) {
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

    fn compare_inode(&self, path: &str, inode: usize) {
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
    fn compare_ranges(&self, ino: Ino, content: &[u8]) {
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

fn run(chunk_bytes: u32, steps: &[Step]) {
    let mut pair = Pair::new(chunk_bytes);
    for step in steps {
        pair.apply(step);
        pair.compare();
    }
    pair.fs().shut_down().unwrap();
    // Another device, with nothing but the vault, sees the same.
    pair.fs = None;
    pair.fs = Some(pair.bench.open("other device"));
    pair.compare();
    let report = pair.bench.verify();
    assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
    assert_no_leftovers(pair.bench.folder.path());
}

/// A clean end leaves no staged pack behind.
fn assert_no_leftovers(folder: &Path) {
    let staged = std::fs::read_dir(folder.join("state/staged")).unwrap();
    let left: Vec<_> = staged.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// As many cases as `PROPTEST_CASES` says; by default so many that they take a few seconds.
fn config() -> ProptestConfig {
    let from_environment = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if is_set { from_environment.cases } else { 60 };
    // A failure is kept as a test of its own, with a name.
    ProptestConfig { cases, failure_persistence: None, ..from_environment }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_histories_agree_with_a_plain_model(steps in prop::collection::vec(step(), 1..60)) {
        run(4096, &steps);
    }

    #[test]
    fn random_histories_agree_with_a_plain_model_in_large_chunks(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        run(65536, &steps);
    }
}

#[test]
fn regression_a_hole_of_any_size_is_made_at_once() {
    let bench = Bench::new(4096);
    let fs = bench.open("state");
    let ino = fs.create(Ino::ROOT, b"sparse", NEW).unwrap().ino;
    let size = 1 << 60;
    let change = AttributeChange { size: Some(size), ..AttributeChange::default() };
    fs.set_attributes(ino, &change).unwrap();
    for offset in [0, 1 << 40, size - 5000] {
        fs.write(ino, offset, &content(1, 5000), false).unwrap();
    }
    fs.allocate(ino, AllocateMode::PunchHole, 10, size - 20).unwrap();
    let read = |offset| {
        let mut out = vec![0xEE; 5000];
        assert_eq!(fs.read(ino, offset, &mut out).unwrap(), 5000);
        out
    };
    assert_eq!(read(0)[..10], content(1, 5000)[..10]);
    assert!(read(0)[10..].iter().chain(&read(1 << 40)).all(|byte| *byte == 0));
    assert_eq!(read(size - 5000)[4990..], content(1, 5000)[4990..]);
    fs.shut_down().unwrap();
}

#[test]
fn regression_a_pack_that_went_to_another_disk_is_not_kept_open() {
    let bench = Bench::new(4096);
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let state = elsewhere.path().join("state");
    let fs = bench.open(state.to_str().unwrap());
    let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
    fs.write(ino, 0, &content(1, 100_000), false).unwrap();
    let mut out = vec![0; 100_000];
    fs.read(ino, 0, &mut out).unwrap();
    fs.publish().unwrap();
    let open_files = std::fs::read_dir("/proc/self/fd").unwrap();
    let open_files = open_files.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let staged = state.join("staged");
    assert_eq!(open_files.filter(|path| path.starts_with(&staged)).count(), 0);
    fs.read(ino, 0, &mut out).unwrap();
    assert!(out == content(1, 100_000));
}
