//! Which slot's key the system's keyring has: a note in the state folder, so that only who has asked for
//! that ever has the keyring looked at.

use std::path::Path;

use crate::crypto::SlotId;

use super::disk::{Disk, read_whole};
use super::error::StoreError;
use super::loose_files::{put_loose_file, remove_loose_file};

const REMEMBERED_NAME: &str = "remembered";
/// An id in hex and a line end.
const REMEMBERED_BYTES_MAX: u64 = 64;

/// The slot whose key the keyring has, as far as the state folder at `state` knows.
pub fn remembered_slot(disk: &dyn Disk, state: &Path) -> Option<SlotId> {
    let file = disk.open(&state.join(REMEMBERED_NAME), false).ok()?;
    let bytes = read_whole(&*file, REMEMBERED_BYTES_MAX).ok()?;
    SlotId::from_hex(std::str::from_utf8(&bytes).ok()?.trim_end())
}

/// Notes that the keyring has a slot's key; `None` that it has none.
///
/// # Errors
/// [`StoreError`]; what was noted before may then stand still.
pub fn note_remembered(
    disk: &dyn Disk,
    state: &Path,
    slot: Option<SlotId>,
) -> Result<(), StoreError> {
    let path = state.join(REMEMBERED_NAME);
    match slot {
        Some(slot) => put_loose_file(disk, &path, format!("{slot}\n").as_bytes()),
        None => remove_loose_file(disk, &path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::HostDisk;
    use super::*;

    #[test]
    fn what_is_noted_stands_until_something_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("not/there/yet");
        assert_eq!(remembered_slot(&HostDisk, &state), None);
        note_remembered(&HostDisk, &state, None).unwrap();
        for id in [1, 2] {
            note_remembered(&HostDisk, &state, Some(SlotId([id; 16]))).unwrap();
            assert_eq!(remembered_slot(&HostDisk, &state), Some(SlotId([id; 16])));
        }
        note_remembered(&HostDisk, &state, None).unwrap();
        assert_eq!(remembered_slot(&HostDisk, &state), None);
    }

    #[test]
    fn what_is_no_slot_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [&b""[..], b"\xFF", b"0102\n", &[b'a'; 1000]] {
            std::fs::write(dir.path().join(REMEMBERED_NAME), bytes).unwrap();
            assert_eq!(remembered_slot(&HostDisk, dir.path()), None);
        }
    }
}
