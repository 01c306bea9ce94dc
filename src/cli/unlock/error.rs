//! Why a vault is not unlocked.

use std::path::PathBuf;

use crate::cli::names::Shown as _;
use crate::crypto::StretchError;
use crate::format::{DESCRIPTOR_NAME, FormatError, KEYS_FOLDER, KeyTextError};

fn key_vault_words(vault: &std::path::Path, there: bool) -> String {
    let vault = vault.shown();
    match there {
        true => format!(
            "no password opens {vault} by itself, but one does together with a key vault: pass \
             --keyvault, and that server is asked, which counts a guess"
        ),
        false => format!("{vault} has no slot for a key vault: leave --keyvault out"),
    }
}

/// What was tried, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A password.
    Password,
    /// A 64-digit key.
    Key,
    /// What a person typed, which can be either.
    Either,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::Key => "64-digit key",
            Self::Either => "password or 64-digit key",
        })
    }
}

/// Why a vault is not unlocked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// There is no descriptor, and nothing else of a vault either.
    #[error("{} is not a vault: it has no {DESCRIPTOR_NAME}", vault.shown())]
    NotAVault {
        /// The folder.
        vault: PathBuf,
    },
    /// There are slots, but no descriptor.
    #[error(
        "{} has no {DESCRIPTOR_NAME}: it has not been downloaded yet, or “hushfs init” did not \
         finish there",
        vault.shown()
    )]
    Unfinished {
        /// The folder.
        vault: PathBuf,
    },
    /// A newer program made the vault.
    #[error("{}/{DESCRIPTOR_NAME}: {source}; a newer hushfs opens it", vault.shown())]
    Newer {
        /// The folder.
        vault: PathBuf,
        /// Which format.
        source: FormatError,
    },
    /// No slot could be tried, and some are for a newer program.
    #[error("no {tried} opens {} with this version of hushfs; a newer one may", vault.shown())]
    NewerSlots {
        /// The folder.
        vault: PathBuf,
        /// What was tried.
        tried: Tried,
    },
    /// The descriptor was changed.
    #[error("{}/{DESCRIPTOR_NAME} is damaged: {source}", vault.shown())]
    DescriptorDamaged {
        /// The folder.
        vault: PathBuf,
        /// What is wrong.
        source: FormatError,
    },
    /// Nothing is left that could open the vault.
    #[error(
        "{0}/{KEYS_FOLDER} holds no slots: they have not been downloaded yet, or were deleted. \
         Without one of its slots nothing opens this vault",
        vault.shown()
    )]
    NoSlots {
        /// The folder.
        vault: PathBuf,
    },
    /// What was tried opens none of the whole slots; it may belong to a damaged one.
    #[error(
        "wrong {tried}, or the one of a slot that is damaged: {}. Whole slots open with their \
         password or key as before; an older copy of the damaged file opens as well",
        slots.join(", ")
    )]
    SlotsDamaged {
        /// What was tried.
        tried: Tried,
        /// Paths of slots that are damaged.
        slots: Vec<String>,
    },
    /// All slots are whole, and say that they unlock another vault.
    #[error(
        "{0}/{DESCRIPTOR_NAME} is damaged, or another vault's: it does not belong to the slots in \
         {0}/{KEYS_FOLDER}",
        vault.shown()
    )]
    ForeignSlots {
        /// The folder.
        vault: PathBuf,
    },
    /// All slots are whole, and none opens.
    #[error("wrong {tried}{}", hint.map(|hint| format!(" (as a key: {hint})")).unwrap_or_default())]
    Wrong {
        /// What was tried.
        tried: Tried,
        /// What keeps a text from being a key that looks as if it was meant as one.
        hint: Option<KeyTextError>,
    },
    /// The vault opens only in other ways.
    #[error("{} does not open with a {tried}", vault.shown())]
    NoSuchWay {
        /// The folder.
        vault: PathBuf,
        /// What was tried.
        tried: Tried,
    },
    /// There is a slot that needs a key vault, and that was not asked for; or it was, and there is none.
    #[error("{}", key_vault_words(vault, *there))]
    KeyVaultNeeded {
        /// The folder.
        vault: PathBuf,
        /// There is such a slot.
        there: bool,
    },
    /// The key vault was of no use.
    #[cfg(feature = "keyvault")]
    #[error(transparent)]
    KeyVault(#[from] crate::keyvault::client::ClientError),
    /// The machine cannot stretch the password.
    #[error(transparent)]
    Stretch(StretchError),
}
