//! Two folders that change places, and one that moves: durably, and never onto anything.

use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::disk::Disk;
use super::durably::{adopt, parent};
use super::error::StoreError;
use super::host::HostDisk;

/// Two folders of one folder change places in one step. Tells whether the file system has such a step;
/// nothing has changed if not.
///
/// # Errors
/// [`StoreError`]; both are where they were, or (an error when that was to be made durable) each is in
/// the other's place.
pub fn exchange_folders(one: &Path, other: &Path) -> Result<bool, StoreError> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        done => {
            let done =
                done.map_err(io::Error::from).and_then(|()| HostDisk.sync_folder(parent(one)));
            done.map_err(|error| StoreError::io("cannot exchange", one, error))?;
            Ok(true)
        }
    }
}

/// A file or folder gets another name, which is free, on the same disk.
///
/// # Errors
/// [`StoreError::Exists`] if it is not, or what the system says; it has one of the two names.
pub fn move_folder(from: &Path, to: &Path) -> Result<(), StoreError> {
    adopt(&HostDisk, from, to).map_err(|error| StoreError::io("cannot move to", to, error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn folders_change_places_and_none_is_ever_moved_onto_another() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("content"), name).unwrap();
        }
        assert!(exchange_folders(&at("a"), &at("b")).unwrap());
        assert_eq!(fs::read(at("a").join("content")).unwrap(), b"b");
        assert!(matches!(move_folder(&at("a"), &at("b")), Err(StoreError::Exists(_))));
        move_folder(&at("a"), &at("c")).unwrap();
        assert!(!at("a").exists());
        assert_eq!(fs::read(at("c").join("content")).unwrap(), b"b");
        assert!(matches!(exchange_folders(&at("a"), &at("b")), Err(StoreError::Missing(_))));
    }
}
