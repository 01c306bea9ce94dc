//! `hushfs keyvault unregister`.

use std::io;

use crate::cli::error::Error;
use crate::cli::keys::KeyError;
use crate::cli::keys::access::SlotAccess;
use crate::cli::keys::words::{short, ways_left};
use crate::cli::output::print;
use crate::fs::SlotEntry;
use crate::keyvault::client;

use super::args::UnregisterArgs;
use super::slots;

/// Has every key vault erase what it has for the vault, and removes the slots.
///
/// # Errors
/// [`Error`]; of several slots some may be gone. The same command goes on.
pub(super) fn run(args: &UnregisterArgs) -> Result<(), Error> {
    let access = SlotAccess::open_here(&args.vault, &args.unlock)?;
    let keys = access.keys().ok_or_else(|| slots::none(&access))?;
    let account = keys.master().account_key(access.id());
    let slots = slots::relied_on(&access)?;
    if slots.is_empty() {
        return Err(slots::none(&access));
    }
    let all = access.slots()?;
    if !slots::opens_otherwise(&all) {
        return Err(KeyError::OnlyKeyVaults { vault: access.vault.clone() }.into());
    }
    // What would keep the slots from being removed is to be known before anything is erased.
    let stays = |slot: &&SlotEntry| !slot.is_key_vault() && slot.standing.is_relied_on();
    access.check_stay(&all.iter().filter(stays).collect::<Vec<_>>())?;
    let mut text = String::new();
    for (slot, place) in &slots {
        client::unregister(place, &account)?;
        text.push_str(&format!("{} has erased its key.\n", place.address()));
        access.remove(slot)?;
        text.push_str(&format!("Slot {} is removed.\n", short(slot)));
    }
    text.push_str(&ways_left(&access.slots()?));
    print(io::stdout(), &text)
}
