//! The slots of an open vault: listed with what they say of themselves, added and removed. Slots are
//! objects like any others; what changes one is by itself, and no lock of the file system is needed.

mod change;
mod list;

pub use change::{NewSlot, SlotChangeError, put_slot, remove_slot};
pub use list::{SLOTS_MAX, SlotEntry, SlotStanding, list_slots};

use crate::format::DeviceId;

use super::file_system::FileSystem;

impl FileSystem {
    /// The vault's slots.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError) if the folder cannot be listed.
    pub fn slots(&self) -> Result<Vec<SlotEntry>, crate::store::StoreError> {
        list_slots(&self.vault, Some(&self.keys))
    }

    /// Makes a slot of what another process of this user has prepared; the master key stays here.
    ///
    /// # Errors
    /// [`SlotChangeError`]; if it is none of the slot's being there, nothing was put.
    pub fn add_slot(&self, new: &NewSlot) -> Result<(), SlotChangeError> {
        put_slot(&self.vault, &self.keys, &self.descriptor, self.device_of_state(), new)
    }

    /// The number that this machine has in the vault.
    fn device_of_state(&self) -> Option<DeviceId> {
        let identity = self.state.as_ref()?.device(&self.keys).ok().flatten()?;
        Some(identity.device)
    }
}
