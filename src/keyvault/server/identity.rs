//! What makes a server this one, on every machine that shares its store: the keys that records and slots
//! were made for.

use opaque_ke::Ristretto255;
use opaque_ke::key_exchange::group::Group;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keyvault::protocol::SystemRandom;
use crate::keyvault::seed::{OprfSeed, SEED_BYTES, SeedError, SoftwareSeed};

/// What an identity's bytes start with: the version of their format.
const FORMAT: u8 = 1;
/// What a token's seed is asked for, so that another token is not taken for it.
const TOKEN_CHECK: &[u8] = b"hushfs key vault 1 seed check";

/// Why a server cannot be this one.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// What the store holds is not what was stored.
    #[error("the server's keys in the store are damaged, or a newer hushfs's")]
    Damaged,
    /// The accounts belong to a seed in a token.
    #[error("this store belongs to a seed in a PKCS#11 token: pass --hsm")]
    TokenNeeded,
    /// The accounts belong to the seed in the store.
    #[error("this store was made without --hsm, and has its own seed: start without --hsm")]
    TokenNotExpected,
    /// Another token, or another key in it.
    #[error("the seed in the token is not the one that this store was made with")]
    OtherToken,
    /// The token does not answer.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// No keys could be made.
    #[error("no TLS key could be made: {0}")]
    Tls(#[from] rcgen::Error),
}

/// Where the seed of the OPRF keys is.
#[derive(Serialize, Deserialize)]
enum SeedPlace {
    /// Here: whoever copies the store has it.
    Here(#[serde(with = "serde_bytes")] Vec<u8>),
    /// In a token; and what it gives for [`TOKEN_CHECK`].
    Token(#[serde(with = "serde_bytes")] [u8; 32]),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    /// OPAQUE's static key of the server, which clients find in their envelopes.
    #[serde(with = "serde_bytes")]
    exchange_key: [u8; 32],
    seed: SeedPlace,
    /// The TLS key that slots pin, unless another one is named (PKCS#8, DER).
    #[serde(with = "serde_bytes")]
    tls_key: Vec<u8>,
}

/// The server's keys. `Debug` never prints them.
pub struct Identity {
    pub(super) exchange_key: Zeroizing<[u8; 32]>,
    pub(super) seed: Box<dyn OprfSeed>,
    pub(super) tls_key: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// Bytes of new keys, for [`Store::identity`](crate::keyvault::store::Store::identity). With a token the
    /// seed stays in it.
    ///
    /// # Errors
    /// [`IdentityError::Seed`] or [`IdentityError::Tls`].
    pub fn fresh(token: Option<&dyn OprfSeed>) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let seed = match token {
            Some(token) => SeedPlace::Token(token.expand(&[TOKEN_CHECK])?),
            None => SeedPlace::Here(SoftwareSeed::random().bytes().to_vec()),
        };
        let stored = Stored {
            exchange_key: Ristretto255::serialize_sk(&Ristretto255::random_sk(&mut SystemRandom))
                .into(),
            seed,
            tls_key: rcgen::KeyPair::generate()?.serialize_der(),
        };
        let bytes = postcard::to_extend(&stored, vec![FORMAT]);
        Ok(Zeroizing::new(bytes.expect("a vector takes as much as there is")))
    }

    /// From what the store holds, and the token if there is one.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn open(bytes: &[u8], token: Option<Box<dyn OprfSeed>>) -> Result<Self, IdentityError> {
        let stored: Stored = match bytes.split_first() {
            Some((&FORMAT, rest)) => {
                postcard::from_bytes(rest).map_err(|_| IdentityError::Damaged)?
            }
            _ => return Err(IdentityError::Damaged),
        };
        let seed: Box<dyn OprfSeed> = match (stored.seed, token) {
            (SeedPlace::Here(seed), None) => {
                let seed: [u8; SEED_BYTES] = seed.try_into().map_err(|_| IdentityError::Damaged)?;
                Box::new(SoftwareSeed::from_bytes(Zeroizing::new(seed)))
            }
            (SeedPlace::Here(_), Some(_)) => return Err(IdentityError::TokenNotExpected),
            (SeedPlace::Token(_), None) => return Err(IdentityError::TokenNeeded),
            (SeedPlace::Token(check), Some(token)) => {
                match token.expand(&[TOKEN_CHECK])? == check {
                    true => token,
                    false => return Err(IdentityError::OtherToken),
                }
            }
        };
        Ok(Self {
            exchange_key: Zeroizing::new(stored.exchange_key),
            seed,
            tls_key: Zeroizing::new(stored.tls_key),
        })
    }
}
