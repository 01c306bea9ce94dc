//! From the vault's tree to the destination's, folder by folder.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::os::fd::OwnedFd;

use crate::cli::error::Error;
use crate::cli::progress::Progress;
use crate::format::{Ino, NAME_BYTES_MAX};
use crate::fs::{Attributes, FileKind, FileSystem, FsError};

use super::attributes::{AttributeError, Owner, Place, set_attributes};
use super::content::{Cause, CopyError, copy_content};
use super::report::Report;
use super::target::{Draft, TargetFolder, There, as_text};

/// Entries of a folder that are looked up at once.
const BATCH_ENTRIES: usize = 1024;
/// Behind the name of a file that lacks content.
pub(in crate::cli) const DAMAGED_SUFFIX: &[u8] = b".damaged";

/// Which part of a folder is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    All,
    /// What is under these names, and of that only as much.
    Only(BTreeMap<Vec<u8>, Wanted>),
}

impl Wanted {
    /// Also what is at `path`.
    pub(super) fn add(&mut self, path: &[&[u8]]) {
        match (self, path.split_first()) {
            (Self::All, _) => {}
            (wanted, None) => *wanted = Self::All,
            (Self::Only(names), Some((first, rest))) => {
                let below = names.entry(first.to_vec()).or_insert(Self::Only(BTreeMap::new()));
                below.add(rest);
            }
        }
    }

    fn below(&self, name: &[u8]) -> Option<&Self> {
        match self {
            Self::All => Some(self),
            Self::Only(names) => names.get(name),
        }
    }
}

/// A folder that is being restored.
struct Level {
    target: TargetFolder,
    attributes: Attributes,
    path: Vec<u8>,
    wanted: Wanted,
    /// Where the listing goes on, and what of it is still to be done.
    cookie: u64,
    entries: VecDeque<(Vec<u8>, Attributes)>,
    is_listed: bool,
}

impl Level {
    fn new(target: TargetFolder, attributes: Attributes, path: Vec<u8>, wanted: Wanted) -> Self {
        let entries = VecDeque::new();
        Self { target, attributes, path, wanted, cookie: 0, entries, is_listed: false }
    }

    fn next(&mut self, files: &FileSystem) -> Result<Option<(Vec<u8>, Attributes)>, FsError> {
        while self.entries.is_empty() && !self.is_listed {
            let Self { attributes, wanted, cookie, entries, .. } = self;
            let mut is_full = false;
            files.list(attributes.ino, *cookie, &mut |entry| {
                is_full = entries.len() >= BATCH_ENTRIES;
                if !is_full {
                    *cookie = entry.cookie;
                    let is_dot = matches!(entry.name, b"." | b"..");
                    if !is_dot && wanted.below(entry.name).is_some() {
                        entries.push_back((entry.name.to_vec(), entry.attributes));
                    }
                }
                !is_full
            })?;
            self.is_listed = !is_full;
        }
        Ok(self.entries.pop_front())
    }

    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { name.to_vec() } else { [&self.path, name].join(&b'/') }
    }
}

/// Why an entry was not restored.
#[derive(Debug, thiserror::Error)]
enum EntryError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Attribute(#[from] AttributeError),
}

impl From<io::Error> for EntryError {
    fn from(error: io::Error) -> Self {
        Self::Copy(error.into())
    }
}

/// There is no use in going on: the destination takes nothing more.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Restores into one destination.
pub(super) struct Restorer<'a> {
    pub(super) files: &'a FileSystem,
    pub(super) root: &'a TargetFolder,
    pub(super) progress: &'a Progress,
    pub(super) report: Report,
    /// Where the first name of each file that has several was put.
    pub(super) first_names: HashMap<Ino, Vec<u8>>,
    /// Names that files which lack content were given, by folder.
    pub(super) damaged_names: HashSet<(Ino, Vec<u8>)>,
}

impl Restorer<'_> {
    /// Restores what is wanted of the vault. The destination's own attributes are set only where
    /// `with_root`.
    ///
    /// # Errors
    /// [`Error::Io`] if the destination is full; what was restored so far is whole. Everything
    /// else that goes wrong is in the report.
    pub(super) fn run(
        &mut self,
        target: TargetFolder,
        wanted: Wanted,
        with_root: bool,
    ) -> Result<(), Error> {
        let attributes = self.files.attributes(Ino::ROOT)?;
        let mut levels = vec![Level::new(target, attributes, Vec::new(), wanted)];
        while let Some(level) = levels.last_mut() {
            let Some((name, attributes)) = level.next(self.files)? else {
                let done = levels.pop();
                if let Some(level) = done.filter(|_| with_root || !levels.is_empty()) {
                    let result = self.finish_folder(&level);
                    self.note(&level.path, result)?;
                }
                continue;
            };
            let path = level.path_of(&name);
            if attributes.kind != FileKind::Folder {
                let result = self.restore_entry(level, &name, &path, &attributes);
                self.note(&path, result)?;
                continue;
            }
            match self.enter_folder(level, &name, &path, &attributes) {
                Ok(Some(target)) => {
                    let wanted = level.wanted.below(&name).unwrap_or(&Wanted::All).clone();
                    levels.push(Level::new(target, attributes, path, wanted));
                }
                Ok(None) => {}
                Err(error) => self.note(&path, Err(error.into()))?,
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &[u8], result: Result<(), EntryError>) -> Result<(), Error> {
        match result {
            Err(EntryError::Copy(CopyError::Target(source))) if is_full(&source) => {
                Err(Error::Io {
                    doing: format!(
                        "{}: what is restored so far is whole; make room and run this again",
                        as_text(path)
                    ),
                    source,
                })
            }
            Err(error) => {
                self.report.failed.push(format!("{}: {error}", as_text(path)));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn enter_folder(
        &mut self,
        level: &Level,
        name: &[u8],
        path: &[u8],
        attributes: &Attributes,
    ) -> io::Result<Option<TargetFolder>> {
        match level.target.look(name, attributes)? {
            There::Nothing | There::Folder => level.target.enter(name).map(Some),
            There::Same | There::Other { .. } => {
                self.report.in_the_way.push(format!("{} (and all below it)", as_text(path)));
                Ok(None)
            }
        }
    }

    fn finish_folder(&mut self, level: &Level) -> Result<(), EntryError> {
        self.report.restored += 1;
        let place = Place::Open(&level.target.descriptor());
        self.set_attributes(&level.attributes, &place)
    }

    fn restore_entry(
        &mut self,
        level: &Level,
        name: &[u8],
        path: &[u8],
        attributes: &Attributes,
    ) -> Result<(), EntryError> {
        let there = level.target.look(name, attributes)?;
        let first_name = self.first_names.get(&attributes.ino).cloned();
        // As old and as long, but a file of its own: it becomes a name of the first again.
        let is_copy = match &first_name {
            Some(first_name) if there == There::Same => {
                level.target.number_of(name)? != self.root.number_of(first_name)?
            }
            _ => false,
        };
        match there {
            There::Same if !is_copy => {
                self.note_there_already(path, attributes);
                return Ok(());
            }
            There::Other { is_folder } if is_folder || !self.report.overwrite => {
                self.report.in_the_way.push(as_text(path));
                return Ok(());
            }
            There::Folder | There::Same | There::Other { .. } | There::Nothing => {}
        }
        if let Some(first_name) = first_name {
            match level.target.draft_name(attributes.ino, self.root, &first_name) {
                Ok(draft) => {
                    draft.place(name, self.report.overwrite || is_copy)?;
                    self.report.restored += 1;
                    return Ok(());
                }
                // A disk without hard links, or with too many: a copy is better than nothing.
                Err(_) => self.report.copied_names += 1,
            }
            if is_copy {
                self.note_there_already(path, attributes);
                return Ok(());
            }
        }
        if attributes.kind == FileKind::File {
            return self.restore_file(level, name, path, attributes);
        }
        let draft = match attributes.kind {
            FileKind::Symlink => {
                let target = self.files.read_link(attributes.ino).map_err(CopyError::from)?;
                level.target.draft_link(attributes.ino, &target)?
            }
            _ => level.target.draft_node(attributes)?,
        };
        let set = self.set_attributes(attributes, &Place::<OwnedFd>::Path(&draft.path()?));
        self.place(draft, name, path, attributes)?;
        set
    }

    fn restore_file(
        &mut self,
        level: &Level,
        name: &[u8],
        path: &[u8],
        attributes: &Attributes,
    ) -> Result<(), EntryError> {
        let (ino, size) = (attributes.ino, attributes.size);
        let (file, draft) = level.target.draft_file(ino)?;
        let copied = |bytes| self.progress.advance(bytes);
        let lost = copy_content(self.files, ino, size, &file, &copied)?;
        let set = self.set_attributes(attributes, &Place::Open(&file));
        self.report.restored_bytes += size;
        if lost.bytes == 0 {
            self.place(draft, name, path, attributes)?;
            return set;
        }
        let damaged_name = self.damaged_name(level, name);
        // What is there is another restore's, which is no better.
        draft.place(&damaged_name, true)?;
        self.damaged_names.insert((level.attributes.ino, damaged_name.clone()));
        let lists = &mut self.report;
        let list = match lost.cause {
            Cause::Damage => &mut lists.damaged,
            Cause::Awaited => &mut lists.awaited,
            Cause::Collected => &mut lists.collected,
        };
        list.push(format!(
            "{}: {} of {size} bytes cannot be read ({}); the rest is in {}, with zeroes for those",
            as_text(path),
            lost.bytes,
            lost.what,
            as_text(&level.path_of(&damaged_name))
        ));
        set
    }

    /// A name for a file that lacks content which neither the vault nor another such file has.
    fn damaged_name(&self, level: &Level, name: &[u8]) -> Vec<u8> {
        let folder = level.attributes.ino;
        let named = |nth: u64| {
            let number = if nth == 1 { String::new() } else { format!("-{nth}") };
            let kept = name.len().min(NAME_BYTES_MAX - DAMAGED_SUFFIX.len() - number.len());
            [&name[..kept], DAMAGED_SUFFIX, number.as_bytes()].concat()
        };
        let is_free = |name: &Vec<u8>| {
            !self.damaged_names.contains(&(folder, name.clone()))
                && self.files.lookup(folder, name).is_err()
        };
        (1..).map(named).find(is_free).unwrap_or_default()
    }

    fn place(
        &mut self,
        draft: Draft<'_>,
        name: &[u8],
        path: &[u8],
        attributes: &Attributes,
    ) -> io::Result<()> {
        draft.place(name, self.report.overwrite)?;
        self.report.restored += 1;
        self.note_name(path, attributes);
        Ok(())
    }

    fn note_there_already(&mut self, path: &[u8], attributes: &Attributes) {
        self.report.there_already += 1;
        self.progress.advance(attributes.held_bytes());
        self.note_name(path, attributes);
    }

    fn note_name(&mut self, path: &[u8], attributes: &Attributes) {
        if attributes.nlink > 1 {
            self.first_names.entry(attributes.ino).or_insert_with(|| path.to_vec());
        }
    }

    fn set_attributes<Fd: std::os::fd::AsFd>(
        &mut self,
        attributes: &Attributes,
        place: &Place<'_, Fd>,
    ) -> Result<(), EntryError> {
        let owner = set_attributes(self.files, attributes, place)?;
        self.report.owner_kept += u64::from(owner == Owner::Kept);
        Ok(())
    }
}

/// Content bytes that will be copied for what is wanted, each file counted once.
///
/// # Errors
/// [`FsError`].
pub(super) fn wanted_bytes(files: &FileSystem, wanted: &Wanted) -> Result<u64, FsError> {
    let mut counted = HashSet::new();
    let mut bytes = 0;
    let mut folders = vec![(Ino::ROOT, wanted)];
    while let Some((folder, wanted)) = folders.pop() {
        files.list(folder, 0, &mut |entry| {
            let is_dot = matches!(entry.name, b"." | b"..");
            if let Some(below) = wanted.below(entry.name).filter(|_| !is_dot) {
                let attributes = entry.attributes;
                if attributes.kind == FileKind::Folder {
                    folders.push((attributes.ino, below));
                } else if attributes.nlink == 1 || counted.insert(attributes.ino) {
                    bytes += attributes.held_bytes();
                }
            }
            true
        })?;
    }
    Ok(bytes)
}
