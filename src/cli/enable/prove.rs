//! Whether the published vault has what is in the folder: every byte and attribute is compared with
//! what the objects in the vault folder give. Only what this has found can be deleted.

use std::collections::HashMap;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::fs::{FileType, Stat, fstat};

use crate::cli::error::Error;
use crate::cli::host::device_of;
use crate::cli::names::{Shown as _, one_line};
use crate::cli::progress::Progress;
use crate::format::{Ino, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FsError};
use crate::fuse::lease::{Leased, lease};

use super::compare::{CompareError, Owners, differing_attribute, is_same, is_unchanged};
use super::counterpart::{Found, counterpart};
use super::plain::{Place, PlainFolder, Visit, kind_of, walk};

/// Two changes within this time may show the same time of change on some file systems.
const CLOCK_STEP: Duration = Duration::from_secs(2);

/// Something of the folder whose every byte was given back by the vault.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Proven {
    /// Its path below the folder.
    pub(in crate::cli) path: Vec<u8>,
    /// What it was like when it was compared; whatever is different was not.
    pub(in crate::cli) stat: Stat,
}

/// What was proven, and what was not.
#[derive(Debug, Default)]
pub(in crate::cli) struct Proof {
    /// In the order in which it was compared.
    pub(in crate::cli) proven: Vec<Proven>,
    /// Folders, each after everything in it.
    pub(in crate::cli) folders: Vec<Vec<u8>>,
    /// Everything else: path, and why.
    pub(in crate::cli) unproven: Vec<(Vec<u8>, String)>,
}

impl Proof {
    /// Bytes of the files that were proven, each counted once.
    pub(in crate::cli) fn bytes(&self) -> u64 {
        let files = self.proven.iter().map(|proven| &proven.stat);
        let by_number: HashMap<_, _> = files
            .filter(|stat| kind_of(stat) == FileType::RegularFile)
            .map(|stat| ((stat.st_dev, stat.st_ino), stat.st_size))
            .collect();
        by_number.values().map(|bytes| u64::try_from(*bytes).unwrap_or(0)).sum()
    }
}

/// Why something is not proven.
#[derive(Debug, thiserror::Error)]
enum Unproven {
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error("it has changed meanwhile")]
    Changed,
    #[error("a program has it open for writing")]
    Written,
    #[error("the vault does not have it")]
    Missing,
    #[error("what the vault has of it differs in content")]
    Content,
    #[error("what the vault has of it differs in its {0}")]
    Attribute(&'static str),
    #[error("a {0} cannot be kept in a vault")]
    Kind(&'static str),
}

impl From<FsError> for Unproven {
    fn from(error: FsError) -> Self {
        Self::Compare(error.into())
    }
}

impl From<io::Error> for Unproven {
    fn from(error: io::Error) -> Self {
        Self::Compare(error.into())
    }
}

/// Compares everything below a folder with a vault that was opened for looking only, with nothing of
/// this device's state. `reasons` tells why something was not copied.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be opened. Everything else is in the proof.
pub(in crate::cli) fn prove_all(
    files: &FileSystem,
    root: &PlainFolder,
    reasons: &HashMap<Vec<u8>, String>,
    progress: &Progress,
) -> Result<Proof, Error> {
    let opening = |source| Error::Io { doing: "reading the folder".to_owned(), source };
    let mut prover = Prover {
        files,
        reasons,
        progress,
        folders: vec![Ino::ROOT],
        inodes: HashMap::new(),
        proof: Proof::default(),
    };
    prover.prove_root(root)?;
    walk(root.descend(b"").map_err(opening)?, &mut prover)?;
    Ok(prover.proof)
}

struct Prover<'a> {
    files: &'a FileSystem,
    reasons: &'a HashMap<Vec<u8>, String>,
    progress: &'a Progress,
    folders: Vec<Ino>,
    /// Which inode of the vault has the bytes of a file with several names, by device and number.
    inodes: HashMap<(u64, u64), (Stat, Ino)>,
    proof: Proof,
}

impl Visit for Prover<'_> {
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error> {
        match self.prove(at, stat) {
            Ok(stat) => self.proof.proven.push(Proven { path: at.path.to_vec(), stat }),
            Err(why) => self.note(at.path, &why.to_string()),
        }
        self.progress.finish_file();
        Ok(())
    }

    fn enter(&mut self, at: &Place<'_>, stat: &Stat) -> Result<bool, Error> {
        match self.find_folder(at, stat) {
            Ok(ino) => {
                self.folders.push(ino);
                Ok(true)
            }
            Err(why) => {
                let path = [at.path, b" (and all in it)"].concat();
                let reason = self.reasons.get(at.path).cloned();
                self.note(&path, &reason.unwrap_or_else(|| why.to_string()));
                Ok(false)
            }
        }
    }

    fn leave(&mut self, path: &[u8]) -> Result<(), Error> {
        self.folders.pop();
        self.proof.folders.push(path.to_vec());
        Ok(())
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        self.note(path, &CompareError::from(error).to_string());
    }
}

impl Prover<'_> {
    fn note(&mut self, path: &[u8], why: &str) {
        let why = self.reasons.get(path).map_or(why, String::as_str);
        self.proof.unproven.push((path.to_vec(), why.to_owned()));
    }

    fn parent(&self) -> Ino {
        self.folders.last().copied().unwrap_or(Ino::ROOT)
    }

    /// The folder's own attributes; an empty one may be what an earlier run has left.
    fn prove_root(&mut self, root: &PlainFolder) -> Result<(), Error> {
        let reading = |source| Error::Io { doing: "reading the folder".to_owned(), source };
        if root.names().map_err(reading)?.is_empty() {
            return Ok(());
        }
        let stat = root.stat_self().map_err(reading)?;
        let at = Place { folder: root, name: b".", path: b"." };
        let differs = differing_attribute(
            &at,
            &stat,
            self.files,
            &self.files.attributes(Ino::ROOT)?,
            Owners::Same,
        );
        match differs {
            Ok(None) => {}
            Ok(Some(what)) => self.note(b".", &Unproven::Attribute(what).to_string()),
            Err(error) => self.note(b".", &error.to_string()),
        }
        Ok(())
    }

    fn find_folder(&self, at: &Place<'_>, stat: &Stat) -> Result<Ino, Unproven> {
        let found = counterpart(self.files, self.parent(), at.name, &mut |_, found| {
            Ok::<_, Unproven>(found.kind == FileKind::Folder)
        })?;
        let Found::There(found) = found else { return Err(Unproven::Missing) };
        match differing_attribute(at, stat, self.files, &found, Owners::Same)? {
            Some(what) => Err(Unproven::Attribute(what)),
            None => Ok(found.ino),
        }
    }

    /// Compares one entry; gives what it was like meanwhile.
    fn prove(&mut self, at: &Place<'_>, stat: &Stat) -> Result<Stat, Unproven> {
        match kind_of(stat) {
            FileType::Socket => return Err(Unproven::Kind("socket")),
            FileType::CharacterDevice | FileType::BlockDevice => {
                return Err(Unproven::Kind("device"));
            }
            FileType::RegularFile => {}
            _ => {
                self.compare(at, stat)?;
                let after = at.folder.stat(at.name)?;
                return if is_unchanged(stat, &after) { Ok(after) } else { Err(Unproven::Changed) };
            }
        }
        wait_for_clock(stat);
        let file = at.folder.file(at.name)?;
        let before = fstat(&file).map_err(io::Error::from)?;
        if !is_unchanged(stat, &before) {
            return Err(Unproven::Changed);
        }
        let held = match lease(&file)? {
            Leased::Alone(held) => Some(held),
            Leased::Written => return Err(Unproven::Written),
            // Who deletes it will look for programs that have it open.
            Leased::Unknown => None,
        };
        self.compare(at, stat)?;
        let after = fstat(&file).map_err(io::Error::from)?;
        if held.is_some_and(|held| !held.is_whole()) {
            return Err(Unproven::Written);
        }
        if !is_unchanged(&before, &after) {
            return Err(Unproven::Changed);
        }
        Ok(after)
    }

    /// Finds what the vault has of an entry; the same bytes and attributes, or it is an error.
    fn compare(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Unproven> {
        let (files, progress, number) = (self.files, self.progress, (device_of(stat), stat.st_ino));
        let known = self.inodes.get(&number).filter(|(known, _)| is_unchanged(known, stat));
        let known = known.map(|(_, ino)| *ino);
        let mut first = None;
        let found = counterpart(files, self.parent(), at.name, &mut |_, found: &Attributes| {
            let is_content = known == Some(found.ino)
                || is_same(at, stat, files, found, &|bytes| progress.advance(bytes))?;
            let differs = match is_content {
                false => Some(Unproven::Content),
                true => differing_attribute(at, stat, files, found, Owners::Same)?
                    .map(Unproven::Attribute),
            };
            let is_it = differs.is_none();
            first = first.take().or(differs);
            Ok::<_, Unproven>(is_it)
        })?;
        match found {
            Found::There(found) => {
                if stat.st_nlink > 1 {
                    self.inodes.insert(number, (*stat, found.ino));
                }
                Ok(())
            }
            Found::Free(_) => Err(first.unwrap_or(Unproven::Missing)),
        }
    }
}

/// Waits until a change of a file would show: right after the last one it could have the same time.
pub(in crate::cli) fn wait_for_clock(stat: &Stat) {
    let nanos = |secs: i64, nanos: i64| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
    let now = Time::now();
    let changed = nanos(stat.st_ctime, u32::try_from(stat.st_ctime_nsec).unwrap_or(0).into());
    let age = nanos(now.secs, now.nanos.into()) - changed;
    if let Ok(age) = u64::try_from(age) {
        thread::sleep(CLOCK_STEP.saturating_sub(Duration::from_nanos(age)));
    } else if age > -(CLOCK_STEP.as_nanos() as i128) {
        thread::sleep(CLOCK_STEP);
    }
}

/// A line for each thing that stays, and why.
pub(in crate::cli) fn stays(unproven: &[(Vec<u8>, String)]) -> String {
    let lines = unproven
        .iter()
        .map(|(path, why)| format!("STAYS      {}: {}\n", path.shown(), one_line(why)));
    lines.collect()
}
