//! `hushfs passwd`: a new password, and the old one goes.
//!
//! The new slot is durable before the old one is removed, and says whose place it takes. So whatever
//! ends this in between leaves a password that works, and the next command knows which was to go.

use std::io;
use std::path::Path;

use crate::cli::args::{PasswdArgs, UnlockArgs};
use crate::cli::ask::Ask;
use crate::cli::descriptor::claimed_id;
use crate::cli::error::Error;
use crate::cli::output::{print, say};
use crate::cli::remembered::slot_remembered;
use crate::crypto::SlotId;
use crate::fs::{SlotEntry, SlotStanding};

use super::access::{SlotAccess, find_vault};
use super::error::KeyError;
use super::new_way::{password_way, somebody_to_ask};
use super::remove::find_slot;
use super::words::{OLD_COPIES, in_words, replaced_by, short, short_id, ways_left};

/// Changes or resets the password.
///
/// # Errors
/// [`Error`]; the old password then still opens the vault, unless the text says so.
pub(in crate::cli) fn run(args: &PasswdArgs) -> Result<(), Error> {
    let what_to_pass = "--yes, and --new-password-file or --new-password-command";
    let mut terminal = somebody_to_ask(args.yes, what_to_pass)?;
    let (vault, mount) = find_vault(&args.vault)?;
    let access = match mount {
        Some(mount) if args.unlock.is_silent() => SlotAccess::through_mount(vault, mount)?,
        None if args.forgotten && !is_remembered(&vault, &args.unlock)? => {
            return Err(KeyError::NotMounted { vault }.into());
        }
        _ => SlotAccess::open_with_all(vault, &args.unlock)?,
    };
    let slots = access.slots()?;
    let unfinished = unfinished(&slots);
    for sentence in unfinished.iter().map(|(old, new)| unfinished_words(old, new)) {
        say(&sentence);
    }
    let mut old = to_replace(&slots, args.slot.as_deref(), &access.vault)?;
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
    let way = password_way(access.id(), &args.new_password, ask)?;
    let name = old.first().and_then(|slot| slot.name.clone()).unwrap_or_default();
    let replaces = old.first().and_then(|slot| SlotId::from_hex(&slot.id));
    let new = access.add(way, &name, replaces)?;

    // The one that the new slot names goes last: as long as it is there, it is known what is left.
    old.reverse();
    let earlier = unfinished.iter().map(|(old, _)| *old).filter(|slot| !old.contains(slot));
    let going: Vec<&SlotEntry> = earlier.chain(old.iter().copied()).collect();
    for slot in &going {
        access.remove(slot)?;
    }
    print(io::stdout(), &told(new, &going, &access.slots()?))
}

fn is_remembered(vault: &Path, how: &UnlockArgs) -> Result<bool, Error> {
    Ok(!how.no_keyring && slot_remembered(&claimed_id(vault)?).is_some())
}

/// The slots that the new password takes the place of: the one that was named; else those that the
/// old password opened; else the only password there is.
fn to_replace<'a>(
    slots: &'a [SlotEntry],
    named: Option<&str>,
    vault: &Path,
) -> Result<Vec<&'a SlotEntry>, KeyError> {
    if let Some(named) = named {
        let passwords: Vec<SlotEntry> =
            slots.iter().filter(|slot| slot.is_password()).cloned().collect();
        let found = find_slot(&passwords, named, vault)?;
        return Ok(slots.iter().filter(|slot| slot.id == found.id).collect());
    }
    let passwords = slots.iter().filter(|slot| {
        slot.is_password()
            && slot.standing <= SlotStanding::Unvouched
            && replaced_by(slot, slots).is_none()
    });
    let passwords: Vec<&SlotEntry> = passwords.collect();
    let opened = |slot: &&&SlotEntry| slot.standing == SlotStanding::Opened;
    let opened: Vec<&SlotEntry> = passwords.iter().filter(opened).copied().collect();
    match (&opened[..], &passwords[..]) {
        ([_, ..], _) => Ok(opened),
        ([], [] | [_]) => Ok(passwords),
        ([], _) => {
            let found: Vec<String> = passwords
                .iter()
                .map(|slot| format!("{} ({})", short(slot), in_words(slot)))
                .collect();
            Err(KeyError::WhichSlot { vault: vault.to_owned(), found: found.join(", ") })
        }
    }
}

/// Slots that were to go when a password was changed, each with the one that took its place.
fn unfinished(slots: &[SlotEntry]) -> Vec<(&SlotEntry, &SlotEntry)> {
    slots.iter().filter_map(|slot| Some((slot, replaced_by(slot, slots)?))).collect()
}

fn unfinished_words(old: &SlotEntry, new: &SlotEntry) -> String {
    format!(
        "the last change of the password was not finished, or a sync client has brought the old one \
         back: slot {} has the newer password ({}), and slot {} still opens with the one before \
         ({}). It goes together with this change",
        short(new),
        in_words(new),
        short(old),
        in_words(old)
    )
}

fn told(new: SlotId, gone: &[&SlotEntry], slots: &[SlotEntry]) -> String {
    let mut text = format!("The new password opens the vault: slot {}.\n", short_id(new));
    for slot in gone {
        text.push_str(&format!("Removed slot {}: {}.\n", short(slot), in_words(slot)));
    }
    text.push_str(&ways_left(slots));
    if !gone.is_empty() {
        text.push_str(&format!("\n{OLD_COPIES}\n"));
    }
    text
}
