//! Deletes what is proven to be in the vault, and nothing else.
//!
//! Each file is looked at once more, through the descriptor of its folder: the same inode, unchanged
//! since it was compared, open for writing by nobody. It gives up its name before that is looked at
//! for the last time, so that nobody can come to it any more, and gets the name back if it is not as
//! it should be.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;

use crate::cli::error::Error;
use crate::cli::holders::{Holder, holders};
use crate::cli::host::device_of;
use crate::cli::progress::Progress;
use crate::format::NAME_BYTES_MAX;
use crate::fuse::lease::{Leased, lease};

use super::compare::is_unchanged;
use super::plain::{Place, PlainFolder, Visit, kind_of, split, walk};
use super::prove::{Proof, Proven};
use crate::cli::names::Shown as _;

/// Before the name of what is about to be deleted.
pub(super) const REMOVING: &[u8] = b".hushfs-removing.";

const APPEARED: &str = "it was not there when the rest was compared, or cannot be deleted";

/// What was deleted, and what was not.
#[derive(Debug, Default)]
pub(in crate::cli) struct Removed {
    /// What stays, and why.
    pub(in crate::cli) stays: Vec<(Vec<u8>, String)>,
    /// Files that have further names elsewhere, which stay.
    pub(in crate::cli) linked_elsewhere: u64,
}

/// Deletes what is proven below a folder, then the folders that are empty; the folder itself stays.
/// Everything that is still there at the end is named, also what nobody has looked at before.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be opened.
pub(in crate::cli) fn remove_proven(
    root: &PlainFolder,
    root_path: &Path,
    proof: &Proof,
    progress: &Progress,
) -> Result<Removed, Error> {
    let mut removed = remove_only(root, root_path, proof, progress);
    for folder in &proof.folders {
        let (parent, name) = split(folder);
        let gone = root.descend(parent).and_then(|parent| parent.remove_folder(name));
        // What keeps it from being empty is named below.
        gone.unwrap_or_else(|error| log::debug!("a folder stays: {error}"));
    }
    let named = removed.stays.iter().map(|(path, _)| path.clone()).collect();
    let mut left = Left { named, known: HashSet::new(), appeared: Vec::new() };
    let opening = |source| Error::Io { doing: format!("reading {}", root_path.shown()), source };
    walk(root.descend(b"").map_err(opening)?, &mut left)?;
    let appeared = left.appeared.into_iter();
    removed.stays.extend(appeared.map(|path| (path, APPEARED.to_owned())));
    Ok(removed)
}

/// What is not as it was when it was compared, or was not there then.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read.
pub(super) fn changed_since(
    root: &PlainFolder,
    proof: &Proof,
) -> Result<Vec<(Vec<u8>, String)>, Error> {
    let mut named = HashSet::new();
    let mut changed = Vec::new();
    for Proven { path, stat } in &proof.proven {
        let (parent, name) = split(path);
        let now = root.descend(parent).and_then(|parent| parent.stat(name));
        if !now.is_ok_and(|now| is_unchanged(stat, &now)) {
            changed.push((path.clone(), Stays::Changed.to_string()));
        }
        named.insert(path.clone());
    }
    let mut left =
        Left { named, known: proof.folders.iter().cloned().collect(), appeared: Vec::new() };
    let reading = |source| Error::Io { doing: "reading the folder".to_owned(), source };
    walk(root.descend(b"").map_err(reading)?, &mut left)?;
    changed.extend(left.appeared.into_iter().map(|path| (path, APPEARED.to_owned())));
    Ok(changed)
}

/// Deletes what is proven, and leaves everything else as it is.
pub(super) fn remove_only(
    root: &PlainFolder,
    root_path: &Path,
    proof: &Proof,
    progress: &Progress,
) -> Removed {
    let mut remover = Remover {
        root,
        root_path,
        changed: HashMap::new(),
        parent: None,
        removed: Removed { stays: proof.unproven.clone(), ..Removed::default() },
    };
    for proven in &proof.proven {
        match remover.remove(proven) {
            // Or somebody else has deleted it.
            Ok(()) => {}
            Err(Stays::System(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(why) => remover.removed.stays.push((proven.path.clone(), why.to_string())),
        }
        progress.finish_file();
        progress.advance(1);
    }
    remover.removed.linked_elsewhere = remover.changed.len() as u64;
    remover.removed
}

/// Why something is not deleted after all.
#[derive(Debug, thiserror::Error)]
enum Stays {
    #[error("it has changed meanwhile")]
    Changed,
    #[error("{} has it open", holder_words(.0.as_ref()))]
    Open(Option<Holder>),
    #[error("it cannot be deleted: {0}")]
    System(#[from] io::Error),
    #[error("it is not deleted, and is called {0} now, since its name is taken")]
    NameTaken(String),
}

fn holder_words(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { pid, name, .. }) => format!("{name} (process {pid})"),
        None => "a program".to_owned(),
    }
}

struct Remover<'a> {
    root: &'a PlainFolder,
    root_path: &'a Path,
    /// When a file that had several names was changed by losing one, by device and number.
    changed: HashMap<(u64, u64), Stat>,
    /// The folder that was deleted in last.
    parent: Option<(Vec<u8>, PlainFolder)>,
    removed: Removed,
}

impl Remover<'_> {
    fn remove(&mut self, proven: &Proven) -> Result<(), Stays> {
        let (parent, name) = split(&proven.path);
        let folder = match self.parent.take() {
            Some((path, folder)) if path == parent => folder,
            _ => self.root.descend(parent)?,
        };
        let removed = self.remove_in(&folder, name, proven);
        self.parent = Some((parent.to_vec(), folder));
        removed
    }

    fn remove_in(
        &mut self,
        folder: &PlainFolder,
        name: &[u8],
        proven: &Proven,
    ) -> Result<(), Stays> {
        let number = (device_of(&proven.stat), proven.stat.st_ino);
        let expected = self.changed.get(&number).copied().unwrap_or(proven.stat);
        let now = folder.stat(name)?;
        if !is_unchanged(&expected, &now) {
            return Err(Stays::Changed);
        }
        if kind_of(&now) != FileType::RegularFile {
            return take_away(folder, name, &|gone| {
                let now = folder.stat(gone)?;
                if is_same_but_for_name(&expected, &now) { Ok(()) } else { Err(Stays::Changed) }
            });
        }
        let file = folder.file(name)?;
        let now = fstat(&file).map_err(io::Error::from)?;
        if !is_unchanged(&expected, &now) {
            return Err(Stays::Changed);
        }
        let path = self.root_path.join(shown_path(&proven.path));
        let holder = || holders(&path, (u32::MAX, 0)).into_iter();
        let me = std::process::id();
        let held = match lease(&file)? {
            Leased::Alone(held) => Some(held),
            Leased::Written => {
                return Err(Stays::Open(holder().find(|holder| holder.pid != me)));
            }
            Leased::Unknown => match holder().find(|holder| holder.pid != me) {
                Some(holder) => return Err(Stays::Open(Some(holder))),
                None => None,
            },
        };
        take_away(folder, name, &|gone| {
            let now = fstat(&file).map_err(io::Error::from)?;
            let there = folder.stat(gone)?;
            let is_it = (there.st_dev, there.st_ino) == (now.st_dev, now.st_ino);
            if !is_it || !is_same_but_for_name(&expected, &now) {
                return Err(Stays::Changed);
            }
            match &held {
                Some(held) if !held.is_whole() => Err(Stays::Open(None)),
                _ => Ok(()),
            }
        })?;
        let after = fstat(&file).map_err(io::Error::from)?;
        match after.st_nlink {
            0 => self.changed.remove(&number),
            _ => self.changed.insert(number, after),
        };
        Ok(())
    }
}

/// The same, although a rename may have moved the time of the last change.
fn is_same_but_for_name(expected: &Stat, now: &Stat) -> bool {
    let told = |stat: &Stat| {
        let content = (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        ((stat.st_dev, stat.st_ino, stat.st_mode), (stat.st_uid, stat.st_gid), content)
    };
    told(expected) == told(now)
}

/// Takes a name away, then deletes what had it if `is_it` finds it to be right; else gives it back.
fn take_away(
    folder: &PlainFolder,
    name: &[u8],
    is_it: &dyn Fn(&[u8]) -> Result<(), Stays>,
) -> Result<(), Stays> {
    let away = [REMOVING, name].concat();
    let moved = match away.len() <= NAME_BYTES_MAX {
        true => folder.rename(name, &away),
        false => Err(Errno::NAMETOOLONG),
    };
    match moved {
        Ok(()) => {}
        // No room for the longer name, or a file system that cannot rename so: look, and delete.
        Err(
            Errno::NAMETOOLONG
            | Errno::NOSPC
            | Errno::DQUOT
            | Errno::INVAL
            | Errno::NOSYS
            | Errno::NOTSUP,
        ) => {
            is_it(name)?;
            return Ok(folder.unlink(name)?);
        }
        Err(error) => return Err(io::Error::from(error).into()),
    }
    let done = is_it(&away).and_then(|()| Ok(folder.unlink(&away)?));
    match done {
        Err(why) => match folder.rename(&away, name) {
            Ok(()) => Err(why),
            Err(_) => Err(Stays::NameTaken(away.shown())),
        },
        done => done,
    }
}

/// Gives what a run that was cut off had taken the name from that name back, if it is free.
pub(super) fn give_back_name(at: &Place<'_>) {
    if let Some(name) = at.name.strip_prefix(REMOVING).filter(|name| !name.is_empty()) {
        let given = at.folder.rename(at.name, name);
        given.unwrap_or_else(|error| log::debug!("a name is taken: {error}"));
    }
}

fn shown_path(path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(path))
}

/// What is there although nobody has a reason for it to stay.
struct Left {
    named: HashSet<Vec<u8>>,
    /// Folders that may be there, and empty.
    known: HashSet<Vec<u8>>,
    appeared: Vec<Vec<u8>>,
}

impl Left {
    fn is_known(&self, path: &[u8]) -> bool {
        self.named.contains(path) || self.known.contains(path)
    }
}

impl Visit for Left {
    fn entry(&mut self, at: &Place<'_>, _: &Stat) -> Result<(), Error> {
        if !self.named.contains(at.path) {
            self.appeared.push(at.path.to_vec());
        }
        Ok(())
    }

    fn enter(&mut self, at: &Place<'_>, _: &Stat) -> Result<bool, Error> {
        // Named with all in it.
        let whole = [at.path, b" (and all in it)"].concat();
        if self.named.contains(&whole) {
            return Ok(false);
        }
        let is_empty = at.folder.enter(at.name).and_then(|folder| folder.names());
        if is_empty.is_ok_and(|names| names.is_empty()) && !self.is_known(at.path) {
            self.appeared.push(at.path.to_vec());
        }
        Ok(true)
    }

    fn leave(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        log::debug!("{}: {error}", path.shown());
        if !self.named.contains(path) {
            self.appeared.push(path.to_vec());
        }
    }
}
