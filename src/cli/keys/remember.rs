//! `hushfs remember`: a key for this device's keyring, and its slot.
//!
//! First the note, then the key, then the slot: whatever ends this in between leaves no new slot whose
//! key nobody has, and the next run makes another one in its place.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::cli::args::RememberArgs;
use crate::cli::device::{device_name, state_path};
use crate::cli::error::Error;
use crate::cli::init::quoted;
use crate::cli::output::print;
use crate::cli::remembered::{key_in, slot_remembered};
use crate::cli::unlock::opens_with_key;
use crate::crypto::SlotId;
use crate::desktop::Keyring;
use crate::format::{RecoveryKey, SlotWay};
use crate::store::{HostDisk, VaultFolder, note_remembered};

use super::access::SlotAccess;
use super::error::KeyError;
use super::words::{cut_name, keyring_name, short_id, ways_left};

/// Has this device remember how to unlock a vault.
///
/// # Errors
/// [`Error`]; nothing is changed then, unless the text says so.
pub(in crate::cli) fn run(args: &RememberArgs) -> Result<(), Error> {
    let access = SlotAccess::open(&args.vault, &args.unlock)?;
    let keyring = Keyring::connect().map_err(KeyError::Keyring)?;
    let before = slot_remembered(access.id());
    if before.is_some() && opens_already(&access, &keyring) {
        return print(io::stdout(), "This device remembers the vault already.\n");
    }
    let state = state_path(None, access.id())?;
    let new = keep_new_key(&access, &keyring, &state).inspect_err(|_| {
        let noted = note_remembered(&HostDisk, &state, before);
        noted.unwrap_or_else(|error| log::warn!("{error}"));
    })?;
    // Of an earlier key, which the keyring has lost.
    let before = before.map(|id| id.to_string());
    for slot in access.slots()?.iter().filter(|slot| before.as_ref() == Some(&slot.id)) {
        access.remove(slot)?;
    }
    let text = format!(
        "From now on this device's keyring has a key of its own for the vault: slot {}.\n{}\n\
         Keep a password or key elsewhere, too: the keyring may be lost with this device.\n",
        short_id(new),
        ways_left(&access.slots()?)
    );
    print(io::stdout(), &text)
}

fn keep_new_key(access: &SlotAccess, keyring: &Keyring, state: &Path) -> Result<SlotId, Error> {
    let key = RecoveryKey::random();
    let way = SlotWay::of_key(access.id(), &key);
    note_remembered(&HostDisk, state, Some(way.id()))?;
    let name = access.id().to_string();
    let label = format!("hushfs: {}", quoted(&access.vault));
    keyring.keep(&name, &label, key.one_line().as_bytes()).map_err(KeyError::Keyring)?;
    access.add(way, cut_name(&keyring_name(&device_name())), None).inspect_err(|_| {
        let taken_back = keyring.remove(&name);
        taken_back.unwrap_or_else(|error| log::warn!("{error}"));
    })
}

fn opens_already(access: &SlotAccess, keyring: &Keyring) -> bool {
    let folder = VaultFolder::new(Arc::new(HostDisk), &access.vault);
    let key = key_in(keyring, access.id()).ok();
    key.and_then(|key| opens_with_key(&access.vault, &folder, key)) == Some(true)
}
