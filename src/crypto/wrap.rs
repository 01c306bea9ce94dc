//! What wraps the master key in a slot: a wrapping key, and a commitment to it.
//!
//! AES-GCM-SIV does not commit to its key: a sealed message can be made that opens under many
//! chosen keys, with which one answer of a reader tests many passwords at once (Len, Grubbs and
//! Ristenpart, "Partitioning Oracle Attacks", USENIX Security 2021). So a slot also holds
//! 32 bytes that come from the same secret, and they are compared before anything is opened.

use hkdf::Hkdf;
use sha2::Sha256;

use super::keys::{COMMIT_LABEL, SlotId, VaultId, WRAP_LABEL};
use super::seal::ObjectSealer;
use super::secret::{KEY_BYTES, SecretKey};

/// Bytes of a slot's salt, and of a [`Commitment`].
pub const SALT_BYTES: usize = 32;

/// What says which wrapping key a slot was sealed with, without telling anything of it.
#[derive(Clone, Copy, Debug)]
pub struct Commitment(pub [u8; SALT_BYTES]);

impl Commitment {
    /// Compares in a time that does not depend on where the two differ.
    pub fn is(&self, other: &Self) -> bool {
        let differing = self
            .0
            .iter()
            .zip(&other.0)
            .fold(0, |differing, (a, b)| std::hint::black_box(differing | (a ^ b)));
        differing == 0
    }
}

/// Wraps and unwraps the master key in one slot.
pub struct SlotWrap {
    key: SecretKey,
    commitment: Commitment,
}

impl std::fmt::Debug for SlotWrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SlotWrap(…)")
    }
}

impl SlotWrap {
    /// Both from HKDF-SHA256(salt: the slot's, key: `secret`), where `secret` is the stretched
    /// password or the 64-digit key; info: label ‖ vault ‖ slot.
    pub fn new(
        secret: &SecretKey,
        salt: &[u8; SALT_BYTES],
        vault: &VaultId,
        slot: &SlotId,
    ) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(salt), secret.bytes());
        let derive = |label: &[u8], out: &mut [u8; KEY_BYTES]| {
            hkdf.expand_multi_info(&[label, &vault.0, &slot.0], out)
                .expect("32 bytes are less than 255 hashes");
        };
        let key = SecretKey::with(|out| derive(WRAP_LABEL, out));
        let mut commitment = Commitment([0; SALT_BYTES]);
        derive(COMMIT_LABEL, &mut commitment.0);
        Self { key, commitment }
    }

    /// From both, as another process of this machine derived them. That they belong together only
    /// whoever has the secret can tell.
    pub fn from_parts(key: SecretKey, commitment: Commitment) -> Self {
        Self { key, commitment }
    }

    /// The wrapping key: it opens this one slot, and tells nothing of the secret.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// What the slot holds in the clear, and a reader compares before it opens anything.
    pub fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// Seals and opens the slot's body.
    pub fn sealer(&self) -> ObjectSealer {
        ObjectSealer::new(self.key.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Nonce;

    #[test]
    fn wrapping_key_and_commitment_differ_by_secret_salt_vault_and_slot() {
        let (secret, vault, slot) = (SecretKey::random(), VaultId::random(), SlotId::random());
        let made = |secret: &SecretKey, salt: u8, vault: &VaultId, slot: &SlotId| {
            let wrap = SlotWrap::new(secret, &[salt; SALT_BYTES], vault, slot);
            let mut sealed = vec![0; 4 + 16];
            wrap.sealer().seal_into(Nonce::at(0), b"", b"data", &mut sealed);
            (*wrap.commitment(), sealed)
        };
        let all = [
            made(&secret, 1, &vault, &slot),
            made(&SecretKey::random(), 1, &vault, &slot),
            made(&secret, 2, &vault, &slot),
            made(&secret, 1, &VaultId::random(), &slot),
            made(&secret, 1, &vault, &SlotId::random()),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert!(!a.0.is(&b.0));
                assert_ne!(a.1, b.1);
            }
        }
        let again = made(&secret, 1, &vault, &slot);
        assert!(all[0].0.is(&again.0));
        assert_eq!(all[0].1, again.1);
    }

    #[test]
    fn the_commitment_is_hkdf_as_another_implementation_computes_it() {
        // Python's hmac and hashlib, by RFC 5869's formula.
        let wrap = SlotWrap::new(
            &SecretKey::with(|bytes| bytes.fill(2)),
            &[1; SALT_BYTES],
            &VaultId([3; 16]),
            &SlotId([4; 16]),
        );
        let hex: String = wrap.commitment().0.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(hex, "10e960e2d9be7e69c50b42cd2db41a15661f3803a4b7b9615d9b537da4b73df6");
    }

    #[test]
    fn a_commitment_is_another_if_any_bit_differs() {
        let commitment = Commitment([0x5A; SALT_BYTES]);
        for bit in 0..SALT_BYTES * 8 {
            let mut other = commitment;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!commitment.is(&other));
        }
        assert!(commitment.is(&commitment.clone()));
    }
}
