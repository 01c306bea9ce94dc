//! OPAQUE-3DH (RFC 9807) on ristretto255 with SHA-512, and Argon2id for the stretching.

use hkdf::Hkdf;
use opaque_ke::errors::InternalError;
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use opaque_ke::rand::{CryptoRng, Error, RngCore};
use opaque_ke::{CipherSuite, Ristretto255, TripleDh};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::crypto::{Password, StretchParameters, fill_random};

/// HKDF's info string from what Argon2id gives to as many bytes as OPAQUE wants.
const STRETCHED_LABEL: &[u8] = b"hushfs key vault 1 stretched";

/// The one suite there is.
#[derive(Debug)]
pub struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_of_opaque::Sha512>;
    type Ksf = Stretching;
}

/// Random bytes from where all others come from, for opaque-ke.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        fill_random(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        fill_random(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        fill_random(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRandom {}

/// One of OPAQUE's messages as an array: the suite fixes how long each is.
pub fn message_bytes<const N: usize>(message: &[u8]) -> [u8; N] {
    message.try_into().expect("a message of the suite is as long as the suite says")
}

/// Argon2id at the costs that the slot names, over what the OPRF made of the password: that is another
/// value for each registration, so the salt is fixed (RFC 9807, section 7).
#[derive(Clone, Copy, Debug)]
pub struct Stretching(pub StretchParameters);

impl Default for Stretching {
    fn default() -> Self {
        Self(StretchParameters::FLOOR)
    }
}

impl Ksf for Stretching {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let input = Password::new(Zeroizing::new(input.to_vec()));
        let stretched = input
            .ok()
            .and_then(|input| self.0.stretch(&input, &[0; 32]).ok())
            .ok_or(InternalError::KsfError)?;
        let mut out = GenericArray::default();
        Hkdf::<Sha256>::from_prk(stretched.bytes())
            .ok()
            .and_then(|hkdf| hkdf.expand(STRETCHED_LABEL, &mut out).ok())
            .ok_or(InternalError::KsfError)?;
        Ok(out)
    }
}
