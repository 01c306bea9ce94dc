//! Keys, sealing and opening, password stretching, secret memory. Knows no files.

mod keys;
mod seal;
mod secret;

pub(crate) use keys::fill_random;
pub use keys::{ClassKeys, MasterKey, ObjectClass, ObjectId, VaultId};
pub use seal::{NONCE_BYTES, Nonce, NotAuthentic, ObjectSealer, TAG_BYTES};
pub use secret::SecretKey;
