//! An `init` that was cut off: what it leaves, and how the next one knows it.
//!
//! Before anything is made, a note says for which place, with which vault id, and with which key file.
//! What is in a folder is that run's only if the note says so, there is nothing in it but what a run makes
//! before the descriptor, and this device has never used such a vault.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::crypto::VaultId;
use crate::format::{
    DATA_FOLDER, KEYS_FOLDER, LOG_FOLDER, README_NAME, SLOT_BYTES_MAX, UnverifiedSlot, slot_path,
};
use crate::store::{BegunCommand, BegunNote, default_state_folder};

use super::place::{NOT_OURS, Place, parent_of};
use super::words;

#[derive(Debug, Serialize, Deserialize)]
struct Told {
    place: Vec<u8>,
    vault: String,
    key_file: Option<Vec<u8>>,
}

/// A run that has begun. Dropped, it has taken back what it made, unless it was cut off before.
#[derive(Debug)]
pub(super) struct Begun {
    /// The id of the vault that is being made.
    pub(super) vault: VaultId,
    note: Option<BegunNote>,
    /// A run before this one has made the key file.
    key_file_made: Option<PathBuf>,
}

impl Begun {
    /// Notes what is about to be made. Without a place for notes there is only more to clear away by hand
    /// after a cut-off.
    pub(super) fn note(place: &Place, key_file: Option<&Path>) -> Self {
        let vault = VaultId::random();
        let note = BegunNote::of(BegunCommand::Init, &place.canonical);
        let key_file = key_file.and_then(resolved);
        let earlier = note.as_ref().and_then(|note| told(note, &place.canonical));
        let made = earlier.and_then(|earlier| earlier.key_file);
        let key_file_made = key_file.clone().filter(|file| {
            made.is_some_and(|made| made == file.as_os_str().as_bytes()) && file.is_file()
        });
        let told = Told {
            place: place.canonical.as_os_str().as_bytes().to_vec(),
            vault: vault.to_string(),
            key_file: key_file.map(|file| file.into_os_string().into_encoded_bytes()),
        };
        let note = note.filter(|note| {
            let noted = note.write(&told);
            noted.map_err(|error| log::debug!("no note of the start: {error}")).is_ok()
        });
        Self { vault, note, key_file_made }
    }

    /// Whether a run that was cut off has made this file for its key.
    pub(super) fn has_made(&self, key_file: &Path) -> bool {
        self.key_file_made.is_some() && self.key_file_made == resolved(key_file)
    }

    /// The vault is there.
    pub(super) fn finish(mut self) {
        self.key_file_made = None;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // A key file of an earlier run stays, and so does what says that it is one.
        if let Some(note) = self.note.take_if(|_| self.key_file_made.is_none()) {
            note.remove();
        }
    }
}

/// Takes away what a run that was cut off has left in a folder, if that is certain; tells whether it was.
///
/// # Errors
/// [`Error::Io`] for what cannot be removed.
pub(super) fn clear_leftover(vault: &Path) -> Result<bool, Error> {
    let Some(leftover) = Leftover::find(vault) else { return Ok(false) };
    leftover.remove().map_err(|source| Error::Io {
        doing: format!("clearing what was left in {}", vault.shown()),
        source,
    })?;
    log::warn!(
        "cleared what a “hushfs init” that was cut off had left in {}; nothing was ever stored there",
        vault.shown()
    );
    Ok(true)
}

/// What a cut-off run has made: no vault yet, and nothing in it.
struct Leftover {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Leftover {
    /// All of it, and `None` if anything there may be something else.
    fn find(vault: &Path) -> Option<Self> {
        let place = fs::canonicalize(vault).ok()?;
        let told = told(&BegunNote::of(BegunCommand::Init, &place)?, &place)?;
        let mut leftover = Self { files: Vec::new(), folders: Vec::new() };
        for name in names(&place).ok()? {
            let path = place.join(&name);
            match path.file_name().and_then(OsStr::to_str)? {
                LOG_FOLDER | DATA_FOLDER if names(&path).ok()?.is_empty() => {}
                KEYS_FOLDER => leftover.files.extend(slots(&path, &told.vault)?),
                README_NAME if fs::read(&path).ok()? == words::README.as_bytes() => {
                    leftover.files.push(path);
                    continue;
                }
                other if NOT_OURS.contains(&other) => continue,
                _ => return None,
            }
            leftover.folders.push(path);
        }
        Some(leftover)
    }

    fn remove(self) -> io::Result<()> {
        self.files.iter().try_for_each(fs::remove_file)?;
        self.folders.iter().try_for_each(fs::remove_dir)
    }
}

/// The slots in a folder, if all that is in it is slots of that vault, and this device has never used it.
fn slots(folder: &Path, vault: &str) -> Option<Vec<PathBuf>> {
    let is_slot = |path: &PathBuf| {
        let is_short = path
            .symlink_metadata()
            .is_ok_and(|found| found.is_file() && found.len() <= SLOT_BYTES_MAX);
        let slot = is_short.then(|| fs::read(path).ok()).flatten();
        let slot = slot.and_then(|bytes| UnverifiedSlot::parse(&bytes).ok());
        slot.is_some_and(|slot| {
            let id = slot.claimed_vault();
            let is_used = default_state_folder(id).is_some_and(|state| state.exists());
            id.to_string() == vault && !is_used && path.ends_with(slot_path(*slot.claimed_id()))
        })
    };
    let paths: Vec<PathBuf> = names(folder).ok()?.iter().map(|name| folder.join(name)).collect();
    paths.iter().all(is_slot).then_some(paths)
}

fn told(note: &BegunNote, place: &Path) -> Option<Told> {
    note.read().filter(|told: &Told| told.place == place.as_os_str().as_bytes())
}

fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// A file's path without links in its folder.
fn resolved(file: &Path) -> Option<PathBuf> {
    Some(fs::canonicalize(parent_of(file)).ok()?.join(file.file_name()?))
}
