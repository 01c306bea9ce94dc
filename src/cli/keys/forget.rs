//! `hushfs forget`: the slot of this device's keyring goes, then the key, then the note.

use std::io;

use crate::cli::args::ForgetArgs;
use crate::cli::descriptor::claimed_id;
use crate::cli::device::state_path;
use crate::cli::error::Error;
use crate::cli::output::print;
use crate::cli::remembered::slot_remembered;
use crate::desktop::Keyring;
use crate::store::{HostDisk, note_remembered};

use super::access::{SlotAccess, find_vault};
use super::error::KeyError;
use super::words::{OLD_COPIES, in_words, short, ways_left};

/// Has this device ask again how to unlock a vault.
///
/// # Errors
/// [`Error`]; the device remembers the vault still, unless the text says otherwise.
pub(in crate::cli) fn run(args: &ForgetArgs) -> Result<(), Error> {
    let (vault, _) = find_vault(&args.vault)?;
    let id = claimed_id(&vault)?;
    let Some(remembered) = slot_remembered(&id) else {
        return Err(KeyError::NotRemembered { vault }.into());
    };
    let access = SlotAccess::open(&args.vault, &args.unlock)?;
    let mut text = "This device asks again how to unlock the vault.\n".to_owned();
    let (slots, remembered) = (access.slots()?, remembered.to_string());
    match slots.iter().find(|slot| slot.id == remembered) {
        Some(slot) => {
            access.remove(slot)?;
            text.push_str(&format!("Removed slot {}: {}.\n", short(slot), in_words(slot)));
        }
        None => text.push_str("Its slot was gone already.\n"),
    }
    let removed = Keyring::connect().and_then(|keyring| keyring.remove(&id.to_string()));
    if let Err(why) = removed {
        log::warn!("what the keyring has for the vault stays there, and opens nothing: {why}");
    }
    note_remembered(&HostDisk, &state_path(None, &id)?, None)?;
    text.push_str(&format!("{}\n{OLD_COPIES}\n", ways_left(&access.slots()?)));
    print(io::stdout(), &text)
}
