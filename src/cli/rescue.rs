//! Unlocking a vault whose descriptor is missing or damaged: a slot knows what matters of it.

use std::path::Path;

use crate::crypto::{ClassKeys, VaultId};
use crate::format::{Descriptor, UnverifiedDescriptor};
use crate::store::VaultFolder;

use super::args::UnlockArgs;
use super::descriptor::claimed_descriptor;
use super::error::Error;
use super::unlock::{Candidates, Slots, UnlockError, open_as};

/// A vault that was unlocked with or without its descriptor.
#[derive(Debug)]
pub(super) struct Rescued {
    /// As it is in the vault, or as the slot that opened has it.
    pub(super) descriptor: Descriptor,
    /// The keys of the vault's objects.
    pub(super) keys: ClassKeys,
    /// What is wrong with the vault's own descriptor, if anything.
    pub(super) fault: Option<String>,
}

/// A vault that is not unlocked yet, of which the descriptor may be damaged.
pub(super) struct Wreck {
    slots: Slots,
    claimed: Result<UnverifiedDescriptor, Error>,
    /// Vaults that it may be, the likeliest first.
    vaults: Vec<VaultId>,
}

impl Wreck {
    /// Reads what is there of descriptor and slots.
    ///
    /// # Errors
    /// [`UnlockError::NotAVault`] if there is neither; [`UnlockError::NoSlots`] or
    /// [`Error::Store`].
    pub(super) fn read(vault: &Path, folder: &VaultFolder) -> Result<Self, Error> {
        let claimed = match claimed_descriptor(vault, folder) {
            Err(Error::Unlock(error @ UnlockError::NotAVault { .. })) => return Err(error.into()),
            claimed => claimed,
        };
        let slots = Slots::read(vault, folder)?;
        let mut vaults: Vec<VaultId> = claimed.iter().map(|c| *c.claimed_vault()).collect();
        for vault in slots.claimed_vaults() {
            if !vaults.contains(&vault) {
                vaults.push(vault);
            }
        }
        Ok(Self { slots, claimed, vaults })
    }

    /// Refuses a vault whose descriptor says that only a newer program knows it. Damage can look
    /// like that; who only reads may go on.
    ///
    /// # Errors
    /// [`UnlockError::Newer`].
    pub(super) fn refuse_newer(&self) -> Result<(), Error> {
        match &self.claimed {
            Err(Error::Unlock(UnlockError::Newer { vault, source })) => {
                let (vault, source) = (vault.clone(), source.clone());
                Err(UnlockError::Newer { vault, source }.into())
            }
            _ => Ok(()),
        }
    }

    /// Unlocks it as `how` says; asks at the terminal if it says nothing.
    ///
    /// # Errors
    /// As for [`unlock`](super::unlock::unlock), but not for a damaged descriptor.
    pub(super) fn unlock(&self, how: &UnlockArgs) -> Result<Rescued, Error> {
        open_as(how, &self.vaults, &|candidates| self.open(candidates))
    }

    /// Unlocks it with what may open a slot.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub(super) fn open(&self, candidates: &Candidates) -> Result<Rescued, UnlockError> {
        let mut first_error = None;
        for vault in &self.vaults {
            match self.slots.open_any(candidates, vault) {
                Ok(opened) => {
                    let keys = opened.master.class_keys(vault);
                    let (chunk_size, created) = (opened.chunk_size, opened.created);
                    let by_slot = Descriptor { vault: *vault, chunk_size, created };
                    let verified = match &self.claimed {
                        Ok(claimed) => claimed.verify(&keys).map_err(|error| error.to_string()),
                        Err(error) => Err(told(error)),
                    };
                    return Ok(match verified {
                        Ok(descriptor) => Rescued { descriptor, keys, fault: None },
                        Err(fault) => Rescued { descriptor: by_slot, keys, fault: Some(fault) },
                    });
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        // With no whole slot there is no vault to try, but there is an error to tell.
        let nobody = VaultId([0; 16]);
        Err(match first_error {
            Some(error) => error,
            None => match self.slots.open_any(candidates, &nobody) {
                Err(error) => error,
                Ok(_) => UnlockError::Wrong { tried: super::Tried::Either, hint: None },
            },
        })
    }
}

/// What is wrong with a descriptor, beside its name.
fn told(error: &Error) -> String {
    match error {
        Error::Unlock(UnlockError::Unfinished { .. }) => "missing".to_owned(),
        Error::Unlock(
            UnlockError::DescriptorDamaged { source, .. } | UnlockError::Newer { source, .. },
        ) => source.to_string(),
        error => error.to_string(),
    }
}
