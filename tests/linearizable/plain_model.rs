//! The plain model: what each call makes of a tree in memory, and what it must answer.

use std::collections::BTreeMap;

use hushfs::fs::{AllocateMode, FsError, RenameMode, XattrMode};

use crate::checker::Sequential;

/// Content is written and read in units of so many bytes, each filled with one letter. A chunk has
/// four, so that some writes change a part of one.
pub const UNIT_BYTES: usize = 1024;

/// The letter of each unit.
///
/// # Panics
/// If a unit holds more than one: what wrote it is not as of one moment.
pub fn letters(content: &[u8]) -> Vec<u8> {
    let whole = content.chunks(UNIT_BYTES).map(|unit| {
        assert!(unit.len() == UNIT_BYTES && unit.iter().all(|byte| *byte == unit[0]), "torn");
        unit[0]
    });
    whole.collect()
}

/// A file's or folder's number.
pub type Number = u64;
/// A folder entry's or attribute's name.
pub type Name = char;

/// What is asked of the file system.
#[derive(Clone, Debug)]
pub enum Call {
    Lookup {
        folder: Number,
        name: Name,
    },
    /// Makes a file and opens it.
    Create {
        folder: Number,
        name: Name,
    },
    MakeFile {
        folder: Number,
        name: Name,
    },
    MakeFolder {
        folder: Number,
        name: Name,
    },
    Link {
        number: Number,
        folder: Number,
        name: Name,
    },
    Unlink {
        folder: Number,
        name: Name,
    },
    RemoveFolder {
        folder: Number,
        name: Name,
    },
    Rename {
        from: (Number, Name),
        to: (Number, Name),
        mode: RenameMode,
    },
    List {
        folder: Number,
    },
    Attributes {
        number: Number,
    },
    SetAttributes {
        number: Number,
        mode: Option<u32>,
        units: Option<usize>,
        mtime: Option<i64>,
    },
    SetXattr {
        number: Number,
        name: Name,
        value: u8,
        mode: XattrMode,
    },
    Xattr {
        number: Number,
        name: Name,
    },
    XattrNames {
        number: Number,
    },
    RemoveXattr {
        number: Number,
        name: Name,
    },
    Open {
        number: Number,
    },
    Release {
        number: Number,
    },
    Write {
        number: Number,
        unit: usize,
        units: usize,
        letter: u8,
    },
    Read {
        number: Number,
        unit: usize,
        units: usize,
    },
    Allocate {
        number: Number,
        mode: AllocateMode,
        unit: usize,
        units: usize,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The inode that was made or found.
    Inode {
        number: Number,
        is_folder: bool,
    },
    Attributes(Looks),
    Entries(BTreeMap<Name, Number>),
    Names(Vec<Name>),
    Value(u8),
    /// The letter of each unit.
    Content(Vec<u8>),
    Refused(Fault),
    /// Refused, with an answer that the kernel gives in our place.
    RefusedSomehow,
}

impl Outcome {
    /// Whether the call was not done.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::RefusedSomehow)
    }
}

/// What the attributes tell of an inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks {
    pub number: Number,
    pub is_folder: bool,
    pub mode: u32,
    pub nlink: u32,
    pub units: usize,
    /// The time that was set; `None` after a change since.
    pub mtime: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    NotFound,
    Exists,
    NotFolder,
    IsFolder,
    NotEmpty,
    Invalid,
    NotPermitted,
    NoAttribute,
}

impl From<FsError> for Fault {
    fn from(error: FsError) -> Self {
        match error {
            FsError::NotFound => Self::NotFound,
            FsError::Exists => Self::Exists,
            FsError::NotFolder => Self::NotFolder,
            FsError::IsFolder => Self::IsFolder,
            FsError::NotEmpty => Self::NotEmpty,
            FsError::Invalid(_) => Self::Invalid,
            FsError::NotPermitted(_) => Self::NotPermitted,
            FsError::NoAttribute => Self::NoAttribute,
            error => panic!("an answer that no call can have: {error:?}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Body {
    File { units: Vec<u8> },
    Folder { entries: BTreeMap<Name, Number>, parent: Number },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Inode {
    body: Body,
    names: u32,
    handles: u32,
    mode: u32,
    mtime: Option<i64>,
    xattrs: BTreeMap<Name, u8>,
}

impl Inode {
    fn new(body: Body, mode: u32) -> Self {
        Self { body, names: 1, handles: 0, mode, mtime: None, xattrs: BTreeMap::new() }
    }

    fn is_folder(&self) -> bool {
        matches!(self.body, Body::Folder { .. })
    }

    fn units_mut(&mut self, otherwise: Fault) -> Result<&mut Vec<u8>, Fault> {
        match &mut self.body {
            Body::File { units } => Ok(units),
            Body::Folder { .. } => Err(otherwise),
        }
    }
}

/// A tree of files and folders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    inodes: BTreeMap<Number, Inode>,
}

pub const FILE_MODE: u32 = 0o644;
pub const FOLDER_MODE: u32 = 0o755;

impl Model {
    /// An empty folder.
    pub fn of_folder(number: Number) -> Self {
        let body = Body::Folder { entries: BTreeMap::new(), parent: number };
        Self { inodes: BTreeMap::from([(number, Inode::new(body, FOLDER_MODE))]) }
    }

    fn inode(&mut self, number: Number) -> Result<&mut Inode, Fault> {
        self.inodes.get_mut(&number).ok_or(Fault::NotFound)
    }

    fn entries(&mut self, folder: Number) -> Result<&mut BTreeMap<Name, Number>, Fault> {
        match &mut self.inode(folder)?.body {
            Body::Folder { entries, .. } => Ok(entries),
            Body::File { .. } => Err(Fault::NotFolder),
        }
    }

    fn find(&mut self, folder: Number, name: Name) -> Result<Number, Fault> {
        self.entries(folder)?.get(&name).copied().ok_or(Fault::NotFound)
    }

    fn is_folder(&self, number: Number) -> bool {
        self.inodes[&number].is_folder()
    }

    /// Whether `folder` is `outer` or somewhere below it.
    fn is_within(&self, mut folder: Number, outer: Number) -> bool {
        loop {
            match &self.inodes[&folder].body {
                _ if folder == outer => return true,
                Body::Folder { parent, .. } if *parent != folder => folder = *parent,
                _ => return false,
            }
        }
    }

    /// Sees to it that a folder can take a name.
    fn free_place(&mut self, folder: Number, name: Name) -> Result<(), Fault> {
        if self.entries(folder)?.contains_key(&name) {
            return Err(Fault::Exists);
        }
        if self.inode(folder)?.names == 0 { Err(Fault::NotFound) } else { Ok(()) }
    }

    fn put(&mut self, folder: Number, name: Name, number: Number) -> Result<(), Fault> {
        self.entries(folder)?.insert(name, number);
        self.inode(folder)?.mtime = None;
        if let Body::Folder { parent, .. } = &mut self.inode(number)?.body {
            *parent = folder;
        }
        Ok(())
    }

    /// Takes a name away, and the inode if nothing needs it any more.
    fn remove(&mut self, folder: Number, name: Name) -> Result<(), Fault> {
        let number = self.find(folder, name)?;
        self.entries(folder)?.remove(&name);
        self.inode(folder)?.mtime = None;
        self.inode(number)?.names -= 1;
        self.drop_unneeded(number);
        Ok(())
    }

    fn drop_unneeded(&mut self, number: Number) {
        if self.inodes[&number].names == 0 && self.inodes[&number].handles == 0 {
            self.inodes.remove(&number);
        }
    }

    fn check_empty(&mut self, number: Number) -> Result<(), Fault> {
        match &self.inode(number)?.body {
            Body::Folder { entries, .. } if !entries.is_empty() => Err(Fault::NotEmpty),
            _ => Ok(()),
        }
    }

    fn rename(
        &mut self,
        from: (Number, Name),
        to: (Number, Name),
        mode: RenameMode,
    ) -> Result<(), Fault> {
        let moved = self.find(from.0, from.1)?;
        let there = self.find(to.0, to.1).ok();
        match (mode, there) {
            (RenameMode::NoReplace, Some(_)) => return Err(Fault::Exists),
            (RenameMode::Exchange, None) => return Err(Fault::NotFound),
            (_, Some(there)) if there == moved => return Ok(()),
            _ => {}
        }
        self.entries(to.0)?;
        if self.inode(to.0)?.names == 0 {
            return Err(Fault::NotFound);
        }
        if self.is_folder(moved) && self.is_within(to.0, moved) {
            return Err(Fault::Invalid);
        }
        if let (Some(there), RenameMode::Exchange) = (there, mode) {
            if self.is_folder(there) && self.is_within(from.0, there) {
                return Err(Fault::Invalid);
            }
            self.put(from.0, from.1, there)?;
            return self.put(to.0, to.1, moved);
        }
        if let Some(there) = there {
            match (self.is_folder(moved), self.is_folder(there)) {
                (true, false) => return Err(Fault::NotFolder),
                (false, true) => return Err(Fault::IsFolder),
                _ => self.check_empty(there)?,
            }
            self.remove(to.0, to.1)?;
        }
        self.entries(from.0)?.remove(&from.1);
        self.inode(from.0)?.mtime = None;
        self.put(to.0, to.1, moved)
    }

    /// What `call` answers; `made` is the number of what it makes, if it makes anything.
    fn answer(&mut self, call: &Call, made: Option<Number>) -> Result<Outcome, Fault> {
        match *call {
            Call::Lookup { folder, name } => {
                let number = self.find(folder, name)?;
                return Ok(Outcome::Inode { number, is_folder: self.is_folder(number) });
            }
            Call::Create { folder, name } => return self.make_inode(folder, name, made, false, 1),
            Call::MakeFile { folder, name } => {
                return self.make_inode(folder, name, made, false, 0);
            }
            Call::MakeFolder { folder, name } => {
                return self.make_inode(folder, name, made, true, 0);
            }
            Call::Link { number, folder, name } => {
                if self.inode(number)?.is_folder() {
                    return Err(Fault::NotPermitted);
                }
                if self.inode(number)?.names == 0 {
                    return Err(Fault::NotFound);
                }
                self.free_place(folder, name)?;
                self.put(folder, name, number)?;
                self.inode(number)?.names += 1;
            }
            Call::Unlink { folder, name } => {
                let number = self.find(folder, name)?;
                if self.is_folder(number) {
                    return Err(Fault::IsFolder);
                }
                self.remove(folder, name)?;
            }
            Call::RemoveFolder { folder, name } => {
                let number = self.find(folder, name)?;
                if !self.is_folder(number) {
                    return Err(Fault::NotFolder);
                }
                self.check_empty(number)?;
                self.remove(folder, name)?;
            }
            Call::Rename { from, to, mode } => self.rename(from, to, mode)?,
            Call::List { folder } => return Ok(Outcome::Entries(self.entries(folder)?.clone())),
            Call::Attributes { number } => return self.looks(number),
            Call::SetAttributes { number, mode, units, mtime } => {
                let inode = self.inode(number)?;
                if let Some(count) = units {
                    inode.units_mut(Fault::IsFolder)?.resize(count, 0);
                    inode.mtime = None;
                }
                inode.mode = mode.unwrap_or(inode.mode);
                inode.mtime = mtime.or(inode.mtime);
                return self.looks(number);
            }
            Call::SetXattr { number, name, value, mode } => {
                let xattrs = &mut self.inode(number)?.xattrs;
                match (mode, xattrs.contains_key(&name)) {
                    (XattrMode::Create, true) => return Err(Fault::Exists),
                    (XattrMode::Replace, false) => return Err(Fault::NoAttribute),
                    _ => xattrs.insert(name, value),
                };
            }
            Call::Xattr { number, name } => {
                let value = self.inode(number)?.xattrs.get(&name).copied();
                return value.map(Outcome::Value).ok_or(Fault::NoAttribute);
            }
            Call::XattrNames { number } => {
                return Ok(Outcome::Names(self.inode(number)?.xattrs.keys().copied().collect()));
            }
            Call::RemoveXattr { number, name } => {
                self.inode(number)?.xattrs.remove(&name).ok_or(Fault::NoAttribute)?;
            }
            Call::Open { number } => self.inode(number)?.handles += 1,
            Call::Release { number } => {
                self.inode(number)?.handles -= 1;
                self.drop_unneeded(number);
            }
            Call::Write { number, unit, units: count, letter } => {
                let inode = self.inode(number)?;
                let units = inode.units_mut(Fault::IsFolder)?;
                units.resize(units.len().max(unit + count), 0);
                units[unit..unit + count].fill(letter);
                inode.mtime = None;
            }
            Call::Read { number, unit, units: count } => {
                let units = self.inode(number)?.units_mut(Fault::Invalid)?;
                let end = units.len().min(unit + count);
                return Ok(Outcome::Content(units.get(unit..end).unwrap_or_default().to_vec()));
            }
            Call::Allocate { number, mode, unit, units: count } => {
                let inode = self.inode(number)?;
                let units = inode.units_mut(Fault::Invalid)?;
                let (end, before) = (unit + count, units.len());
                let grows = matches!(mode, AllocateMode::Extend | AllocateMode::ZeroRange);
                let zeroes = !matches!(mode, AllocateMode::Extend | AllocateMode::KeepSize);
                if grows {
                    units.resize(before.max(end), 0);
                }
                if zeroes && unit < before {
                    units[unit..end.min(before)].fill(0);
                }
                if (zeroes && unit < before) || (grows && end > before) {
                    inode.mtime = None;
                }
            }
        }
        Ok(Outcome::Done)
    }

    fn make_inode(
        &mut self,
        folder: Number,
        name: Name,
        made: Option<Number>,
        is_folder: bool,
        handles: u32,
    ) -> Result<Outcome, Fault> {
        self.free_place(folder, name)?;
        // Whoever saw a refusal where there is none to be had is told so by any number.
        let number = made.unwrap_or(0);
        let (body, mode) = match is_folder {
            true => (Body::Folder { entries: BTreeMap::new(), parent: folder }, FOLDER_MODE),
            false => (Body::File { units: Vec::new() }, FILE_MODE),
        };
        self.inodes.insert(number, Inode { handles, ..Inode::new(body, mode) });
        self.put(folder, name, number)?;
        Ok(Outcome::Inode { number, is_folder })
    }

    fn looks(&mut self, number: Number) -> Result<Outcome, Fault> {
        let inode = self.inode(number)?.clone();
        let (nlink, units) = match &inode.body {
            Body::File { units } => (inode.names, units.len()),
            Body::Folder { .. } if inode.names == 0 => (0, 0),
            Body::Folder { entries, .. } => {
                let folders = entries.values().filter(|entry| self.is_folder(**entry));
                (2 + folders.count() as u32, 0)
            }
        };
        let (is_folder, mode, mtime) = (inode.is_folder(), inode.mode, inode.mtime);
        Ok(Outcome::Attributes(Looks { number, is_folder, mode, nlink, units, mtime }))
    }
}

impl Sequential for Model {
    type Call = Call;
    type Outcome = Outcome;

    fn make(&mut self, call: &Call, outcome: &Outcome) -> bool {
        let made = match outcome {
            Outcome::Inode { number, .. } => Some(*number),
            _ => None,
        };
        match self.answer(call, made) {
            Ok(answer) => answer == *outcome,
            Err(_) if *outcome == Outcome::RefusedSomehow => true,
            Err(fault) => *outcome == Outcome::Refused(fault),
        }
    }
}
