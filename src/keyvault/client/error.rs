//! Why a key vault was of no use.

use std::io;

use crate::crypto::{SlotId, StretchError};
use crate::format::ServerPin;
use crate::keyvault::protocol::Refused;

/// Why a key vault was of no use. [`Self::WrongPassword`] says that a guess was taken; in a log-in others may
/// hide one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It is not an address.
    #[error("“{0}” is not the address of a key vault: HOST or HOST:PORT is")]
    Address(String),
    /// Nobody answers, or not to the end.
    #[error("the key vault at {address} does not answer: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Somebody else answers.
    #[error(
        "what answers at {address} is not the key vault that the slot was made with: its key is \
         {found}. Nothing was sent to it. If the server has got a new key, register anew with its pin"
    )]
    OtherServer {
        /// Where.
        address: String,
        /// The pin that would fit.
        found: ServerPin,
    },
    /// Something answers that is no key vault of a version that this program knows.
    #[error("what answers at {address} does not speak as a key vault does: {what}")]
    NotAKeyVault {
        /// Where.
        address: String,
        /// What was wrong.
        what: String,
    },
    /// It says no.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The password is wrong, and a guess was taken.
    #[error("wrong password. {}", left(*.guesses_left))]
    WrongPassword {
        /// What is left.
        guesses_left: u8,
    },
    /// The machine cannot stretch the password; a guess may have been taken.
    #[error(transparent)]
    Stretch(#[from] StretchError),
    /// The password was right, and the slot is another registration's.
    #[error("slot {0} does not belong to its registration with the key vault")]
    OtherSlot(SlotId),
}

/// How many guesses are left, in words.
pub(super) fn left(guesses_left: u8) -> String {
    match guesses_left {
        0 => "That was the last guess: the key vault has destroyed its key, and this slot opens nothing \
              any more. Other ways to unlock still do"
            .to_owned(),
        1 => "1 guess is left: after another wrong one the key vault destroys its key".to_owned(),
        left @ 2..=3 => {
            format!("Only {left} guesses are left: then the key vault destroys its key")
        }
        left => format!("{left} guesses are left"),
    }
}
