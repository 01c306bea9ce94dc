//! What `rekey` says.

use std::path::Path;

use crate::cli::enable::words::what_services_keep;
use crate::cli::init::quoted;
use crate::cli::names::Shown as _;
use crate::cli::units::bytes;

/// Before anything is asked but how to unlock the vault.
pub(super) fn first_words(vault: &Path, object_bytes: u64) -> String {
    format!(
        "This makes a new vault with a new master key of all that {} holds, beside it, and puts\n\
         it in its place. It takes the room for both: {} more. Until that is complete, the vault\n\
         stays as it is.\n\n\
         On all other devices that use this vault: unmount it now, and let their sync clients finish.\n\
         What they bring into the old vault later does not come into the new one.\n",
        vault.shown(),
        bytes(object_bytes)
    )
}

/// Before the old password is asked for.
pub(super) const OLD_FIRST: &str = "First, what opens the vault as it is.";

/// Before the new password is asked for, to go on.
pub(super) fn going_on(beside: &Path) -> String {
    format!("A new vault was begun in {}. To go on: the new password or key.", beside.shown())
}

/// When a run ends whose new vault is in its place, before the old one is asked about.
pub(super) fn is_in_place(vault: &Path) -> String {
    format!(
        "{0} is the new vault now. Only its new password or key opens it: make other ways anew with\n\
         “hushfs key add” and “hushfs key sheet”. On other devices, let their sync clients finish, and\n\
         mount it anew.\n",
        vault.shown()
    )
}

/// Where the device's keyring had a key of the old vault.
pub(super) fn asks_again(vault: &Path) -> String {
    format!(
        "This device remembered the old vault. It asks how to unlock the new one, until “hushfs remember \
         {}” has it remember that.",
        quoted(vault)
    )
}

/// What no new master key takes back.
pub(super) fn what_stays(vault: &Path) -> String {
    format!(
        "Whoever has copied the old vault and knows what opened it can still read what was in it. It may\n\
         still be kept where it was uploaded to:\n{}",
        what_services_keep(&[vault])
    )
}

/// What deleting the old vault means.
pub(super) fn question(old: &Path) -> String {
    format!(
        "The old vault is in {}. Everything in it is in the new one. What another device has not\n\
         brought into it yet, or still has waiting, can only be read with the old one: delete it\n\
         when all devices have finished.",
        old.shown()
    )
}

/// That it is kept.
pub(super) fn kept(old: &Path) -> String {
    format!(
        "The old vault is kept in {0}. When no device needs it any more, delete it:\n\n    \
         rm -r {1}\n",
        old.shown(),
        quoted(old)
    )
}
