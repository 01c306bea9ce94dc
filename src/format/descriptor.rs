//! `hushfs.vault`: what this vault is.

use crate::crypto::{ClassKeys, Nonce, ObjectClass, ObjectId, TAG_BYTES, VaultId};

use super::attributes::Time;
use super::error::FormatError;
use super::frame::{FRAME_BYTES, Magic, array, check_magic, need, write_magic};
use super::offsets::ChunkSize;

/// AES-256-GCM-SIV, HKDF-SHA256: the one suite of format 1.
/// No descriptor of any version is longer.
pub const DESCRIPTOR_BYTES_MAX: u64 = 4096;

const SUITE: u16 = 1;

const SUITE_AT: usize = FRAME_BYTES;
const CHUNK_AT: usize = SUITE_AT + 2;
const RESERVED_AT: usize = CHUNK_AT + 4;
const VAULT_AT: usize = RESERVED_AT + 2;
const OBJECT_AT: usize = VAULT_AT + 16;
const BODY_AT: usize = OBJECT_AT + 16;
const BODY_BYTES: usize = 12;
const TOTAL_BYTES: usize = BODY_AT + BODY_BYTES + TAG_BYTES;

/// A vault's fixed properties, authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The vault.
    pub vault: VaultId,
    /// How files are cut into chunks.
    pub chunk_size: ChunkSize,
    /// When the vault was made.
    pub created: Time,
}

/// A descriptor as it was read: its vault id is needed to open a slot, and only then can the
/// rest be trusted.
#[derive(Clone, Debug)]
pub struct UnverifiedDescriptor {
    vault: VaultId,
    bytes: [u8; TOTAL_BYTES],
}

impl Descriptor {
    /// The object's bytes: header in the clear, then the sealed time of making;
    /// associated data: the header.
    pub fn seal(&self, keys: &ClassKeys) -> Vec<u8> {
        let object = ObjectId::random();
        let mut out = Vec::with_capacity(TOTAL_BYTES);
        write_magic(Magic::Descriptor, &mut out);
        out.extend_from_slice(&SUITE.to_le_bytes());
        out.extend_from_slice(&self.chunk_size.field().to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.vault.0);
        out.extend_from_slice(&object.0);
        let mut body = Vec::with_capacity(BODY_BYTES + TAG_BYTES);
        body.extend_from_slice(&self.created.secs.to_le_bytes());
        body.extend_from_slice(&self.created.nanos.to_le_bytes());
        keys.sealer(ObjectClass::Descriptor, &object).seal_in_place(Nonce::at(0), &out, &mut body);
        out.extend_from_slice(&body);
        out
    }
}

impl UnverifiedDescriptor {
    /// Checks kind, version and length; authenticates nothing.
    ///
    /// # Errors
    /// [`FormatError`], as for every format.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        check_magic(Magic::Descriptor, bytes)?;
        need(bytes, TOTAL_BYTES)?;
        if bytes.len() != TOTAL_BYTES {
            return Err(FormatError::Malformed("longer than a descriptor is"));
        }
        Ok(Self { vault: VaultId(array(bytes, VAULT_AT)), bytes: array(bytes, 0) })
    }

    /// What the object says is the vault's id. Good for finding slots and the state folder; a
    /// false one opens nothing.
    pub fn claimed_vault(&self) -> &VaultId {
        &self.vault
    }

    /// Authenticates the whole descriptor.
    ///
    /// # Errors
    /// [`FormatError::NotAuthentic`] if it was changed, [`FormatError::Malformed`] if a newer
    /// program sealed what this one does not know.
    pub fn verify(&self, keys: &ClassKeys) -> Result<Descriptor, FormatError> {
        let (header, body) = self.bytes.split_at(BODY_AT);
        let object = ObjectId(array(header, OBJECT_AT));
        let mut created = [0; BODY_BYTES];
        keys.sealer(ObjectClass::Descriptor, &object).open_into(
            Nonce::at(0),
            header,
            body,
            &mut created,
        )?;
        if u16::from_le_bytes(array(header, SUITE_AT)) != SUITE {
            return Err(FormatError::Malformed("a cipher suite that format 1 does not have"));
        }
        let created = Time {
            secs: i64::from_le_bytes(array(&created, 0)),
            nanos: u32::from_le_bytes(array(&created, 8)),
        };
        Ok(Descriptor {
            vault: self.vault,
            chunk_size: ChunkSize::new(u32::from_le_bytes(array(header, CHUNK_AT)))?,
            created: created.normal(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::MasterKey;

    #[test]
    fn a_descriptor_opens_whole_and_no_bit_of_it_can_change() {
        let descriptor = Descriptor {
            vault: VaultId::random(),
            chunk_size: ChunkSize::new(65536).unwrap(),
            created: Time { secs: 1_700_000_000, nanos: 5 },
        };
        let keys = MasterKey::random().class_keys(&descriptor.vault);
        let bytes = descriptor.seal(&keys);
        assert_eq!(UnverifiedDescriptor::parse(&bytes).unwrap().verify(&keys).unwrap(), descriptor);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = UnverifiedDescriptor::parse(&changed)
                .and_then(|d| d.verify(&MasterKey::random().class_keys(d.claimed_vault())));
            assert!(opened.is_err(), "bit {bit}");
            let opened = UnverifiedDescriptor::parse(&changed).and_then(|d| d.verify(&keys));
            assert!(opened.is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(UnverifiedDescriptor::parse(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number() {
        let mut bytes = vec![0; TOTAL_BYTES];
        bytes[..8].copy_from_slice(b"hushfs\0V");
        bytes[8] = 9;
        assert_eq!(
            UnverifiedDescriptor::parse(&bytes).unwrap_err(),
            FormatError::Newer { found: 9, known: 1 }
        );
    }
}
