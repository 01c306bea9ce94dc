//! Giving up what was begun.

use std::sync::Arc;

use crate::cli::args::RekeyArgs;
use crate::cli::descriptor::claimed_id;
use crate::cli::disable::Deletion;
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::crypto::VaultId;
use crate::format::{DATA_FOLDER, KEYS_FOLDER, LOG_FOLDER, SLOT_BYTES_MAX, UnverifiedSlot};
use crate::fs::SLOTS_MAX;
use crate::store::{HostDisk, StoreError, VaultFolder};

use super::places::{Places, hold};

/// Deletes the new vault that is not complete; the old one is untouched.
///
/// # Errors
/// [`Error::Usage`] if there is none, or if it is complete; [`Error`] for what cannot be deleted.
pub(super) fn abandon(args: &RekeyArgs) -> Result<(), Error> {
    let places = Places::find(&args.vault)?;
    let Places { vault, beside } = &places;
    if !beside.exists() {
        return Err(Error::Usage(format!("nothing was begun: there is no {}", beside.shown())));
    }
    // From then on which of the two is the old one is not told by looking.
    if places.is_complete() {
        return Err(Error::Usage(format!(
            "{} holds a whole vault: run “hushfs rekey” without --abandon, which finishes what was begun \
             in a moment",
            beside.shown()
        )));
    }
    let Some(old) = claimed_id(vault).ok() else {
        return Err(Error::Usage(format!(
            "{} is no vault: nothing is deleted beside it",
            vault.shown()
        )));
    };
    let _held = hold(beside)?;
    let folder = VaultFolder::new(Arc::new(HostDisk), beside);
    refuse_others(&folder)?;
    // Copies of the old one's slots would say that it is the old one, without its descriptor.
    if has_slot_of(&folder, &old)? {
        return Err(Error::Usage(format!(
            "{} holds slots of the vault itself: nothing is deleted",
            beside.shown()
        )));
    }
    let is_gone = Deletion::of(beside)?.carry_out(beside)?;
    println!(
        "What was begun is deleted{}. The vault is as it was.",
        if is_gone { "" } else { ", but for files that are none of it" }
    );
    Ok(())
}

/// Refuses a folder that holds something and none of what a rekey begins with.
fn refuse_others(folder: &VaultFolder) -> Result<(), Error> {
    let known = [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER];
    let names = match folder.names("") {
        Err(StoreError::Missing(_)) => Vec::new(),
        names => names?,
    };
    match names.is_empty() || known.iter().any(|name| names.iter().any(|other| other == name)) {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "{} is not what a rekey makes: nothing is deleted",
            folder.root().shown()
        ))),
    }
}

/// Whether the folder has a slot that says it is the vault's.
fn has_slot_of(folder: &VaultFolder, vault: &VaultId) -> Result<bool, StoreError> {
    let claimed_vault = |path: &String| {
        let bytes = folder.get(path, SLOT_BYTES_MAX).ok()?;
        Some(*UnverifiedSlot::parse(&bytes).ok()?.claimed_vault())
    };
    let paths = folder.slot_paths()?;
    Ok(paths.iter().take(SLOTS_MAX).any(|path| claimed_vault(path).as_ref() == Some(vault)))
}
