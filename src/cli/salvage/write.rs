//! From what packs tell to files in the destination.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{Timespec, Timestamps, futimens};
use rustix::io::Errno;

use crate::cli::error::Error;
use crate::cli::progress::Progress;
use crate::cli::restore::DAMAGED_SUFFIX;
use crate::cli::restore::target::{TargetFolder, There, as_text};
use crate::format::{LOST_FOLDER, NAME_BYTES_MAX, check_name};
use crate::fs::{Attributes, FileKind, Lost, Salvage, SalvagedFile};

use super::report::Report;

/// Writes into one destination.
pub(super) struct Writer<'a> {
    root: &'a TargetFolder,
    progress: &'a Progress,
    pub(super) report: Report,
    /// Paths of files and folders that this run has made or used.
    taken: HashSet<Vec<u8>>,
}

/// Where a file goes: folders, and its name in the last of them.
struct Place {
    folders: Vec<Vec<u8>>,
    name: Vec<u8>,
}

impl Place {
    /// As the packs have it, if every part of it can be a name.
    fn of_path(path: &[u8]) -> Option<Self> {
        let mut folders: Vec<Vec<u8>> =
            path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
        if !folders.iter().all(|name| check_name(name).is_ok()) {
            return None;
        }
        let name = folders.pop()?;
        Some(Self { folders, name })
    }

    /// Where a file goes that cannot go anywhere else.
    fn lost(file: &SalvagedFile) -> Self {
        let mut name = format!("{:016x}", file.ino.0).into_bytes();
        if check_name(&file.last_name).is_ok() {
            name.push(b'-');
            name.extend_from_slice(&file.last_name);
            name.truncate(NAME_BYTES_MAX);
        }
        Self { folders: vec![LOST_FOLDER.into()], name }
    }

    fn path(&self) -> Vec<u8> {
        let names = self.folders.iter().chain([&self.name]);
        names.map(Vec::as_slice).collect::<Vec<_>>().join(&b'/')
    }
}

/// Why a file is not at the place that was tried.
enum Refused {
    /// Another file that was salvaged has it, or needs it for a folder.
    Taken,
    /// Something stands there that was there before.
    InTheWay,
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(root: &'a TargetFolder, progress: &'a Progress, report: Report) -> Self {
        Self { root, progress, report, taken: HashSet::new() }
    }

    /// Writes every file.
    ///
    /// # Errors
    /// [`Error::Io`] if the destination is full; what was written so far is whole. Everything else
    /// that goes wrong is in the report.
    pub(super) fn run(&mut self, salvage: &mut Salvage) -> Result<(), Error> {
        for file in salvage.files() {
            let own = Place::of_path(&file.path);
            let had_own = own.is_some();
            let result = match own.map(|place| (self.write(salvage, &file, &place), place)) {
                Some((Err(Refused::Taken), _)) | None => {
                    let place = Place::lost(&file);
                    let why = match had_own {
                        true => "a newer file has its path",
                        false if file.path.is_empty() => "it had no name any more",
                        false => "its path cannot be one",
                    };
                    let (from, to) = (as_text(&file.path), as_text(&place.path()));
                    self.report.lost_and_found.push(format!("{to}: {why} (“{from}”)"));
                    (self.write(salvage, &file, &place), place)
                }
                Some(result) => result,
            };
            let path = as_text(&result.1.path());
            match result.0 {
                Ok(()) => {}
                Err(Refused::Taken | Refused::InTheWay) => self.report.in_the_way.push(path),
                Err(Refused::Io(source)) if is_full(&source) => {
                    let doing = format!(
                        "{path}: what is salvaged so far is whole; make room and run this again"
                    );
                    return Err(Error::Io { doing, source });
                }
                Err(Refused::Io(error)) => self.report.failed.push(format!("{path}: {error}")),
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        salvage: &mut Salvage,
        file: &SalvagedFile,
        place: &Place,
    ) -> Result<(), Refused> {
        if self.taken.contains(&place.path()) {
            return Err(Refused::Taken);
        }
        let folder = self.enter(&place.folders)?;
        let wanted = wanted_of(file);
        match folder.look(&place.name, &wanted)? {
            There::Same => {
                self.taken.insert(place.path());
                self.report.there_already += 1;
                return Ok(());
            }
            There::Folder | There::Other { .. } => return Err(Refused::InTheWay),
            There::Nothing => {}
        }
        let (target, draft) = folder.draft_file(file.ino)?;
        let lost = self.copy(salvage, file, &target)?;
        // A time that the destination does not take is no reason to leave content behind.
        let timed = set_mtime(&target, file);
        timed.unwrap_or_else(|error| log::warn!("the time of a file: {error}"));
        self.taken.insert(place.path());
        if lost.bytes == 0 && file.untold_bytes == 0 {
            draft.place(&place.name, false)?;
            self.note_written(file);
            return Ok(());
        }
        let mut names = (1..).map(|nth| damaged_name(&place.name, nth));
        let mut place_of_rest = None;
        for name in names.by_ref() {
            let path = Place { folders: place.folders.clone(), name: name.clone() }.path();
            let there = folder.look(&name, &wanted)?;
            if !self.taken.contains(&path) && matches!(there, There::Nothing | There::Same) {
                place_of_rest = Some((name, path, there));
                break;
            }
        }
        let Some((name, path, there)) = place_of_rest else { return Err(Refused::InTheWay) };
        match there {
            There::Same => self.report.there_already += 1,
            _ => {
                draft.place(&name, false)?;
                self.note_written(file);
            }
        }
        self.report.damaged.push(what_is_damaged(place, file, &lost, &path));
        self.taken.insert(path);
        Ok(())
    }

    fn note_written(&mut self, file: &SalvagedFile) {
        self.report.salvaged += 1;
        self.report.salvaged_bytes += file.size;
    }

    /// The folder below the destination, made where it is missing. No link is followed.
    fn enter(&mut self, names: &[Vec<u8>]) -> Result<TargetFolder, Refused> {
        let mut folder = self.root.again()?;
        let mut path = Vec::new();
        for name in names {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            folder = folder.enter(name).map_err(|error| match Errno::from_io_error(&error) {
                Some(Errno::NOTDIR | Errno::LOOP) if self.taken.contains(&path) => Refused::Taken,
                Some(Errno::NOTDIR | Errno::LOOP) => Refused::InTheWay,
                _ => Refused::Io(error),
            })?;
            self.taken.insert(path.clone());
        }
        Ok(folder)
    }

    fn copy(&self, salvage: &mut Salvage, file: &SalvagedFile, to: &File) -> io::Result<Lost> {
        to.set_len(file.size)?;
        salvage.copy(file.ino, &mut |at, piece| {
            self.progress.advance(piece.len() as u64);
            to.write_all_at(piece, at)
        })
    }
}

fn what_is_damaged(place: &Place, file: &SalvagedFile, lost: &Lost, rest: &[u8]) -> String {
    let mut what = Vec::new();
    if lost.bytes > 0 {
        what.push(format!("{} of {} bytes cannot be read ({})", lost.bytes, file.size, lost.what));
    }
    if file.untold_bytes > 0 {
        what.push(format!("{} of {} bytes are in no pack", file.untold_bytes, file.size));
    }
    format!(
        "{}: {}; the rest is in {}, with zeroes for those",
        as_text(&place.path()),
        what.join(", "),
        as_text(rest)
    )
}

fn damaged_name(name: &[u8], nth: u64) -> Vec<u8> {
    let number = if nth == 1 { String::new() } else { format!("-{nth}") };
    let kept = name.len().min(NAME_BYTES_MAX - DAMAGED_SUFFIX.len() - number.len());
    [&name[..kept], DAMAGED_SUFFIX, number.as_bytes()].concat()
}

fn wanted_of(file: &SalvagedFile) -> Attributes {
    Attributes {
        ino: file.ino,
        kind: FileKind::File,
        mode: 0o600,
        uid: 0,
        gid: 0,
        nlink: 1,
        size: file.size,
        blocks: 0,
        rdev: 0,
        atime: file.mtime,
        mtime: file.mtime,
        ctime: file.mtime,
    }
}

fn set_mtime(file: &File, told: &SalvagedFile) -> io::Result<()> {
    let time = Timespec { tv_sec: told.mtime.secs, tv_nsec: told.mtime.nanos.into() };
    Ok(futimens(file, &Timestamps { last_access: time, last_modification: time })?)
}

/// There is no use in going on: the destination takes nothing more.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
