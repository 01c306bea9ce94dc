//! What a disk keeps: bytes and names as they are now, and as they are if the power goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::blocks::Blocks;
use crate::dice::Dice;

/// What a disk writes at once or not at all.
const BLOCK_BYTES: usize = 512;

#[derive(Clone, Debug)]
pub enum Change {
    Write(usize, Arc<[u8]>),
    SetLen(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Blocks) {
        match self {
            Self::Write(at, data) => bytes.write(data, *at),
            Self::SetLen(len) => bytes.set_len(*len),
        }
    }
}

/// A file: its bytes now, those that were synced, and the changes between the two.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub bytes: Blocks,
    durable: Blocks,
    unsynced: Vec<Change>,
    /// Changes that a failed sync has lost, whatever a later one says (fsyncgate).
    forgotten: Vec<Change>,
}

impl Content {
    pub fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes);
        self.unsynced.push(change);
    }

    pub fn sync(&mut self) {
        if self.forgotten.is_empty() {
            self.durable = self.bytes.clone();
            self.unsynced.clear();
        } else {
            self.unsynced.drain(..).for_each(|change| change.apply(&mut self.durable));
        }
    }

    pub fn fail_to_sync(&mut self) {
        self.forgotten.append(&mut self.unsynced);
    }

    /// Any of the blocks that were written since the last sync may have reached the disk.
    fn lose_power(&mut self, dice: &mut Dice) {
        self.forgotten.clear();
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::SetLen(_) if dice.coin() => change.apply(&mut self.durable),
                Change::SetLen(_) => {}
                Change::Write(at, data) => {
                    let mut start = 0;
                    while start < data.len() {
                        let to_block = BLOCK_BYTES - (at + start) % BLOCK_BYTES;
                        let end = data.len().min(start + to_block);
                        if dice.coin() {
                            self.durable.write(&data[start..end], at + start);
                        }
                        start = end;
                    }
                }
            }
        }
        self.bytes = self.durable.clone();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Folder,
    File(usize),
}

/// A change of names that no sync has made durable yet.
#[derive(Clone, Debug)]
enum NameChange {
    Add(PathBuf, Entry),
    Remove(PathBuf),
    /// Happens as a whole or not at all.
    Rename(PathBuf, PathBuf, Entry),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Self::Add(path, entry) => _ = names.insert(path.clone(), *entry),
            Self::Remove(path) => _ = names.remove(path),
            Self::Rename(from, to, entry) => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
        }
    }

    fn is_in(&self, folder: &Path) -> bool {
        let is_in = |path: &PathBuf| path.parent() == Some(folder);
        match self {
            Self::Add(path, _) | Self::Remove(path) => is_in(path),
            Self::Rename(from, to, _) => is_in(from) || is_in(to),
        }
    }
}

/// Files and names. Copies share what is the same.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub files: Vec<Arc<Content>>,
    pub names: BTreeMap<PathBuf, Entry>,
    durable_names: BTreeMap<PathBuf, Entry>,
    unsynced: Vec<NameChange>,
}

impl Kept {
    /// The root folder alone.
    pub fn new() -> Self {
        let names = BTreeMap::from([(PathBuf::from("/"), Entry::Folder)]);
        Self { durable_names: names.clone(), names, ..Self::default() }
    }

    pub fn content(&mut self, file: usize) -> &mut Content {
        Arc::make_mut(&mut self.files[file])
    }

    /// A file without a name.
    pub fn add_file(&mut self) -> usize {
        self.files.push(Arc::default());
        self.files.len() - 1
    }

    pub fn add_name(&mut self, path: &Path, entry: Entry) {
        self.note(NameChange::Add(path.into(), entry));
    }

    pub fn remove_name(&mut self, path: &Path) {
        self.note(NameChange::Remove(path.into()));
    }

    pub fn rename(&mut self, from: &Path, to: &Path, entry: Entry) {
        self.note(NameChange::Rename(from.into(), to.into(), entry));
    }

    fn note(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced.push(change);
    }

    /// Everything that happened to the names of a folder is durable.
    pub fn sync_names(&mut self, folder: &Path) {
        for change in self.unsynced.extract_if(.., |change| change.is_in(folder)) {
            change.apply(&mut self.durable_names);
        }
    }

    /// Everything is there as it is, and nothing of it is forgotten if the power goes later.
    pub fn lose_power(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.unsynced) {
            if dice.coin() {
                change.apply(&mut self.durable_names);
            }
        }
        self.drop_unreachable();
        self.names = self.durable_names.clone();
        for file in &mut self.files {
            Arc::make_mut(file).lose_power(dice);
        }
    }

    /// What is in a folder whose own name is gone is gone too.
    fn drop_unreachable(&mut self) {
        let names = self.durable_names.clone();
        let is_folder = |path: &Path| names.get(path) == Some(&Entry::Folder);
        self.durable_names.retain(|path, _| path.ancestors().skip(1).all(is_folder));
    }

    /// Whether any of `texts` is anywhere on the disk, in files without a name too.
    pub fn holds_any(&self, texts: &[&[u8]]) -> bool {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let all = self.files.iter().flat_map(|file| [&file.bytes, &file.durable]);
        all.flat_map(|bytes| bytes.windows(longest))
            .any(|window| texts.iter().any(|text| contains(&window, text)))
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == text[0]) {
        if rest[at..].starts_with(text) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}
