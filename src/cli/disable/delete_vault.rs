//! Deletes a vault: its objects, and no file that is none of its.

use std::io;
use std::path::Path;

use rustix::fs::{FileType, Stat};

use crate::cli::enable::plain::{Place, PlainFolder, Visit, kind_of, walk};
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::format::{DATA_FOLDER, DESCRIPTOR_NAME, KEYS_FOLDER, LOG_FOLDER, README_NAME};

/// Deletes the vault in a folder, the descriptor first: what a cut-off leaves opens as nothing. Tells
/// whether the folder itself is gone, too; it stays if something else is in it.
///
/// # Errors
/// [`Error::Io`] for what cannot be deleted.
pub(super) fn delete_vault(vault: &Path) -> Result<bool, Error> {
    let deleting =
        |source| Error::Io { doing: format!("deleting the vault {}", vault.shown()), source };
    let root = PlainFolder::open(vault).map_err(deleting)?;
    unlink(&root, DESCRIPTOR_NAME.as_bytes()).map_err(deleting)?;
    for name in [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER] {
        let folder = match root.enter(name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            folder => folder.map_err(deleting)?,
        };
        let mut sweep = Sweep { folders: Vec::new() };
        walk(folder.descend(b"").map_err(deleting)?, &mut sweep)?;
        for path in sweep.folders {
            let slash = path.iter().rposition(|byte| *byte == b'/');
            let (parent, below) =
                slash.map_or((&b""[..], &path[..]), |at| (&path[..at], &path[at + 1..]));
            let parent = folder.descend(parent).map_err(deleting)?;
            parent.remove_folder(below).map_err(deleting)?;
        }
        root.remove_folder(name.as_bytes()).map_err(deleting)?;
    }
    unlink(&root, README_NAME.as_bytes()).map_err(deleting)?;
    Ok(std::fs::remove_dir(vault).is_ok())
}

fn unlink(folder: &PlainFolder, name: &[u8]) -> io::Result<()> {
    match folder.unlink(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        unlinked => unlinked,
    }
}

/// Deletes every file below a folder of the vault, and remembers the folders.
struct Sweep {
    folders: Vec<Vec<u8>>,
}

impl Visit for Sweep {
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error> {
        debug_assert_ne!(kind_of(stat), FileType::Directory);
        unlink(at.folder, at.name)
            .map_err(|source| Error::Io { doing: format!("deleting {}", at.path.shown()), source })
    }

    fn enter(&mut self, _: &Place<'_>, _: &Stat) -> Result<bool, Error> {
        Ok(true)
    }

    fn leave(&mut self, path: &[u8]) -> Result<(), Error> {
        self.folders.push(path.to_vec());
        Ok(())
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        log::warn!("{}: {error}", path.shown());
    }
}
