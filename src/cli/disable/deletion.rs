//! Deletes a vault: the objects that were there when its files were compared, and nothing else.
//!
//! What is to be deleted is noted before the descriptor goes, which is first: what a cut-off leaves opens
//! as nothing, and the note tells that it is no vault which is still being downloaded.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::cli::enable::plain::{Place, PlainFolder, Visit, kind_of, split, walk};
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::format::{DATA_FOLDER, DESCRIPTOR_NAME, KEYS_FOLDER, LOG_FOLDER, README_NAME};
use crate::store::{BegunCommand, BegunNote};

const FOLDERS: [&str; 3] = [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER];

/// What is to be deleted of a vault. An object never changes, so its name and length say which it is.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Deletion {
    /// The vault's folder, free of links.
    place: Vec<u8>,
    /// Paths below it, and bytes.
    files: Vec<(Vec<u8>, u64)>,
}

impl Deletion {
    /// All that is there of a vault now. What comes later stays.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(in crate::cli) fn of(vault: &Path) -> Result<Self, Error> {
        let place = vault.as_os_str().as_bytes().to_vec();
        let found = Found::below(&open(vault)?)?;
        Ok(Self { place, files: found.files })
    }

    /// What a run that was cut off has noted and not finished, if the descriptor is gone.
    pub(in crate::cli) fn begun(vault: &Path) -> Option<Self> {
        let told: Self = BegunNote::of(BegunCommand::Delete, vault)?.read()?;
        let is_it = told.place == vault.as_os_str().as_bytes();
        (is_it && vault.join(DESCRIPTOR_NAME).symlink_metadata().is_err()).then_some(told)
    }

    /// What a run that was cut off has noted, or else all that is there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(in crate::cli) fn going_on(vault: &Path) -> Result<Self, Error> {
        Self::begun(vault).map_or_else(|| Self::of(vault), Ok)
    }

    /// Deletes it. Tells whether the folder itself is gone, too; it stays if something else is in it.
    ///
    /// # Errors
    /// [`Error::Io`] for what cannot be deleted; the same command goes on.
    pub(in crate::cli) fn carry_out(&self, vault: &Path) -> Result<bool, Error> {
        let note = BegunNote::of(BegunCommand::Delete, vault);
        if let Some(note) = &note {
            let noting = |source| Error::Io {
                doing: "noting what is to be deleted, so nothing was deleted".to_owned(),
                source,
            };
            note.write(self).map_err(noting)?;
        }
        let deleting =
            |source| Error::Io { doing: format!("deleting the vault {}", vault.shown()), source };
        if vault.exists() {
            self.delete_in(&open(vault)?).map_err(deleting)?;
        }
        let is_gone = std::fs::remove_dir(vault).is_ok() || !vault.exists();
        if let Some(note) = note {
            note.remove();
        }
        Ok(is_gone)
    }

    fn delete_in(&self, root: &PlainFolder) -> io::Result<()> {
        gone(root.unlink(DESCRIPTOR_NAME.as_bytes()))?;
        for (path, bytes) in &self.files {
            let (parent, name) = split(path);
            let folder = match root.descend(parent) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                folder => folder?,
            };
            let is_it = |stat: Stat| {
                kind_of(&stat) == FileType::RegularFile && u64::try_from(stat.st_size) == Ok(*bytes)
            };
            if folder.stat(name).is_ok_and(is_it) {
                gone(folder.unlink(name))?;
            }
        }
        gone(root.unlink(README_NAME.as_bytes()))?;
        let folders = Found::below(root).map_err(io::Error::other)?.folders;
        for path in &folders {
            let (parent, name) = split(path);
            match root.descend(parent)?.remove_folder(name) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOTEMPTY) => {}
                removed => gone(removed)?,
            }
        }
        Ok(())
    }
}

fn open(vault: &Path) -> Result<PlainFolder, Error> {
    PlainFolder::open(vault)
        .map_err(|source| Error::Io { doing: format!("reading {}", vault.shown()), source })
}

/// What is not there any more is deleted.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// What is in a vault's own folders; of the folders each comes behind what is in it.
struct Found {
    files: Vec<(Vec<u8>, u64)>,
    folders: Vec<Vec<u8>>,
}

impl Found {
    fn below(root: &PlainFolder) -> Result<Self, Error> {
        let mut found = Self { files: Vec::new(), folders: Vec::new() };
        let reading = |source| Error::Io { doing: "reading the vault".to_owned(), source };
        walk(root.descend(b"").map_err(reading)?, &mut found)?;
        Ok(found)
    }
}

impl Visit for Found {
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error> {
        // At the top is what `delete_in` names, and what is none of a vault's.
        if at.path.contains(&b'/') {
            self.files.push((at.path.to_vec(), u64::try_from(stat.st_size).unwrap_or(0)));
        }
        Ok(())
    }

    fn enter(&mut self, at: &Place<'_>, _: &Stat) -> Result<bool, Error> {
        Ok(at.path.contains(&b'/') || FOLDERS.iter().any(|name| name.as_bytes() == at.path))
    }

    fn leave(&mut self, path: &[u8]) -> Result<(), Error> {
        self.folders.push(path.to_vec());
        Ok(())
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        log::warn!("{}: {error}", path.shown());
    }
}
