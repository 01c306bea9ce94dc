//! The seed of all OPRF keys: whoever has it and a copy of the accounts can guess offline. So it can be
//! kept where it cannot be copied from.

#[cfg(feature = "keyvault-hsm")]
mod pkcs11;
#[cfg(feature = "keyvault-hsm")]
mod pkcs11_uri;
mod software;

use std::path::PathBuf;

use crate::crypto::{AccountId, RegistrationId};

#[cfg(feature = "keyvault-hsm")]
pub use pkcs11::Pkcs11Seed;
#[cfg(feature = "keyvault-hsm")]
pub use pkcs11_uri::{Pkcs11Uri, Pkcs11UriError};
pub use software::{SEED_BYTES, SoftwareSeed};

/// OPAQUE's label for the key of one credential (RFC 9807, section 5.2).
const OPRF_KEY_LABEL: &[u8] = b"OprfKey";

/// The seed did not answer.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It cannot be reached, or is not what it should be.
    #[error("the seed of the key vault cannot be used: {0}")]
    Unusable(String),
    /// The token that has it does not take the PIN.
    #[error(
        "the PIN in {} does not open the token “{token}” ({why}): put the right one there",
        file.display()
    )]
    Pin {
        /// Its label.
        token: String,
        /// Where the PIN is.
        file: PathBuf,
        /// What the token said.
        why: String,
    },
}

/// Derives OPRF keys from a seed of 64 bytes.
pub trait OprfSeed: Send + Sync {
    /// HKDF-Expand-SHA512(seed, the parts of `info` one after the other, 32 bytes): that is the first half of
    /// HMAC-SHA512(seed, info ‖ 0x01). May block, and then lets a runtime of more threads go on.
    ///
    /// # Errors
    /// [`SeedError`].
    fn expand(&self, info: &[&[u8]]) -> Result<[u8; 32], SeedError>;
}

/// What the OPRF key of one registration is derived from. The account is part of it: else the owner of one
/// account could have another one's passwords evaluated by registering, which takes no guess.
pub fn oprf_key_material(
    seed: &dyn OprfSeed,
    account: &AccountId,
    registration: &RegistrationId,
) -> Result<[u8; 32], SeedError> {
    seed.expand(&[&account.0, &registration.0, OPRF_KEY_LABEL])
}
