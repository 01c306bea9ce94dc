//! The file beside a store that says how many changes it has had: an older store is known by it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::keyvault::store::{StoreError, sync_folder_of};

use super::About;

/// The file beside a store that says how many changes it has had.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
}

impl Mark {
    pub(super) fn beside(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push(".mark");
        Self { path: path.into() }
    }

    pub(super) fn check(&self, about: &About, store: &Path) -> Result<(), StoreError> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            text => text.map_err(|error| self.unavailable(&error))?,
        };
        let marked = text.trim_end().rsplit_once(' ').filter(|(id, _)| *id == hex(&about.store_id));
        let changes = marked.and_then(|(_, changes)| changes.parse::<u64>().ok());
        match changes {
            Some(changes) if changes <= about.changes => Ok(()),
            Some(changes) => Err(StoreError::RolledBack(format!(
                "{} has had {} changes, and had {changes} before ({}). Put the newer store back; if \
                 there is none, have the owners register again with a new store",
                store.display(),
                about.changes,
                self.path.display()
            ))),
            None => Err(StoreError::RolledBack(format!(
                "{} is another store's: {} was replaced",
                self.path.display(),
                store.display()
            ))),
        }
    }

    /// Durable when it returns.
    pub(super) fn write(&self, about: &About) -> Result<(), StoreError> {
        let next = self.path.with_extension("mark-next");
        let text = format!("{} {}\n", hex(&about.store_id), about.changes);
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&next)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&next, &self.path)?;
            sync_folder_of(&self.path)
        };
        write().map_err(|error| self.unavailable(&error))
    }

    fn unavailable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Unavailable(format!("{}: {error}", self.path.display()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
