//! A seed in this process's memory.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::Zeroizing;

use crate::crypto::fill_random;

use super::{OprfSeed, SeedError};

/// Bytes of a seed.
pub const SEED_BYTES: usize = 64;

/// A seed that is stored with the accounts. `Debug` never prints it.
pub struct SoftwareSeed(Zeroizing<[u8; SEED_BYTES]>);

impl SoftwareSeed {
    /// 512 random bits.
    pub fn random() -> Self {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        fill_random(&mut *seed);
        Self(seed)
    }

    /// As it was stored.
    pub fn from_bytes(seed: Zeroizing<[u8; SEED_BYTES]>) -> Self {
        Self(seed)
    }

    /// To be stored.
    pub fn bytes(&self) -> &[u8; SEED_BYTES] {
        &self.0
    }
}

impl fmt::Debug for SoftwareSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareSeed(…)")
    }
}

impl OprfSeed for SoftwareSeed {
    fn expand(&self, info: &[&[u8]]) -> Result<[u8; 32], SeedError> {
        let mut mac =
            Hmac::<Sha512>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        info.iter().for_each(|part| mac.update(part));
        mac.update(&[1]);
        let mut out = [0; 32];
        out.copy_from_slice(&mac.finalize().into_bytes()[..32]);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use hkdf::Hkdf;

    use super::*;

    #[test]
    fn it_is_what_hkdf_expands() {
        let seed = SoftwareSeed::random();
        let hkdf = Hkdf::<Sha512>::from_prk(seed.bytes()).unwrap();
        let mut expected = [0; 32];
        hkdf.expand_multi_info(&[b"account", b"registration", b"OprfKey"], &mut expected).unwrap();
        assert_eq!(seed.expand(&[b"account", b"registration", b"OprfKey"]).unwrap(), expected);
        assert_eq!(format!("{seed:?}"), "SoftwareSeed(…)");
    }
}
