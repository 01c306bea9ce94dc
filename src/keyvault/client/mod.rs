//! A device's end: registering with a key vault, and having a key given out for a password.

mod address;
mod connection;
mod error;
mod log_in;
mod register;

pub use address::ServerAddress;
pub use error::ClientError;
pub use log_in::{LoggedIn, log_in, status};
pub use register::{Registered, commit, register, unregister};

use zeroize::Zeroize;

use crate::crypto::SecretKey;

/// The first half of OPAQUE's export key, which looks random in every part: it wraps nothing but the slot.
fn first_half(mut export_key: impl AsMut<[u8]>) -> SecretKey {
    let bytes = export_key.as_mut();
    let key = SecretKey::with(|out| out.copy_from_slice(&bytes[..32]));
    bytes.zeroize();
    key
}
