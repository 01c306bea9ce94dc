//! Why a way to unlock was not added, removed or changed.

use std::path::PathBuf;

use crate::cli::names::Shown as _;
use crate::crypto::StretchError;
use crate::desktop::KeyringError;
use crate::fs::SlotChangeError;

/// Why a way to unlock was not added, removed or changed. Unless a text says otherwise, nothing has
/// changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No slot is meant.
    #[error("{} has no slot “{slot}”: “hushfs key list” shows ids and names", vault.shown())]
    NoSuchSlot {
        /// The vault.
        vault: PathBuf,
        /// What was typed.
        slot: String,
    },
    /// More than one slot is meant.
    #[error("“{slot}” can be more than one slot: {found}. Type more digits of the id")]
    Ambiguous {
        /// What was typed.
        slot: String,
        /// Ids.
        found: String,
    },
    /// Which password is to be replaced is not said.
    #[error(
        "{} has more than one password: say with --slot which of them to replace: {found}. \
         “hushfs key add --password” adds one and keeps all",
        vault.shown()
    )]
    WhichSlot {
        /// The vault.
        vault: PathBuf,
        /// Ids.
        found: String,
    },
    /// Without it, nothing opens the vault.
    #[error(
        "slot {slot} is the last one: without it nobody could ever open {} again. Add another way \
         before, with “hushfs key add”",
        vault.shown()
    )]
    LastSlot {
        /// The slot.
        slot: String,
        /// The vault.
        vault: PathBuf,
    },
    /// The others may open the vault or not.
    #[error(
        "none of the other slots of {} is known to open it: they were made by an older hushfs, are \
         damaged, or for a newer one. Unlock with the one that stays (--password-file, --key-file …) \
         to show that it does, or add another way with “hushfs key add”",
        vault.shown()
    )]
    NoneRelied {
        /// The vault.
        vault: PathBuf,
    },
    /// What stays opens the vault, but nobody has it who has lost a device.
    #[error(
        "what would stay opens {} only with the keyring of a device: who loses that device has lost \
         the vault. Add another way before, with “hushfs key add”",
        vault.shown()
    )]
    OnlyKeyrings {
        /// The vault.
        vault: PathBuf,
    },
    /// There is nothing to forget.
    #[error(
        "this device does not remember {}. Slots of other devices' keyrings go with “hushfs key remove”",
        vault.shown()
    )]
    NotRemembered {
        /// The vault.
        vault: PathBuf,
    },
    /// The keyring did not do it.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Ten wrong guesses of anybody would destroy what the others need.
    #[error(
        "all other slots of {} need a key vault, which destroys its key after wrong guesses of whoever \
         has a copy of the slot: then nobody could open the vault any more. Add another way before, with \
         “hushfs key add”",
        vault.shown()
    )]
    OnlyKeyVaults {
        /// The vault.
        vault: PathBuf,
    },
    /// There is no mount to ask.
    #[error(
        "{} is not mounted on this device by you, and not remembered: a forgotten password can only be \
         reset where the vault is unlocked, or with the 64-digit key (--key-file)",
        vault.shown()
    )]
    NotMounted {
        /// The vault.
        vault: PathBuf,
    },
    /// The mount did not do it.
    #[error("the mount at {} did not add a slot: {why}", mount_point.shown())]
    Mount {
        /// Where it is.
        mount_point: PathBuf,
        /// Why.
        why: String,
    },
    /// What the mount says is done is not to be seen.
    #[error("{} does not hold the slot that was made: {why}. It was taken back; the old ones are all there", path.shown())]
    NotInPlace {
        /// The slot.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A key would be locked up with what it opens.
    #[error(
        "{} is in the mount of the vault: it would be locked together with what it unlocks. Name a \
         file elsewhere",
        path.shown()
    )]
    InMount {
        /// The file.
        path: PathBuf,
    },
    /// It was not added or removed.
    #[error(transparent)]
    Change(#[from] SlotChangeError),
    /// The machine cannot stretch the password.
    #[error(transparent)]
    Stretch(#[from] StretchError),
    /// The person said no.
    #[error("nothing was changed")]
    Declined,
}
