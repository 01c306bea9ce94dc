//! AES-256-GCM-SIV (RFC 8452): seal encrypts and authenticates, open is the reverse.

use aes_gcm_siv::aead::inout::InOutBuf;
use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Key};

use super::secret::KEY_BYTES;

/// Bytes that sealing adds to a message.
pub const TAG_BYTES: usize = 16;
/// Bytes of a nonce (RFC 8452).
pub const NONCE_BYTES: usize = 12;

/// Where in its object a message stands; with a key for each object, that is a nonce used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_BYTES]);

impl Nonce {
    /// For the message at `position`: little-endian, then four zero bytes.
    pub const fn at(position: u64) -> Self {
        let p = position.to_le_bytes();
        Self([p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], 0, 0, 0, 0])
    }

    /// For a message apart from an object's run of positions; `part` is not 0.
    pub const fn of_part(part: u8) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, part])
    }
}

/// Something was not written by the holder of the key, or not for this place (I2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not authentic: changed, moved or sealed with another key")]
pub struct NotAuthentic;

/// Seals and opens the messages of one object.
pub struct ObjectSealer {
    cipher: Aes256GcmSiv,
}

impl std::fmt::Debug for ObjectSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectSealer(…)")
    }
}

impl ObjectSealer {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { cipher: Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(*key)) }
    }

    /// Seals `plain` into `sealed`, which is exactly [`TAG_BYTES`] longer.
    ///
    /// # Panics
    /// If the lengths do not fit: that is a fault in the caller, never in its input.
    pub fn seal_into(&self, nonce: Nonce, associated: &[u8], plain: &[u8], sealed: &mut [u8]) {
        let (body, tag_place) = sealed.split_at_mut(plain.len());
        let buffer = InOutBuf::new(plain, body).expect("both halves have the plain length");
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.0.into(), associated, buffer)
            .expect("a message is shorter than RFC 8452's 64 GiB");
        tag_place.copy_from_slice(&tag);
    }

    /// Seals `message` where it stands and appends the tag.
    pub fn seal_in_place(&self, nonce: Nonce, associated: &[u8], message: &mut Vec<u8>) {
        message.extend_from_slice(&[0; TAG_BYTES]);
        self.seal_slice(nonce, associated, message);
    }

    /// Seals a message where it stands, at the start of `message`; the tag takes the last
    /// [`TAG_BYTES`], of which there are no fewer.
    pub fn seal_slice(&self, nonce: Nonce, associated: &[u8], message: &mut [u8]) {
        let (body, tag_place) = message.split_at_mut(message.len() - TAG_BYTES);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.0.into(), associated, body.into())
            .expect("a message is shorter than RFC 8452's 64 GiB");
        tag_place.copy_from_slice(&tag);
    }

    /// Opens `sealed` into `plain`, which is exactly [`TAG_BYTES`] shorter.
    ///
    /// # Errors
    /// [`NotAuthentic`]; `plain` then holds nothing that came from `sealed`.
    pub fn open_into(
        &self,
        nonce: Nonce,
        associated: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), NotAuthentic> {
        let body_bytes = sealed.len().checked_sub(TAG_BYTES).ok_or(NotAuthentic)?;
        let (body, tag) = sealed.split_at(body_bytes);
        let tag: [u8; TAG_BYTES] = tag.try_into().map_err(|_| NotAuthentic)?;
        let Ok(buffer) = InOutBuf::new(body, plain) else {
            return Err(NotAuthentic);
        };
        let opened =
            self.cipher.decrypt_inout_detached(&nonce.0.into(), associated, buffer, &tag.into());
        opened.map_err(|_| {
            plain.fill(0);
            NotAuthentic
        })
    }

    /// Opens `message` where it stands and cuts off the tag.
    ///
    /// # Errors
    /// [`NotAuthentic`]; the message is gone.
    pub fn open_in_place(
        &self,
        nonce: Nonce,
        associated: &[u8],
        mut message: Vec<u8>,
    ) -> Result<Vec<u8>, NotAuthentic> {
        let body_bytes = message.len().checked_sub(TAG_BYTES).ok_or(NotAuthentic)?;
        let (body, tag) = message.split_at_mut(body_bytes);
        let tag: [u8; TAG_BYTES] = (&*tag).try_into().map_err(|_| NotAuthentic)?;
        self.cipher
            .decrypt_inout_detached(&nonce.0.into(), associated, body.into(), &tag.into())
            .map_err(|_| NotAuthentic)?;
        message.truncate(body_bytes);
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn sealing_agrees_with_rfc_8452_appendix_c_2() {
        let key: [u8; 32] = hex("0100000000000000000000000000000000000000000000000000000000000000")
            .try_into()
            .unwrap();
        let nonce = Nonce(hex("030000000000000000000000").try_into().unwrap());
        let mut sealed = vec![0; 8 + TAG_BYTES];
        ObjectSealer::new(&key).seal_into(nonce, b"", &hex("0100000000000000"), &mut sealed);
        assert_eq!(sealed, hex("c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"));
    }

    #[test]
    fn a_message_opens_only_unchanged_and_in_its_place() {
        let sealer = ObjectSealer::new(&[7; 32]);
        let mut message = b"the family's photos".to_vec();
        sealer.seal_in_place(Nonce::at(4096), b"pack", &mut message);
        let open = |nonce, associated: &[u8], m: &[u8]| {
            let mut plain = vec![0xEE; m.len().saturating_sub(TAG_BYTES)];
            let opened = sealer.open_into(nonce, associated, m, &mut plain);
            assert_eq!(
                sealer.open_in_place(nonce, associated, m.to_vec()),
                opened.map(|()| plain.clone())
            );
            opened.map(|()| plain)
        };
        assert_eq!(open(Nonce::at(4096), b"pack", &message).unwrap(), b"the family's photos");
        assert_eq!(open(Nonce::at(0), b"pack", &message), Err(NotAuthentic));
        assert_eq!(open(Nonce::at(4096), b"log", &message), Err(NotAuthentic));
        for bytes in 0..message.len() {
            assert_eq!(open(Nonce::at(4096), b"pack", &message[..bytes]), Err(NotAuthentic));
        }
        for bit in 0..message.len() * 8 {
            let mut changed = message.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(Nonce::at(4096), b"pack", &changed), Err(NotAuthentic));
        }
    }

    #[test]
    fn parts_and_positions_never_share_a_nonce() {
        assert_ne!(Nonce::of_part(1), Nonce::at(1));
        assert_ne!(Nonce::of_part(255), Nonce::at(u64::MAX));
    }
}
