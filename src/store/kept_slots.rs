//! Copies of slots in the state folder: those that stayed when this device removed others.
//!
//! Two devices that do not know of each other yet can each remove the slot that the other one relies
//! on, and leave the vault none. Each then still has what it relied on. The copies are as safe here as
//! the slots are in the vault: they are the same bytes.

use std::path::{Path, PathBuf};

use crate::crypto::SlotId;
use crate::format::SLOT_BYTES_MAX;

use super::disk::{Disk, list_if_there, read_whole};
use super::durably;
use super::error::StoreError;

const KEPT_FOLDER: &str = "slots";

/// Keeps copies of these slots in the state folder at `state`, and of no others.
///
/// # Errors
/// [`StoreError`]; what was kept before may then be kept still.
pub fn keep_slots(
    disk: &dyn Disk,
    state: &Path,
    slots: &[(SlotId, Vec<u8>)],
) -> Result<(), StoreError> {
    let folder = state.join(KEPT_FOLDER);
    make_folders(disk, &folder)?;
    let names: Vec<String> = slots.iter().map(|(id, _)| format!("{id}.key")).collect();
    for (name, (_, bytes)) in names.iter().zip(slots) {
        let path = folder.join(name);
        durably::replace(disk, &path, bytes)
            .map_err(|error| StoreError::io("cannot write", &path, error))?;
    }
    for item in list_if_there(disk, &folder)? {
        if !names.contains(&item.name) {
            let path = folder.join(&item.name);
            disk.remove(&path).map_err(|error| StoreError::io("cannot remove", &path, error))?;
        }
    }
    disk.sync_folder(&folder).map_err(|error| StoreError::io("cannot sync", &folder, error))
}

/// Makes a folder and what is missing above it.
///
/// # Errors
/// [`StoreError`].
pub(super) fn make_folders(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    let mut ancestors: Vec<&Path> = folder.ancestors().collect();
    ancestors.pop();
    for path in ancestors.into_iter().rev().filter(|path| !path.exists()) {
        durably::make_folder(disk, path)
            .map_err(|error| StoreError::io("cannot make the folder", path, error))?;
    }
    Ok(())
}

/// The slots that are kept in the state folder at `state`, by path; what cannot be read is left out.
///
/// # Errors
/// [`StoreError`] if the folder cannot be listed; one that is missing counts as empty.
pub fn kept_slots(disk: &dyn Disk, state: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, StoreError> {
    let folder = state.join(KEPT_FOLDER);
    let items = list_if_there(disk, &folder)?;
    let paths = items.iter().filter(|item| item.name.ends_with(".key"));
    let read = |path: PathBuf| {
        let file = disk.open(&path, false).ok()?;
        Some((path, read_whole(&*file, SLOT_BYTES_MAX).ok()?))
    };
    Ok(paths.filter_map(|item| read(folder.join(&item.name))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::host::HostDisk;
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_kept_last() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("not/there/yet");
        assert_eq!(kept_slots(&HostDisk, &state).unwrap(), []);
        let [first, second] = [1, 2].map(|id| (SlotId([id; 16]), vec![id; 10]));
        keep_slots(&HostDisk, &state, &[first.clone(), second.clone()]).unwrap();
        assert_eq!(kept_slots(&HostDisk, &state).unwrap().len(), 2);
        keep_slots(&HostDisk, &state, std::slice::from_ref(&second)).unwrap();
        let kept = kept_slots(&HostDisk, &state).unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].0.ends_with(format!("{}.key", second.0)));
        assert_eq!(kept[0].1, second.1);
    }
}
