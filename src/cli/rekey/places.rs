//! Where the two vaults are, and how they change places.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::cli::enable::places::resolved;
use crate::cli::error::Error;
use crate::cli::init::parent_of;
use crate::cli::names::Shown as _;
use crate::format::{DESCRIPTOR_NAME, README_NAME, Time};
use crate::store::{StoreError, exchange_folders, move_folder};

/// Behind a vault's name while the new one is made; for a moment also while the old one is there.
const MEANWHILE: &str = "rekeying";

/// The vault's folder, and the one beside it.
#[derive(Debug)]
pub(super) struct Places {
    /// Where the vault is, without links; for a moment in a crash there may be nothing.
    pub(super) vault: PathBuf,
    /// Where the new one is made.
    pub(super) beside: PathBuf,
}

impl Places {
    /// Of the vault that was named; there must be something, at least beside it.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Usage`].
    pub(super) fn find(vault: &Path) -> Result<Self, Error> {
        let vault = resolved(vault)?;
        let Some(name) = vault.file_name() else {
            return Err(Error::Usage(format!("{} has no name of its own", vault.shown())));
        };
        let mut beside = name.to_owned();
        beside.push(format!(" ({MEANWHILE})"));
        Ok(Self { beside: vault.with_file_name(beside), vault })
    }

    /// Refuses a folder that could not change its name later.
    ///
    /// # Errors
    /// [`Error::Usage`] or [`Error::Io`].
    pub(super) fn check(&self) -> Result<(), Error> {
        let of = |path: &Path| {
            let doing = format!("reading {}", path.shown());
            fs::metadata(path).map_err(|source| Error::Io { doing, source })
        };
        let metadata = of(&self.vault)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(Error::Usage(format!(
                "{} belongs to another user, who could not use what you make: run this as that user",
                self.vault.shown()
            )));
        }
        if metadata.dev() != of(parent_of(&self.vault))?.dev() {
            return Err(Error::Usage(format!(
                "{} is a file system of its own, so that no other folder can take its place: move the \
                 vault into a folder below it before",
                self.vault.shown()
            )));
        }
        Ok(())
    }

    /// A name for the old vault's folder that is free.
    pub(super) fn free_old_name(&self) -> String {
        let vault = self.vault.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{vault} (before rekey {})", Time::now().date());
        let is_free = |name: &String| self.old(name).symlink_metadata().is_err();
        let mut free = name.clone();
        let mut nth = 1_u64;
        while !is_free(&free) {
            nth += 1;
            free = format!("{name} {nth}");
        }
        free
    }

    /// A name in the same folder as a path.
    pub(super) fn old(&self, name: &str) -> PathBuf {
        parent_of(&self.vault).join(name)
    }

    /// Whether the new vault was begun: its slots are there, all of them.
    pub(super) fn is_begun(&self) -> bool {
        self.beside.join(README_NAME).exists()
    }

    /// Whether a whole vault is beside the one that was named.
    pub(super) fn is_complete(&self) -> bool {
        self.beside.join(DESCRIPTOR_NAME).exists()
    }

    /// The new vault takes the old one's place, and the old one a name of its own. Each step leaves what
    /// the next run goes on from.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(super) fn exchange(&self, old: &Path) -> Result<(), Error> {
        self.exchange_by(old, &exchange_folders)
    }

    /// As [`Self::exchange`], by a step that the file system may not have.
    fn exchange_by(
        &self,
        old: &Path,
        at_once: &dyn Fn(&Path, &Path) -> Result<bool, StoreError>,
    ) -> Result<(), Error> {
        if at_once(&self.vault, &self.beside)? {
            return Ok(move_folder(&self.beside, old)?);
        }
        log::warn!(
            "the disk of {} cannot exchange two folders in one step: should this be cut off now, the \
             new vault is in {} and the old one in {}, and the same command goes on",
            self.vault.shown(),
            self.beside.shown(),
            old.shown()
        );
        move_folder(&self.vault, old)?;
        Ok(move_folder(&self.beside, &self.vault)?)
    }
}

/// Keeps a second run away from a folder for as long as it is held.
///
/// # Errors
/// [`Error::InUse`]. Where the disk has no such locks, nobody is kept away.
pub(super) fn hold(folder: &Path) -> Result<Option<File>, Error> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(Error::InUse(format!("{} is in use by another “hushfs rekey”", folder.shown())))
        }
        _ => Ok(Some(file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::find(&folder.path().join("v")).unwrap();
        for (path, text) in [(&places.vault, "old"), (&places.beside, "new")] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("what"), text).unwrap();
        }
        (folder, places)
    }

    fn what(path: &Path) -> String {
        fs::read_to_string(path.join("what")).unwrap_or_default()
    }

    #[test]
    fn the_two_change_places_in_one_step_or_where_there_is_none_in_two() {
        for has_step in [true, false] {
            let (_folder, places) = places();
            let old = places.old(&places.free_old_name());
            places
                .exchange_by(&old, &|one, other| match has_step {
                    true => exchange_folders(one, other),
                    false => Ok(false),
                })
                .unwrap();
            assert_eq!((what(&places.vault), what(&old)), ("new".to_owned(), "old".to_owned()));
            assert!(!places.beside.exists());
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_again() {
        let (_folder, places) = places();
        let first = places.free_old_name();
        fs::create_dir(places.old(&first)).unwrap();
        let second = places.free_old_name();
        assert!(first.starts_with("v (before rekey ") && second == format!("{first} 2"));
    }

    #[test]
    fn a_second_run_is_kept_away() {
        let (_folder, places) = places();
        let held = hold(&places.beside).unwrap();
        assert!(matches!(hold(&places.beside), Err(Error::InUse(_))));
        drop(held);
        assert!(hold(&places.beside).unwrap().is_some());
    }
}
