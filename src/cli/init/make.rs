//! Makes a vault's objects, in the order that leaves no half vault which looks whole.

use std::sync::Arc;

use crate::cli::device::device_name;
use crate::cli::error::Error;
use crate::cli::undo::Undo;
use crate::crypto::{ClassKeys, MasterKey, StretchParameters, VaultId};
use crate::format::{
    ChunkSize, DATA_FOLDER, DESCRIPTOR_NAME, Descriptor, KEYS_FOLDER, LOG_FOLDER, README_NAME,
    SealedSlot, SlotDraft, Time, slot_path,
};
use crate::store::{HostDisk, VaultFolder};

use super::error::InitError;
use super::place::Place;
use super::run::Ways;
use super::words;

/// Makes the vault. `hushfs.vault` comes last: before it is there, this is no vault, and whatever
/// looks at the folder says so.
///
/// # Errors
/// [`Error::Init`], [`Error::Store`] or [`Error::Io`]; `undo` then takes back what was made.
pub fn make_vault(
    place: &Place,
    vault: VaultId,
    ways: &Ways,
    chunk_size: ChunkSize,
    undo: &mut Undo,
) -> Result<(), Error> {
    let master = MasterKey::random();
    // Stretching takes the most time and can fail: before anything is written.
    let keys = master.class_keys(&vault);
    let slots = seal_slots(&keys, ways, chunk_size).map_err(InitError::Stretch)?;
    let descriptor = Descriptor { vault, chunk_size, created: Time::now() };

    place.make(undo)?;
    let folder = VaultFolder::new(Arc::new(HostDisk), &place.vault);
    // Of two programs that do this at once only one makes the first folder; so the files below
    // can be noted before they are there, without the other's being taken back.
    for name in [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER] {
        folder.make_new_folder(name)?;
        undo.folder(&place.vault.join(name));
    }
    let mut put = |path: &str, bytes: &[u8]| {
        undo.file(&place.vault.join(path));
        folder.put_new(path, bytes)
    };
    for slot in slots {
        put(&slot_path(slot.id), &slot.bytes)?;
    }
    put(README_NAME, words::README.as_bytes())?;
    put(DESCRIPTOR_NAME, &descriptor.seal(&keys))?;
    Ok(())
}

/// A slot for each way.
///
/// # Errors
/// [`StretchError`](crate::crypto::StretchError).
pub(in crate::cli) fn seal_slots(
    keys: &ClassKeys,
    ways: &Ways,
    chunk_size: ChunkSize,
) -> Result<Vec<SealedSlot>, crate::crypto::StretchError> {
    let draft = SlotDraft {
        vault: keys.vault(),
        created: Time::now(),
        chunk_size,
        label: "",
        device: None,
        device_name: &device_name(),
        replaces: None,
    };
    let mut slots = Vec::new();
    if let Some(password) = &ways.password {
        slots.push(draft.seal_password(keys, password, stretch_parameters()?)?);
    }
    if let Some(key) = &ways.key {
        slots.push(draft.seal_key(keys, key));
    }
    Ok(slots)
}

/// Calibrated, unless a test asks for the least there may ever be.
pub(in crate::cli) fn stretch_parameters() -> Result<StretchParameters, crate::crypto::StretchError>
{
    match std::env::var_os("HUSHFS_STRETCH") {
        Some(wanted) if wanted == "floor" => Ok(StretchParameters::FLOOR),
        _ => StretchParameters::calibrate(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::format::RecoveryKey;

    #[test]
    fn what_fails_on_the_way_has_no_descriptor_and_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::check(folder.path()).unwrap();
        let ways = Ways { key: Some(RecoveryKey::random()), ..Ways::default() };
        // In the way of the file before the last.
        let obstacle = folder.path().join(README_NAME);
        fs::create_dir(&obstacle).unwrap();
        let mut undo = Undo::default();
        let made = make_vault(&place, VaultId::random(), &ways, ChunkSize::DEFAULT, &mut undo);
        assert!(matches!(made, Err(Error::Store(_))));
        let slots = fs::read_dir(folder.path().join(KEYS_FOLDER)).unwrap();
        assert_eq!(slots.count(), 1);
        assert!(!folder.path().join(DESCRIPTOR_NAME).exists());
        assert!(matches!(
            Place::check(folder.path()),
            Err(Error::Init(InitError::Unfinished { .. }))
        ));

        drop(undo);
        fs::remove_dir(obstacle).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        make_vault(&place, VaultId::random(), &ways, ChunkSize::DEFAULT, &mut Undo::default())
            .unwrap();
    }
}
