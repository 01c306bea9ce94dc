//! The slots of a vault that need a key vault, unlocked or not.

use crate::cli::error::Error;
use crate::cli::keys::access::SlotAccess;
use crate::cli::unlock::UnlockError;
use crate::format::KeyVaultPlace;
use crate::fs::{SlotEntry, SlotStanding};

/// Those of a vault that can be seen and changed. Ones that were not made by somebody with the vault's keys
/// are left out.
///
/// # Errors
/// [`Error`] if they cannot be listed.
pub(super) fn relied_on(access: &SlotAccess) -> Result<Vec<(SlotEntry, KeyVaultPlace)>, Error> {
    let slots = access.slots()?.into_iter();
    let slots = slots.filter(|slot| slot.is_key_vault() && slot.standing.is_relied_on());
    let placed = |slot: SlotEntry| {
        let place = access.read(&slot)?.key_vault()?.clone();
        Some((slot, place))
    };
    Ok(slots.filter_map(placed).collect())
}

/// Whether the vault opens without any key vault.
pub(super) fn opens_otherwise(slots: &[SlotEntry]) -> bool {
    slots.iter().any(|slot| !slot.is_key_vault() && slot.standing <= SlotStanding::Unvouched)
}

/// There is no slot of that kind.
pub(super) fn none(access: &SlotAccess) -> Error {
    UnlockError::KeyVaultNeeded { vault: access.vault.clone(), there: false }.into()
}
