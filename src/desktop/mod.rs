//! What a desktop offers to a program: the keyring, notice of the machine's sleep, notifications, and
//! services that start at login.
//!
//! Knows nothing of vaults. Whoever asks for nothing of this has no connection and no thread of it.

#![forbid(unsafe_code)]

mod bus;
mod keyring;
mod markup;
mod notification;
mod ready;
mod service;
mod sleep;

pub use keyring::{Keyring, KeyringError};
pub use notification::{apple_script, has_session, notify};
pub use ready::tell_ready;
pub use service::{Service, place_in_unit, places_of_unit};
pub use sleep::{Prepared, SleepError, SleepNotice};
