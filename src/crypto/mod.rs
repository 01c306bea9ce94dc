//! Keys, sealing and opening, password stretching, secret memory. Knows no files.

mod keys;
mod seal;
mod secret;
mod stretch;
mod wrap;

pub(crate) use keys::fill_random;
pub use keys::{ClassKeys, MasterKey, ObjectClass, ObjectId, SlotId, VaultId};
pub use seal::{NONCE_BYTES, Nonce, NotAuthentic, ObjectSealer, TAG_BYTES};
pub use secret::SecretKey;
pub use stretch::{Cost, EmptyPassword, Password, STRETCH_TARGET, StretchError, StretchParameters};
pub use wrap::{Commitment, SALT_BYTES, SlotWrap};
