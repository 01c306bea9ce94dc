//! The key that unlocks a vault on a device that remembers it: in the system's keyring, with a slot of its
//! own, so that no password is ever kept and either can go without the other.

use crate::crypto::{SlotId, VaultId};
use crate::desktop::{Keyring, KeyringError};
use crate::format::{KeyTextError, RecoveryKey};
use crate::store::{HostDisk, default_state_folder, remembered_slot};

use super::error::Error;
use super::unlock::Candidates;
use super::unlock::UnlockError;

/// Why the keyring gives no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoKey {
    /// It did not give what it has.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// It has something else.
    #[error("what the keyring has for it is no 64-digit key: {0}")]
    NotAKey(KeyTextError),
}

/// The slot whose key this device's keyring has, if this device remembers the vault.
pub(super) fn slot_remembered(vault: &VaultId) -> Option<SlotId> {
    remembered_slot(&HostDisk, &default_state_folder(vault)?)
}

/// Unlocks with the key in the keyring. `None` if this device remembers none of the vaults, or that key is
/// of no use, which has been said then.
///
/// # Errors
/// [`Error::Unlock`] if the vault would not open whatever opens a slot.
pub(super) fn open_remembered<T>(
    vaults: &[VaultId],
    open: &dyn Fn(&Candidates) -> Result<T, UnlockError>,
) -> Result<Option<T>, Error> {
    for key in vaults.iter().filter_map(remembered_key) {
        match open(&Candidates::key(key)) {
            Ok(opened) => {
                eprintln!("hushfs: unlocked with the key in this device’s keyring");
                return Ok(Some(opened));
            }
            Err(
                error @ (UnlockError::Wrong { .. }
                | UnlockError::NoSuchWay { .. }
                | UnlockError::SlotsDamaged { .. }
                | UnlockError::NewerSlots { .. }
                | UnlockError::ForeignSlots { .. }),
            ) => log::warn!(
                "the key in this device’s keyring does not open this vault any more ({error}); \
                 “hushfs remember” makes another one, “hushfs forget” lets go of it"
            ),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// The key in the keyring. `None` if this device does not remember the vault, or if there is none to be had,
/// which has been said then.
fn remembered_key(vault: &VaultId) -> Option<RecoveryKey> {
    slot_remembered(vault)?;
    let key = Keyring::connect().map_err(NoKey::from).and_then(|keyring| key_in(&keyring, vault));
    key.inspect_err(|why| log::warn!("this device remembers the vault, but {why}")).ok()
}

/// The key that a keyring has for a vault, whether this device remembers it or not.
///
/// # Errors
/// [`NoKey`].
pub(super) fn key_in(keyring: &Keyring, vault: &VaultId) -> Result<RecoveryKey, NoKey> {
    let secret = keyring.secret(&vault.to_string())?;
    RecoveryKey::parse(std::str::from_utf8(&secret).unwrap_or_default()).map_err(NoKey::NotAKey)
}
