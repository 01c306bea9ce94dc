//! What a command of this machine has begun and not finished: notes in the usual place for state, one for
//! each command and place. What such a command leaves behind looks like part of a vault, and could as
//! well be one that a sync client has not downloaded yet; the note tells them apart.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::host::HostDisk;
use super::loose_files::put_loose_file;
use super::state_folder::state_home;

const FOLDER: &str = "begun";
/// Of the hash of the place; no two places share them.
const NAME_BYTES: usize = 16;

/// What can leave something that has to be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BegunCommand {
    /// Makes a vault.
    Init,
    /// Deletes one.
    Delete,
}

impl BegunCommand {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Delete => "delete",
        }
    }
}

/// Where the note of a command about a place is, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunNote(PathBuf);

impl BegunNote {
    /// The note of a command about a place, which is absolute and free of links; `None` if there is no
    /// usual place for state.
    pub fn of(command: BegunCommand, place: &Path) -> Option<Self> {
        let hash = Sha256::digest(place.as_os_str().as_bytes());
        let name: String = hash[..NAME_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self(state_home()?.join(FOLDER).join(format!("{}-{name}", command.name()))))
    }

    /// Whoever has unlocked a vault at a place has a whole one there, whatever a note says.
    pub fn forget_all(vault: &Path) {
        let Ok(place) = std::fs::canonicalize(vault) else { return };
        for command in [BegunCommand::Init, BegunCommand::Delete] {
            Self::of(command, &place).iter().for_each(Self::remove);
        }
    }

    /// What it says; `None` if it is not there or not to be understood.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Writes it durably, over what it has said before.
    ///
    /// # Errors
    /// What the system says; the old note or the new one is then there.
    pub fn write<T: Serialize>(&self, told: &T) -> io::Result<()> {
        put_loose_file(&HostDisk, &self.0, &serde_json::to_vec(told)?).map_err(io::Error::other)
    }

    /// Removes it, if it is there. Where that fails, the next one that unlocks tries again.
    pub fn remove(&self) {
        match std::fs::remove_file(&self.0).map_err(|error| (error.kind(), error)) {
            // Whoever may not look there has put nothing there.
            Ok(()) | Err((io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied, _)) => {}
            Err((_, error)) => log::warn!("{} was left behind: {error}", self.0.display()),
        }
    }
}
