//! A vault's account with key vaults: its id, and the key that signs what its owner asks for.

use std::fmt;

#[cfg(feature = "keyvault")]
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
#[cfg(feature = "keyvault")]
use sha2::{Digest, Sha256};

#[cfg(feature = "keyvault")]
use super::secret::SecretKey;

/// Bytes of a signature.
#[cfg(feature = "keyvault")]
pub const SIGNATURE_BYTES: usize = 64;

/// What is hashed into an account's id is this, then the public key.
#[cfg(feature = "keyvault")]
const ID_LABEL: &[u8] = b"hushfs 1 key vault account id";

/// Names a vault's account: a hash of its public key, so that nobody can take it who has not the
/// vault's master key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub [u8; 32]);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

/// A signature does not fit: somebody else's, or of something else.
#[cfg(feature = "keyvault")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct BadSignature;

/// Checks what an account's key has signed.
#[cfg(feature = "keyvault")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPublicKey(pub [u8; 32]);

#[cfg(feature = "keyvault")]
impl AccountPublicKey {
    /// SHA-256(`ID_LABEL` ‖ public key).
    pub fn id(&self) -> AccountId {
        let hash = Sha256::new().chain_update(ID_LABEL).chain_update(self.0);
        AccountId(hash.finalize().into())
    }

    /// Whether this account's key has signed `message`. Keys and signatures that fit more than one
    /// are refused.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), BadSignature> {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
            .map_err(|_| BadSignature)
    }
}

/// Signs as a vault's owner (Ed25519). Whoever has it has had the master key.
#[cfg(feature = "keyvault")]
#[derive(Debug)]
pub struct AccountKey(SecretKey);

#[cfg(feature = "keyvault")]
impl AccountKey {
    pub(super) fn from_seed(seed: SecretKey) -> Self {
        Self(seed)
    }

    /// What checks its signatures.
    pub fn public_key(&self) -> AccountPublicKey {
        AccountPublicKey(SigningKey::from_bytes(self.0.bytes()).verifying_key().to_bytes())
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        SigningKey::from_bytes(self.0.bytes()).sign(message).to_bytes()
    }
}

#[cfg(all(test, feature = "keyvault"))]
mod tests {
    use super::super::{MasterKey, VaultId};
    use super::*;

    #[test]
    fn an_account_belongs_to_one_master_key_and_vault_and_its_signature_to_one_message() {
        let (master, vault) = (MasterKey::random(), VaultId::random());
        let key = master.account_key(&vault);
        assert_eq!(key.public_key(), master.account_key(&vault).public_key());
        let others =
            [master.account_key(&VaultId::random()), MasterKey::random().account_key(&vault)];
        for other in others {
            assert_ne!(key.public_key().id(), other.public_key().id());
            assert_eq!(key.public_key().verify(b"a", &other.sign(b"a")), Err(BadSignature));
        }
        let signature = key.sign(b"a");
        assert_eq!(key.public_key().verify(b"a", &signature), Ok(()));
        assert_eq!(key.public_key().verify(b"b", &signature), Err(BadSignature));
        // A key of small order fits everything.
        assert_eq!(AccountPublicKey([0; 32]).verify(b"a", &[0; 64]), Err(BadSignature));
    }
}
