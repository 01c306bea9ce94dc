//! Small files of this user's outside of vaults: notes, and what others read who start programs at login.

use std::io;
use std::path::Path;

use super::disk::Disk;
use super::durably;
use super::error::StoreError;
use super::kept_slots::make_folders;

/// Writes such a file (mode 0600), whole and durably, in the place of an earlier one; folders above it that
/// are missing are made (mode 0700).
///
/// # Errors
/// [`StoreError`]; the old content or the new one is then there whole, or none if there was none.
pub fn put_loose_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = durably::parent(path);
    make_folders(disk, durably::parent(folder))?;
    durably::make_folder(disk, folder)
        .map_err(|error| StoreError::io("cannot make the folder", folder, error))?;
    durably::replace(disk, path, bytes).map_err(|error| {
        // Such folders are not ours alone.
        let _ = disk.remove(&durably::next_of(path));
        StoreError::io("cannot write", path, error)
    })
}

/// Removes such a file, durably. Fine if there is none.
///
/// # Errors
/// [`StoreError`]; it may be there still.
pub fn remove_loose_file(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed
            .and_then(|()| disk.sync_folder(durably::parent(path)))
            .map_err(|error| StoreError::io("cannot remove", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::host::HostDisk;
    use super::*;

    #[test]
    fn a_loose_file_is_its_owners_alone_and_stands_for_the_last_that_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("not/there/yet/file");
        remove_loose_file(&HostDisk, &path).unwrap();
        for bytes in [&b"first"[..], b"second, longer", b"3"] {
            put_loose_file(&HostDisk, &path, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        remove_loose_file(&HostDisk, &path).unwrap();
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn what_could_not_be_written_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        put_loose_file(&HostDisk, &path, b"content").unwrap_err();
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }
}
