//! `hushfs key remove`.

use std::io;
use std::path::Path;

use crate::cli::args::KeyRemoveArgs;
use crate::cli::ask::Ask;
use crate::cli::error::Error;
use crate::cli::init::affirms;
use crate::cli::output::print;
use crate::fs::SlotEntry;

use super::access::SlotAccess;
use super::error::KeyError;
use super::new_way::somebody_to_ask;
use super::words::{OLD_COPIES, in_words, short, ways_left};

/// Removes a way to unlock.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &KeyRemoveArgs) -> Result<(), Error> {
    let mut terminal = somebody_to_ask(args.yes, "--yes")?;
    let access = SlotAccess::open(&args.vault, &args.unlock)?;
    let slots = access.slots()?;
    let slot = find_slot(&slots, &args.slot, &access.vault)?;
    let what = format!("slot {}: {}", short(slot), in_words(slot));
    if let Some(terminal) = &mut terminal {
        terminal.say(&format!("This removes {what}.\n\n{OLD_COPIES}\n"))?;
        if !affirms(terminal, "to remove it")? {
            return Err(KeyError::Declined.into());
        }
    }
    access.remove(slot)?;
    let text = format!("Removed {what}.\n{}\n{OLD_COPIES}\n", ways_left(&access.slots()?));
    print(io::stdout(), &text)
}

/// The slot that is meant by the first digits of an id, at least four, or by a whole name.
///
/// # Errors
/// [`KeyError::NoSuchSlot`] or [`KeyError::Ambiguous`].
pub(super) fn find_slot<'a>(
    slots: &'a [SlotEntry],
    typed: &str,
    vault: &Path,
) -> Result<&'a SlotEntry, KeyError> {
    let digits = typed.to_ascii_lowercase();
    let is_meant = |slot: &&SlotEntry| {
        let by_id = digits.len() >= DIGITS_MIN && slot.id.starts_with(&digits);
        by_id || slot.name.as_deref() == Some(typed) || slot.files.iter().any(|file| file == typed)
    };
    let meant: Vec<&SlotEntry> = slots.iter().filter(is_meant).collect();
    match meant[..] {
        [] => Err(KeyError::NoSuchSlot { vault: vault.to_owned(), slot: typed.to_owned() }),
        [slot] => Ok(slot),
        _ => {
            let found: Vec<&str> = meant.iter().map(|slot| slot.id.as_str()).collect();
            Err(KeyError::Ambiguous { slot: typed.to_owned(), found: found.join(", ") })
        }
    }
}

/// Fewer digits of an id are not taken for one.
const DIGITS_MIN: usize = 4;
