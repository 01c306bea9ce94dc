//! The objects that are written once, when a vault is made: its descriptor and its slots.

use crate::format::{
    DESCRIPTOR_NAME, Descriptor, FormatError, KEYS_FOLDER, SLOT_BYTES_MAX, SlotError,
    UnverifiedDescriptor, UnverifiedSlot, may_be_slot_name, slot_id_of_path, slot_path,
};
use crate::store::{StoreError, VaultFolder};

use super::copies::Copies;
use super::plan::RepairError;
use super::report::Moved;
use crate::crypto::ClassKeys;

/// What is to become of descriptor and slots.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    /// Which object, from which copy.
    pub(super) heals: Vec<(String, String)>,
    /// The descriptor has to be made anew.
    pub(super) makes_descriptor: bool,
    pub(super) set_aside: Vec<Moved>,
}

impl Fixed {
    /// Finds what is damaged or missing of them.
    ///
    /// # Errors
    /// [`RepairError::Store`] if the disk fails.
    pub(super) fn find(
        vault: &VaultFolder,
        keys: &ClassKeys,
        copies: &Copies,
    ) -> Result<Self, RepairError> {
        let mut fixed = Self::default();
        if !is_descriptor(vault, keys)? {
            match copies.descriptors.first() {
                Some(copy) => fixed.heals.push((DESCRIPTOR_NAME.into(), copy.clone())),
                None => fixed.makes_descriptor = true,
            }
        }
        let names = match vault.names(KEYS_FOLDER) {
            Err(StoreError::Missing(_)) => Vec::new(),
            names => names?,
        };
        let paths = names.into_iter().filter(|name| may_be_slot_name(name));
        let mut there = Vec::new();
        for path in paths.map(|name| format!("{KEYS_FOLDER}/{name}")) {
            let bytes = match vault.get(&path, SLOT_BYTES_MAX) {
                Err(StoreError::TooLong { .. }) => Vec::new(),
                bytes => bytes?,
            };
            match UnverifiedSlot::parse(&bytes) {
                // A whole slot under another slot's name stands for itself, but not for that one.
                Ok(slot) if slot_id_of_path(&path).is_some_and(|id| id != *slot.claimed_id()) => {}
                Ok(_) | Err(SlotError::Newer(_) | SlotError::UnknownKind(_)) => there.push(path),
                Err(error) => fixed.set_aside.push(Moved { object: path, why: error.to_string() }),
            }
        }
        // Without its secret a slot is known by its checksum, which finds accidents.
        for (id, copy) in &copies.slots {
            let own = slot_path(*id);
            let is_done = fixed.heals.iter().any(|(object, _)| *object == own);
            if !there.contains(&own) && !is_done {
                fixed.set_aside.retain(|moved| moved.object != own);
                fixed.heals.push((own, copy.clone()));
            }
        }
        Ok(fixed)
    }
}

fn is_descriptor(vault: &VaultFolder, keys: &ClassKeys) -> Result<bool, StoreError> {
    match vault.get(DESCRIPTOR_NAME, SLOT_BYTES_MAX) {
        Ok(bytes) => Ok(UnverifiedDescriptor::parse(&bytes)
            .and_then(|descriptor| descriptor.verify(keys))
            .map_or_else(|_: FormatError| false, |_: Descriptor| true)),
        Err(StoreError::Missing(_) | StoreError::TooLong { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
