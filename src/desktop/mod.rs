//! What a desktop offers to a program: the keyring, notice of the machine's sleep, notifications, and
//! services that start at login.
//!
//! Knows nothing of vaults. Whoever asks for nothing of this has no connection and no thread of it.

#![forbid(unsafe_code)]

mod bus;
mod keyring;

pub use keyring::{Keyring, KeyringError};
