//! The keyring of this user: the Secret Service on Linux, the login keychain on macOS.

#[cfg(target_os = "macos")]
mod keychain;
// Tested on every system.
#[cfg(any(target_os = "macos", test))]
mod keychain_status;
#[cfg(target_os = "linux")]
mod secret_service;

#[cfg(target_os = "macos")]
pub use keychain::Keyring;
#[cfg(target_os = "linux")]
pub use secret_service::Keyring;

#[cfg(target_os = "macos")]
use keychain::{LOCKED, NO_DEFAULT, NO_KEYRING};
#[cfg(target_os = "linux")]
use secret_service::{LOCKED, NO_DEFAULT, NO_KEYRING};

/// Why the keyring was of no help. It is as before, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no session bus.
    #[error("there is no session bus to reach the keyring by ({0})")]
    NoBus(String),
    /// There is a session, and no keyring in it.
    #[error("{NO_KEYRING}")]
    NoKeyring,
    /// There is a program, and it has no keyring to put new things in.
    #[error("{NO_DEFAULT}")]
    NoDefault,
    /// What it has shows only to who unlocks it.
    #[error("{LOCKED}")]
    Locked,
    /// It is unlocked, and has no such entry.
    #[error("the keyring has no entry for it")]
    NoEntry,
    /// What was put there does not come back.
    #[error("the keyring took the entry, but does not give it back")]
    NotKept,
    /// Anything else, in its own words.
    #[error("the keyring: {0}")]
    Refused(String),
}
