//! All that can be seen of an open vault, and which known state that is.

use std::collections::{BTreeMap, BTreeSet};

use hushfs::format::{Ino, Time};
use hushfs::fs::{FileKind, FileSystem};

const CHUNK_BYTES: usize = 4096;

/// One file, folder or link, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    ino: Ino,
    kind: FileKind,
    mode: u32,
    owner: (u32, u32),
    nlink: u32,
    size: u64,
    times: (Time, Time),
    target: Vec<u8>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Everything by path, and each file's content chunk by chunk; `None` where it cannot be read.
#[derive(Clone, Debug, Default)]
pub struct View {
    facts: BTreeMap<String, Facts>,
    content: BTreeMap<Ino, Vec<Option<Vec<u8>>>>,
}

impl View {
    pub fn of(files: &FileSystem) -> Self {
        let mut view = Self::default();
        view.add_folder(files, Ino::ROOT, "");
        view
    }

    fn add_folder(&mut self, files: &FileSystem, folder: Ino, path: &str) {
        let mut entries = Vec::new();
        let mut visit = |entry: &hushfs::fs::FolderEntry<'_>| {
            let name = String::from_utf8(entry.name.to_vec()).unwrap();
            if name != "." && name != ".." {
                entries.push((format!("{path}{name}"), entry.attributes.ino));
            }
            true
        };
        files.list(folder, 0, &mut visit).unwrap();
        for (path, ino) in entries {
            self.add(files, ino, path);
        }
    }

    fn add(&mut self, files: &FileSystem, ino: Ino, path: String) {
        let attributes = files.attributes(ino).unwrap();
        let names = files.xattr_names(ino).unwrap();
        let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let target = match attributes.kind {
            FileKind::Symlink => files.read_link(ino).unwrap(),
            _ => Vec::new(),
        };
        let facts = Facts {
            ino,
            kind: attributes.kind,
            mode: attributes.mode,
            owner: (attributes.uid, attributes.gid),
            nlink: attributes.nlink,
            size: attributes.size,
            times: (attributes.atime, attributes.mtime),
            target,
            xattrs: names.map(|name| (name.to_vec(), files.xattr(ino, name).unwrap())).collect(),
        };
        match attributes.kind {
            FileKind::File => {
                let content = || content(files, ino, attributes.size as usize);
                self.content.entry(ino).or_insert_with(content);
            }
            FileKind::Folder => self.add_folder(files, ino, &format!("{path}/")),
            _ => {}
        }
        self.facts.insert(path, facts);
    }

    /// A file's content, where all of it can be read.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let chunks = self.content.get(&self.facts.get(path)?.ino)?.iter();
        chunks.map(|chunk| chunk.as_deref()).collect::<Option<Vec<_>>>().map(|all| all.concat())
    }

    /// What a path stands for.
    pub fn ino(&self, path: &str) -> Option<Ino> {
        self.facts.get(path).map(|facts| facts.ino)
    }

    /// The files that lack content of `whole`, with the number of their chunks that cannot be
    /// read; `None` if this is another state than `whole`, or if any byte that can be read is
    /// another one.
    pub fn lost_of(&self, whole: &Self) -> Option<BTreeMap<Ino, usize>> {
        if self.facts != whole.facts {
            return None;
        }
        let mut lost = BTreeMap::new();
        for (ino, chunks) in &whole.content {
            let here = &self.content[ino];
            if here.len() != chunks.len() {
                return None;
            }
            for (here, chunk) in here.iter().zip(chunks) {
                match here {
                    None => *lost.entry(*ino).or_default() += 1,
                    Some(_) if here == chunk => {}
                    Some(_) => return None,
                }
            }
        }
        Some(lost)
    }

    /// Chunks that can be read here and are nowhere in `states` at their place in their file.
    pub fn wrong_bytes(&self, states: &[Self]) -> BTreeSet<Ino> {
        let is_known = |ino: &Ino, nth: usize, chunk: &Option<Vec<u8>>| {
            let mut chunks = states.iter().filter_map(|state| state.content.get(ino)?.get(nth));
            chunk.is_none() || chunks.any(|known| known == chunk)
        };
        let wrong = self.content.iter().filter(|(ino, chunks)| {
            chunks.iter().enumerate().any(|(nth, chunk)| !is_known(ino, nth, chunk))
        });
        wrong.map(|(ino, _)| *ino).collect()
    }
}

/// The whole in one read where that can be had, else chunk by chunk.
fn content(files: &FileSystem, ino: Ino, size: usize) -> Vec<Option<Vec<u8>>> {
    let mut whole = vec![0xEE; size];
    if files.read(ino, 0, &mut whole).is_ok_and(|bytes| bytes == size) {
        return whole.chunks(CHUNK_BYTES).map(|chunk| Some(chunk.to_vec())).collect();
    }
    let read = |start: usize| {
        let mut chunk = vec![0xEE; CHUNK_BYTES.min(size - start)];
        let bytes = files.read(ino, start as u64, &mut chunk).ok()?;
        assert_eq!(bytes, chunk.len());
        Some(chunk)
    };
    (0..size).step_by(CHUNK_BYTES).map(read).collect()
}
