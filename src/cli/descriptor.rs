//! A vault's descriptor: under its own name, or under what a sync client has made of that.

use std::path::Path;
use std::sync::Arc;

use crate::crypto::VaultId;
use crate::format::{
    DESCRIPTOR_BYTES_MAX, DESCRIPTOR_NAME, FormatError, ObjectName, SLOT_BYTES_MAX,
    UnverifiedDescriptor, UnverifiedSlot,
};
use crate::store::{Copies, HostDisk, StoreError, VaultFolder};

use super::error::Error;
use super::unlock::{UnlockError, is_missing};

/// More copies of a descriptor than this are not tried, nor slots for what they say of it.
const TRIED_MAX: usize = 16;

/// The vault that a folder says it is.
///
/// # Errors
/// As for [`claimed_descriptor`].
pub(super) fn claimed_id(vault: &Path) -> Result<VaultId, Error> {
    let folder = VaultFolder::new(Arc::new(HostDisk), vault);
    Ok(*claimed_descriptor(vault, &folder)?.claimed_vault())
}

/// The descriptor of the vault at `vault`, which `folder` reads; nothing of it is authenticated.
///
/// # Errors
/// [`Error::Unlock`] if this is no vault, a newer one, or its descriptor is damaged;
/// [`Error::Store`].
pub fn claimed_descriptor(
    vault: &Path,
    folder: &VaultFolder,
) -> Result<UnverifiedDescriptor, Error> {
    let mut all = claimed_descriptors(vault, folder)?;
    Ok(all.swap_remove(0).1)
}

/// Whether a folder is a vault's: there is a descriptor in it, under whatever name, or what is left
/// of one.
pub(super) fn is_vault(folder: &VaultFolder) -> bool {
    folder.place(DESCRIPTOR_NAME).exists()
        || !copies(folder).is_empty()
        || !copies_anywhere(folder).is_empty()
}

/// Every file that may be the descriptor of one and the same vault, with its path below the vault;
/// the one under its own name first. There is at least one. Where they speak of several vaults, it
/// is the one that the slots are for.
///
/// # Errors
/// As for [`claimed_descriptor`].
pub(super) fn claimed_descriptors(
    vault: &Path,
    folder: &VaultFolder,
) -> Result<Vec<(String, UnverifiedDescriptor)>, Error> {
    let own = own_descriptor(vault, folder);
    if let Err(error @ Error::Unlock(UnlockError::Newer { .. })) = own {
        return Err(error);
    }
    let own = own.map(|descriptor| (DESCRIPTOR_NAME.to_owned(), descriptor));
    let mut all = match own {
        Ok(own) => vec![own],
        Err(error) => {
            let copies = copies(folder);
            let copies = if copies.is_empty() { copies_anywhere(folder) } else { copies };
            return match copies.is_empty() {
                true => Err(error),
                false => Ok(of_one_vault(folder, copies)),
            };
        }
    };
    all.extend(copies(folder));
    Ok(of_one_vault(folder, all))
}

fn own_descriptor(vault: &Path, folder: &VaultFolder) -> Result<UnverifiedDescriptor, Error> {
    let path = vault.to_owned();
    let bytes = match folder.get(DESCRIPTOR_NAME, DESCRIPTOR_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if is_missing(&error) => {
            let has_slots = folder.slot_paths().is_ok_and(|paths| !paths.is_empty());
            return Err(Error::Unlock(match has_slots {
                true => UnlockError::Unfinished { vault: path },
                false => UnlockError::NotAVault { vault: path },
            }));
        }
        Err(error) => return Err(error.into()),
    };
    UnverifiedDescriptor::parse(&bytes).map_err(|source| {
        Error::Unlock(match source {
            FormatError::Newer { .. } => UnlockError::Newer { vault: path, source },
            source => UnlockError::DescriptorDamaged { vault: path, source },
        })
    })
}

/// Files under other names that may be a descriptor by name and form, where a renamed one mostly is.
fn copies(folder: &VaultFolder) -> Vec<(String, UnverifiedDescriptor)> {
    folder.copies_beside().map_or_else(|_| Vec::new(), |copies| of_form(folder, &copies))
}

/// Such files wherever they are in the vault; to be looked for where nothing else helps.
pub(super) fn copies_anywhere(folder: &VaultFolder) -> Vec<(String, UnverifiedDescriptor)> {
    folder.listing().map_or_else(|_| Vec::new(), |listing| of_form(folder, &listing.copies))
}

fn of_form(folder: &VaultFolder, copies: &Copies) -> Vec<(String, UnverifiedDescriptor)> {
    let mut paths = copies.get(&ObjectName::Descriptor).cloned().unwrap_or_default();
    paths.sort_unstable();
    let parsed = paths.into_iter().take(TRIED_MAX).filter_map(|path| {
        let bytes = folder.get(&path, DESCRIPTOR_BYTES_MAX).ok()?;
        Some((path, UnverifiedDescriptor::parse(&bytes).ok()?))
    });
    parsed.collect()
}

fn of_one_vault(
    folder: &VaultFolder,
    mut all: Vec<(String, UnverifiedDescriptor)>,
) -> Vec<(String, UnverifiedDescriptor)> {
    let is_one = all.windows(2).all(|pair| pair[0].1.claimed_vault() == pair[1].1.claimed_vault());
    if !is_one {
        let by_slots = vaults_of_slots(folder);
        let claimed = all.iter().map(|(_, descriptor)| *descriptor.claimed_vault());
        let known = claimed.clone().find(|vault| by_slots.contains(vault));
        if let Some(vault) = known.or_else(|| claimed.clone().next()) {
            all.retain(|(_, descriptor)| *descriptor.claimed_vault() == vault);
        }
    }
    all
}

/// The vaults that whole slots say they unlock.
fn vaults_of_slots(folder: &VaultFolder) -> Vec<VaultId> {
    let paths = folder.slot_paths().unwrap_or_default();
    let bytes = |path: String| -> Result<Vec<u8>, StoreError> { folder.get(&path, SLOT_BYTES_MAX) };
    let slots = paths.into_iter().take(TRIED_MAX).filter_map(|path| bytes(path).ok());
    let slots = slots.filter_map(|bytes| UnverifiedSlot::parse(&bytes).ok());
    slots.map(|slot| *slot.claimed_vault()).collect()
}
