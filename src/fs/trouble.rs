//! What keeps a mount from being well until somebody does something about it.

use super::error::FsError;
use super::file_system::{FileSystem, lock};

/// What is wrong, without saying where: for places where others may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// There is no room for what programs write, or for bringing it into the vault.
    Full,
    /// Something in the vault is damaged or missing.
    Damaged,
    /// The vault's folder is not there, or is not this vault's.
    VaultGone,
    /// A disk that failed has made the mount read-only.
    DiskFailed,
}

impl FileSystem {
    /// The troubles there are now; none once it ends. Reads the vault's descriptor, and waits for no
    /// publication.
    pub fn troubles(&self) -> Vec<Trouble> {
        if lock(&self.background.asked).end {
            return Vec::new();
        }
        let publishing =
            self.publisher.try_lock().map(|publisher| publisher.last_error.clone()).ok();
        let is_full = self.gauge.is_full() || matches!(publishing, Some(Some(FsError::NoSpace)));
        let has_turned =
            self.read_live().is_ok_and(|live| live.writing.is_some() && live.read_only.is_some());
        let is_damaged = !lock(&self.damage).is_empty();
        // A disk that hangs holds up nobody else: no lock is held here.
        let is_gone = self.find_vault().is_err();
        let found = [
            (is_full, Trouble::Full),
            (is_damaged, Trouble::Damaged),
            (is_gone, Trouble::VaultGone),
            (has_turned, Trouble::DiskFailed),
        ];
        found.into_iter().filter_map(|(is_there, trouble)| is_there.then_some(trouble)).collect()
    }
}
