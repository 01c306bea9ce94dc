//! Plaintext copies elsewhere, mostly in the cloud folder: whose bytes some file of the vault has,
//! under whatever name, may go.

use std::collections::HashMap;
use std::io;

use rustix::fs::{FileType, Stat, fstat};

use crate::cli::error::Error;
use crate::cli::progress::Progress;
use crate::format::Ino;
use crate::fs::{Attributes, FileKind, FileSystem, FsError};
use crate::fuse::lease::{Leased, lease};

use super::compare::{CompareError, is_same_content, is_unchanged, size_of};
use super::plain::{Place, PlainFolder, Visit, kind_of, walk};
use super::prove::{Proof, Proven, wait_for_clock};

/// The files of a vault by their size.
pub(super) type BySize = HashMap<u64, Vec<Attributes>>;

/// Every file of a vault, by size.
///
/// # Errors
/// [`FsError`].
pub(super) fn files_by_size(files: &FileSystem) -> Result<BySize, FsError> {
    let mut by_size = BySize::new();
    let mut folders = vec![Ino::ROOT];
    while let Some(folder) = folders.pop() {
        files.list(folder, 0, &mut |entry| {
            let attributes = entry.attributes;
            match attributes.kind {
                FileKind::Folder if !matches!(entry.name, b"." | b"..") => {
                    folders.push(attributes.ino);
                }
                FileKind::File => by_size.entry(attributes.size).or_default().push(attributes),
                _ => {}
            }
            true
        })?;
    }
    Ok(by_size)
}

/// Compares each file below a folder, or the one of it that is `only`, with the files of the vault
/// that are as long.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read.
pub(super) fn prove_copies(
    files: &FileSystem,
    by_size: &BySize,
    root: &PlainFolder,
    only: Option<&[u8]>,
    progress: &Progress,
) -> Result<Proof, Error> {
    let reading = |source| Error::Io { doing: "reading what is to be deleted".into(), source };
    let mut search = Search { files, by_size, progress, proof: Proof::default() };
    match only {
        Some(name) => {
            let stat = root.stat(name).map_err(reading)?;
            search.entry(&Place { folder: root, name, path: name }, &stat)?;
        }
        None => walk(root.descend(b"").map_err(reading)?, &mut search)?,
    }
    Ok(search.proof)
}

struct Search<'a> {
    files: &'a FileSystem,
    by_size: &'a BySize,
    progress: &'a Progress,
    proof: Proof,
}

impl Visit for Search<'_> {
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error> {
        match self.prove(at, stat) {
            Ok(Ok(stat)) => self.proof.proven.push(Proven { path: at.path.to_vec(), stat }),
            Ok(Err(why)) => self.proof.unproven.push((at.path.to_vec(), why.to_owned())),
            Err(error) => self.unreadable_for(at.path, &error),
        }
        self.progress.finish_file();
        Ok(())
    }

    fn enter(&mut self, _: &Place<'_>, _: &Stat) -> Result<bool, Error> {
        Ok(true)
    }

    fn leave(&mut self, path: &[u8]) -> Result<(), Error> {
        self.proof.folders.push(path.to_vec());
        Ok(())
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        self.unreadable_for(path, &error.into());
    }
}

impl Search<'_> {
    fn unreadable_for(&mut self, path: &[u8], error: &CompareError) {
        self.proof.unproven.push((path.to_vec(), error.to_string()));
    }

    /// What a file was like while the vault was found to have its bytes, or why that was not found.
    fn prove(
        &self,
        at: &Place<'_>,
        stat: &Stat,
    ) -> Result<Result<Stat, &'static str>, CompareError> {
        if kind_of(stat) != FileType::RegularFile {
            return Ok(Err("it is no file: delete it yourself if you do not need it"));
        }
        wait_for_clock(stat);
        let file = at.folder.file(at.name)?;
        let held = match lease(&file)? {
            Leased::Alone(held) => Some(held),
            Leased::Written => return Ok(Err("a program has it open for writing")),
            Leased::Unknown => None,
        };
        let mut is_there = false;
        for found in self.by_size.get(&size_of(stat)).into_iter().flatten() {
            match is_same_content(&file, self.files, found, &|_| {}) {
                Ok(is_same) => is_there |= is_same,
                // This one cannot tell; another may.
                Err(CompareError::Vault(_)) => {}
                Err(error) => return Err(error),
            }
            if is_there {
                break;
            }
        }
        self.progress.advance(size_of(stat));
        let after = fstat(&file)?;
        let is_whole = held.is_none_or(|held| held.is_whole());
        Ok(match (is_there, is_whole && is_unchanged(stat, &after)) {
            (false, _) => Err("no file in the vault has the same content"),
            (true, false) => Err("it has changed meanwhile"),
            (true, true) => Ok(after),
        })
    }
}
