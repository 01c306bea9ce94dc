//! Keys, sealing and opening, password stretching, secret memory. Knows no files.

mod account;
mod keys;
mod random;
mod seal;
mod secret;
mod stretch;
mod wrap;

pub use account::AccountId;
#[cfg(feature = "keyvault")]
pub use account::{AccountKey, AccountPublicKey, BadSignature, SIGNATURE_BYTES};
pub use keys::{ClassKeys, MasterKey, ObjectClass, ObjectId, RegistrationId, SlotId, VaultId};
pub(crate) use random::fill_random;
#[cfg(simulation)]
pub use random::simulated;
pub use seal::{NONCE_BYTES, Nonce, NotAuthentic, ObjectSealer, TAG_BYTES};
pub use secret::SecretKey;
pub use stretch::{Cost, EmptyPassword, Password, STRETCH_TARGET, StretchError, StretchParameters};
pub use wrap::{Commitment, SALT_BYTES, SlotWrap};
