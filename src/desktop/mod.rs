//! What a desktop offers to a program: the keyring, notice of the machine's sleep, notifications, and
//! services that start at login. What differs between systems has one signature on all of them.
//!
//! Knows nothing of vaults. Whoever asks for nothing of this has no connection and no thread of it.

#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod bus;
mod keyring;
mod markup;
mod notification;
mod ready;
mod service;
mod sleep;

pub use keyring::{Keyring, KeyringError};
pub use notification::{has_session, notify};
pub use ready::tell_ready;
pub use service::{Service, ServiceError, ServicePlaces, places_of_agent, places_of_unit};
pub use sleep::{Prepared, SleepError, SleepNotice, sleep_can_be_noticed};
