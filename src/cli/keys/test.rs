//! `hushfs key test`.

use crate::cli::args::{TellArgs, UnlockArgs};
use crate::cli::error::Error;
use crate::cli::output::show;
use crate::fs::{SlotEntry, SlotStanding};

use super::access::{SlotAccess, find_vault};
use super::words::{in_words, short};

/// Says which slots a password or key opens, whether the vault is mounted or not.
///
/// # Errors
/// [`Error`]: of unlocking, if it opens none.
pub(super) fn run(args: &TellArgs) -> Result<(), Error> {
    let (vault, _) = find_vault(&args.vault)?;
    // What is to be tried is what a person has, not what the keyring has.
    let how = UnlockArgs { no_keyring: true, ..args.unlock.clone() };
    let mut slots = SlotAccess::open_with_all(vault, &how)?.slots()?;
    slots.retain(|slot| slot.standing == SlotStanding::Opened);
    show(&slots, args.json, || slots.iter().map(described).collect())
}

fn described(slot: &SlotEntry) -> String {
    format!("opens slot {}: {}\n", short(slot), in_words(slot))
}
