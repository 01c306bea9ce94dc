//! A vault that is locked, and unlocking it.

use std::path::Path;

use crate::cli::args::UnlockArgs;
#[cfg(fuzzing)]
use crate::cli::ask::Ask;
use crate::cli::descriptor::{claimed_descriptors, copies_anywhere};
use crate::cli::error::Error;
use crate::crypto::{ClassKeys, Password, SlotId, VaultId};
use crate::format::{Descriptor, ObjectName, RecoveryKey, UnverifiedDescriptor};
use crate::store::{BegunNote, VaultFolder};

use super::asking::open_as;
#[cfg(fuzzing)]
use super::asking::open_asking;
use super::candidates::Candidates;
use super::error::UnlockError;
use super::slots::Slots;

/// An unlocked vault.
#[derive(Clone, Debug)]
pub struct Unlocked {
    /// What the vault is, authenticated.
    pub descriptor: Descriptor,
    /// The keys of its objects.
    pub keys: ClassKeys,
}

/// Unlocks the vault at `vault`, which `folder` reads, as `how` says; if it says nothing, with the key in
/// the keyring where this device remembers the vault, and else asks at the terminal.
///
/// # Errors
/// [`Error::Usage`] if there is nobody to ask, [`Error::Unlock`], [`Error::Secrets`],
/// [`Error::Ask`] or [`Error::Store`].
pub fn unlock(vault: &Path, folder: &VaultFolder, how: &UnlockArgs) -> Result<Unlocked, Error> {
    unlock_saying_how(vault, folder, how).map(|(unlocked, _)| unlocked)
}

/// As [`unlock`]; says with which slot.
///
/// # Errors
/// As for [`unlock`].
pub(in crate::cli) fn unlock_saying_how(
    vault: &Path,
    folder: &VaultFolder,
    how: &UnlockArgs,
) -> Result<(Unlocked, SlotId), Error> {
    let locked = LockedVault::read(vault, folder)?;
    locked.slots.tell_of_guesses(how, &locked.id())?;
    open_as(how, &[locked.id()], &|candidates| locked.open(candidates))
}

/// As [`unlock`]; goes on trying all other slots, and says every one that opens.
///
/// # Errors
/// As for [`unlock`].
pub(in crate::cli) fn unlock_with_all(
    vault: &Path,
    folder: &VaultFolder,
    how: &UnlockArgs,
) -> Result<(Unlocked, Vec<SlotId>), Error> {
    let locked = LockedVault::read(vault, folder)?;
    locked.slots.tell_of_guesses(how, &locked.id())?;
    open_as(how, &[locked.id()], &|candidates| {
        let (unlocked, first) = locked.open(candidates)?;
        let vault = unlocked.descriptor.vault;
        Ok((unlocked, locked.slots.all_that_open(candidates, &vault, first)))
    })
}

/// Whether a password opens the vault; `None` where that cannot be found out.
pub(in crate::cli) fn opens_with_password(
    vault: &Path,
    folder: &VaultFolder,
    password: Password,
) -> Option<bool> {
    opens(vault, folder, &Candidates::password(password))
}

/// Whether a 64-digit key opens the vault; `None` where that cannot be found out.
pub(in crate::cli) fn opens_with_key(
    vault: &Path,
    folder: &VaultFolder,
    key: RecoveryKey,
) -> Option<bool> {
    opens(vault, folder, &Candidates::key(key))
}

/// Whether one of these opens the vault; `None` where that cannot be found out.
pub(in crate::cli) fn opens(
    vault: &Path,
    folder: &VaultFolder,
    candidates: &Candidates,
) -> Option<bool> {
    let locked = LockedVault::read(vault, folder).ok()?;
    match locked.open(candidates) {
        Ok(_) => Some(true),
        Err(UnlockError::Wrong { .. } | UnlockError::NoSuchWay { .. }) => Some(false),
        Err(_) => None,
    }
}

/// Unlocks by asking.
///
/// # Errors
/// As for [`unlock`].
#[cfg(fuzzing)]
pub fn unlock_asking(folder: &VaultFolder, ask: &mut dyn Ask) -> Result<Unlocked, Error> {
    let locked = LockedVault::read(folder.root(), folder)?;
    open_asking(ask, false, &|candidates| locked.open(candidates)).map(|(unlocked, _)| unlocked)
}

/// A vault's descriptor and slots as they were read.
pub(super) struct LockedVault<'a> {
    folder: &'a VaultFolder,
    /// The descriptor, and what may be copies of it, by path.
    descriptors: Vec<(String, UnverifiedDescriptor)>,
    slots: Slots,
}

impl<'a> LockedVault<'a> {
    /// The vault that it says it is.
    fn id(&self) -> VaultId {
        *self.descriptors[0].1.claimed_vault()
    }

    pub(super) fn read(vault: &Path, folder: &'a VaultFolder) -> Result<Self, Error> {
        let descriptors = claimed_descriptors(vault, folder)?;
        let slots = match Slots::read(vault, folder) {
            Err(Error::Unlock(error @ UnlockError::NoSlots { .. })) => {
                Slots::kept(vault, descriptors[0].1.claimed_vault()).ok_or(error)?
            }
            slots => slots?,
        };
        Ok(Self { folder, descriptors, slots })
    }

    pub(super) fn open(&self, candidates: &Candidates) -> Result<(Unlocked, SlotId), UnlockError> {
        let (_, first) = &self.descriptors[0];
        let vault = first.claimed_vault();
        let opened = self.slots.open_any(candidates, vault)?;
        let keys = opened.master.class_keys(vault);
        let whole = |(path, descriptor): &(String, UnverifiedDescriptor)| {
            let verified = descriptor.verify(&keys).ok()?;
            self.folder.read_from(&ObjectName::Descriptor, path);
            Some(verified)
        };
        let known = self.descriptors.iter().find_map(whole);
        let found = known.or_else(|| copies_anywhere(self.folder).iter().find_map(whole));
        let vault = self.slots.path.clone();
        let descriptor = match found {
            Some(descriptor) => descriptor,
            None => first
                .verify(&keys)
                .map_err(|source| UnlockError::DescriptorDamaged { vault, source })?,
        };
        BegunNote::forget_all(&self.slots.path);
        Ok((Unlocked { descriptor, keys }, opened.id))
    }
}
