//! Opening a slot together with its key vault.

use std::sync::Arc;

use crate::cli::unlock::UnlockError;
use crate::crypto::{ClassKeys, Password, VaultId};
use crate::format::{KeyVaultPlace, OpenedSlot, SlotError, UnverifiedSlot};
use crate::keyvault::client::{ClientError, log_in, status};
use crate::keyvault::protocol::{Age, Told};
use crate::store::{HostDisk, KeyVaultSeen, StateFolder, default_state_folder};

/// From so few guesses on it is said before a password is typed.
const FEW_GUESSES: u8 = 3;

/// Tries a password with each key vault that has something for the vault until one opens; `None` if there
/// is no slot for one. Each takes a guess.
pub(in crate::cli) fn open_any<'s>(
    slots: impl Iterator<Item = &'s UnverifiedSlot>,
    password: &Password,
    vault: &VaultId,
) -> Option<Result<OpenedSlot, UnlockError>> {
    let mut failed: Option<UnlockError> = None;
    for (slot, place) in of_vault(slots, vault) {
        match open(slot, place, password, vault) {
            Ok(opened) => return Some(Ok(opened)),
            // A wrong password is what whoever typed it can do something about.
            Err(error) => match failed {
                Some(UnlockError::KeyVault(ClientError::WrongPassword { .. })) => {}
                _ => failed = Some(error),
            },
        }
    }
    failed.map(Err)
}

/// Says how many guesses are left, where they are few; `None` if there is no slot for a key vault.
pub(in crate::cli) fn tell_of_guesses<'s>(
    slots: impl Iterator<Item = &'s UnverifiedSlot>,
    vault: &VaultId,
) -> Option<Result<(), UnlockError>> {
    let mut found = None;
    for (_, place) in of_vault(slots, vault) {
        let told = status(place).and_then(|told| match told.refusal() {
            Some(refused) => Err(refused.into()),
            None => Ok(told.guesses_left),
        });
        match told {
            Ok(left) => {
                if left <= FEW_GUESSES {
                    let guesses = if left == 1 { "guess" } else { "guesses" };
                    eprintln!(
                        "hushfs: the key vault at {} leaves {left} {guesses}: after that many wrong \
                         passwords it destroys its key",
                        place.address()
                    );
                }
                found = Some(Ok(()));
            }
            // One that can be asked is enough.
            Err(error) if found.is_none() => found = Some(Err(error.into())),
            Err(error) => log::info!("{}: {error}", place.address()),
        }
    }
    found
}

fn of_vault<'s>(
    slots: impl Iterator<Item = &'s UnverifiedSlot>,
    vault: &VaultId,
) -> impl Iterator<Item = (&'s UnverifiedSlot, &'s KeyVaultPlace)> {
    slots
        .filter(move |slot| slot.claimed_vault() == vault)
        .filter_map(|slot| Some((slot, slot.key_vault()?)))
}

fn open(
    slot: &UnverifiedSlot,
    place: &KeyVaultPlace,
    password: &Password,
    vault: &VaultId,
) -> Result<OpenedSlot, UnlockError> {
    let stretch = match slot.stretch() {
        Err(SlotError::Stretch(error)) => return Err(UnlockError::Stretch(error)),
        stretch => stretch.map_err(|_| ClientError::OtherSlot(*slot.claimed_id()))?,
    };
    let logged_in = log_in(place, password, stretch)?;
    let opened = slot
        .open_with_key_vault(&logged_in.export_key, vault)
        .map_err(|_| ClientError::OtherSlot(*slot.claimed_id()))?;
    match logged_in.told {
        Ok(told) => check_age(vault, &opened.master.class_keys(vault), place, told),
        Err(error) => log::warn!(
            "the password was right, but the key vault at {} may not know, and count it as a wrong \
             guess: {error}",
            place.address()
        ),
    }
    Ok(opened)
}

/// Says it if the key vault has gone back to an older state, or came from a backup: somebody may have had
/// more guesses than it counts.
fn check_age(vault: &VaultId, keys: &ClassKeys, place: &KeyVaultPlace, told: Told) {
    let Some(root) = default_state_folder(vault).filter(|root| root.is_dir()) else { return };
    let state = StateFolder::existing(Arc::new(HostDisk), root);
    let (account, age) = (place.account, told.age);
    // What cannot be read is started anew: nothing hangs on it.
    let seen = state.key_vault_seen(keys).ok().flatten();
    let seen = seen.filter(|seen| seen.account == account && seen.address == place.address());
    if let Some(words) = seen.as_ref().and_then(|seen| went_back(seen, age)) {
        eprintln!(
            "hushfs: the key vault at {} {words}. Whoever did that may have had more guesses at the \
             password than it counts: if it was not meant, choose another password (“hushfs keyvault \
             reset”)",
            place.address()
        );
    }
    let now = KeyVaultSeen {
        account,
        address: place.address().to_owned(),
        generation: age.generation,
        restores: age.restores,
    };
    if seen.as_ref() != Some(&now)
        && let Err(error) = state.set_key_vault_seen(keys, &now)
    {
        log::warn!("how old the key vault's account is was not noted: {error}");
    }
}

fn went_back(seen: &KeyVaultSeen, age: Age) -> Option<&'static str> {
    if age.restores > seen.restores {
        return Some("was restored from a backup since this device used it last");
    }
    let is_older = age.generation < seen.generation || age.restores < seen.restores;
    is_older.then_some("has gone back to an older state than this device has seen")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::AccountId;

    #[test]
    fn a_key_vault_that_went_back_is_noticed() {
        let seen = KeyVaultSeen {
            account: AccountId([1; 32]),
            address: "a:1".to_owned(),
            generation: 7,
            restores: 1,
        };
        let told = |generation, restores| went_back(&seen, Age { generation, restores });
        assert_eq!(told(7, 1), None);
        assert_eq!(told(9, 1), None);
        assert!(told(6, 1).unwrap().contains("older state"));
        assert!(told(9, 0).unwrap().contains("older state"));
        assert!(told(3, 2).unwrap().contains("backup"));
    }
}
