//! All that a file system shows, to be compared.

use std::collections::BTreeMap;

use hushfs::format::Ino;
use hushfs::fs::{FileKind, FileSystem, FsError};

/// One file, folder or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub ino: Ino,
    pub kind: FileKind,
    pub mode: u32,
    pub links: u32,
    pub mtime: (i64, u32),
    /// A file's content, or what is said instead.
    pub content: Result<Vec<u8>, String>,
}

/// Everything by path.
pub type Shown = BTreeMap<String, Entry>;

/// What cannot be read because it has not arrived.
pub const AWAITED: &str = "not arrived";

pub fn of(files: &FileSystem) -> Shown {
    let mut shown = Shown::new();
    let mut folders = vec![(Ino::ROOT, String::new())];
    while let Some((folder, path)) = folders.pop() {
        let mut entries = Vec::new();
        let mut keep = |entry: &hushfs::fs::FolderEntry<'_>| {
            if entry.name != b"." && entry.name != b".." {
                entries.push((entry.name.to_vec(), entry.attributes));
            }
            true
        };
        files.list(folder, 0, &mut keep).unwrap();
        for (name, attributes) in entries {
            let path = format!("{path}/{}", String::from_utf8(name).unwrap());
            if attributes.kind == FileKind::Folder {
                folders.push((attributes.ino, path.clone()));
            }
            let content = match attributes.kind {
                FileKind::File => content(files, attributes.ino, attributes.size),
                _ => Ok(Vec::new()),
            };
            let entry = Entry {
                ino: attributes.ino,
                kind: attributes.kind,
                mode: attributes.mode,
                links: attributes.nlink,
                mtime: (attributes.mtime.secs, attributes.mtime.nanos),
                content,
            };
            shown.insert(path, entry);
        }
    }
    shown
}

fn content(files: &FileSystem, ino: Ino, size: u64) -> Result<Vec<u8>, String> {
    let mut content = vec![0; size as usize];
    match files.read(ino, 0, &mut content) {
        Ok(bytes) => Ok(content[..bytes].to_vec()),
        Err(FsError::NotArrived { .. }) => Err(AWAITED.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether this is that state, but for content that is said not to have arrived.
pub fn is_state(shown: &Shown, state: &Shown) -> bool {
    let is_entry = |(path, entry): (&String, &Entry)| {
        state.get(path).is_some_and(|wanted| {
            let is_awaited = entry.content.as_ref().is_err_and(|said| said == AWAITED);
            let content = if is_awaited { &entry.content } else { &wanted.content };
            *entry == Entry { content: content.clone(), ..wanted.clone() }
        })
    };
    shown.len() == state.len() && shown.iter().all(is_entry)
}

/// Whether any content is awaited.
pub fn awaits(shown: &Shown) -> bool {
    shown.values().any(|entry| entry.content.is_err())
}
