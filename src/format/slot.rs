//! `keys/….key`: a slot, which is the master key wrapped with one way to unlock the vault.
//!
//! A slot ends in a checksum that needs no key, so that a changed byte is told apart from a wrong
//! password: salt, parameters and commitment decide what the password becomes, and with another
//! one of those the right password looks like a wrong one. It finds accidents. Against tampering
//! stand the seal and the commitment alone.

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::crypto::{
    ClassKeys, Nonce, ObjectClass, ObjectId, Password, SALT_BYTES, SlotId, StretchError,
    StretchParameters, TAG_BYTES, VaultId,
};

use super::attributes::Time;
use super::error::FormatError;
use super::frame::{FRAME_BYTES, Magic, array, write_magic};
use super::ids::DeviceId;
use super::key_text::RecoveryKey;
use super::offsets::ChunkSize;
use super::slot_note::{NOTE_BYTES, SlotNote};
use super::slot_way::SlotWay;

/// The longest label, in bytes of UTF-8; likewise for the name of the device that made a slot.
pub const LABEL_BYTES_MAX: usize = 64;
/// No slot of any kind or version is longer.
pub const SLOT_BYTES_MAX: u64 = 4096;

pub(super) const KIND_AT: usize = FRAME_BYTES;
pub(super) const MEMORY_AT: usize = KIND_AT + 2;
pub(super) const PASSES_AT: usize = MEMORY_AT + 4;
pub(super) const LANES_AT: usize = PASSES_AT + 4;
pub(super) const VAULT_AT: usize = LANES_AT + 4;
pub(super) const SLOT_AT: usize = VAULT_AT + 16;
pub(super) const SALT_AT: usize = SLOT_AT + 16;
pub(super) const COMMITMENT_AT: usize = SALT_AT + SALT_BYTES;
pub(super) const BODY_AT: usize = COMMITMENT_AT + SALT_BYTES;

pub(super) const MASTER_AT: usize = 0;
pub(super) const SECS_AT: usize = MASTER_AT + 32;
pub(super) const NANOS_AT: usize = SECS_AT + 8;
pub(super) const LABEL_LEN_AT: usize = NANOS_AT + 4;
pub(super) const LABEL_AT: usize = LABEL_LEN_AT + 1;
pub(super) const CHUNK_BITS_AT: usize = LABEL_AT + LABEL_BYTES_MAX;
const RESERVED_AT: usize = CHUNK_BITS_AT + 1;
pub(super) const BODY_BYTES: usize = RESERVED_AT + 2;

/// Version 1 has no note: its checksum follows here.
pub(super) const NOTE_AT: usize = BODY_AT + BODY_BYTES + TAG_BYTES;
pub(super) const CHECKSUM_BYTES: usize = 16;
/// Bytes of a slot of version 1.
pub(super) const FIRST_TOTAL_BYTES: usize = NOTE_AT + CHECKSUM_BYTES;
const CHECKSUM_AT: usize = NOTE_AT + NOTE_BYTES + TAG_BYTES;
/// Bytes of a slot of version 2. One of kind key vault has `KEY_VAULT_BYTES` more, before its body.
pub(super) const TOTAL_BYTES: usize = CHECKSUM_AT + CHECKSUM_BYTES;

/// The ways to unlock that a slot can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A password, stretched.
    Password,
    /// A 64-digit key.
    RecoveryKey,
    /// A password and a key vault: neither does without the other.
    KeyVault,
}

impl SlotKind {
    pub(super) const fn field(self) -> u16 {
        match self {
            Self::Password => 1,
            Self::RecoveryKey => 2,
            Self::KeyVault => 3,
        }
    }

    pub(super) const fn from_field(field: u16) -> Option<Self> {
        match field {
            1 => Some(Self::Password),
            2 => Some(Self::RecoveryKey),
            3 => Some(Self::KeyVault),
            _ => None,
        }
    }
}

impl std::fmt::Display for SlotKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::RecoveryKey => "64-digit key",
            Self::KeyVault => "key vault",
        })
    }
}

/// Why a slot does not open. The master key was not touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// The slot is whole, and was not made with this password.
    #[error("wrong password")]
    WrongPassword,
    /// The slot is whole, and is not of the registration that the key vault has logged in to.
    #[error("not the slot of this registration with a key vault")]
    WrongRegistration,
    /// The slot is whole, and was not made with this 64-digit key.
    #[error("wrong 64-digit key")]
    WrongKey,
    /// The slot opens another way than the one that was tried.
    #[error("opens with a {0}")]
    OtherKind(SlotKind),
    /// A way to unlock that this version does not know, in a slot that is whole.
    #[error("a way to unlock that this hushfs does not know (number {0})")]
    UnknownKind(u16),
    /// The slot belongs to another vault.
    #[error("the slot of another vault")]
    OtherVault,
    /// Somebody wants the password to be stretched too little or too much.
    #[error(transparent)]
    Stretch(#[from] StretchError),
    /// Bytes of the slot were changed or lost: not the password's fault.
    #[error("damaged: {0}")]
    Damaged(FormatError),
    /// A newer program made this slot.
    #[error(transparent)]
    Newer(FormatError),
}

/// What a new slot is to say of itself.
#[derive(Clone, Debug)]
pub struct SlotDraft<'a> {
    /// The vault that it unlocks.
    pub vault: &'a VaultId,
    /// When it is made.
    pub created: Time,
    /// The vault's chunk size: with it, slot and packs are enough to get files back where the
    /// descriptor is lost.
    pub chunk_size: ChunkSize,
    /// What its owner calls it; cut to [`LABEL_BYTES_MAX`] bytes. Only the unlocked vault shows it.
    pub label: &'a str,
    /// The device that makes it, if it has a number in this vault.
    pub device: Option<DeviceId>,
    /// What that device is called; cut likewise.
    pub device_name: &'a str,
    /// The slot that it takes the place of: who finds both knows that the other one was to go.
    pub replaces: Option<SlotId>,
}

/// A slot ready to be stored.
#[derive(Clone, Debug)]
pub struct SealedSlot {
    /// Its id, and so its name.
    pub id: SlotId,
    /// The object's bytes.
    pub bytes: Vec<u8>,
}

impl SlotDraft<'_> {
    /// Wraps the master key with `password`.
    ///
    /// # Errors
    /// [`StretchError::OutOfMemory`].
    pub fn seal_password(
        &self,
        keys: &ClassKeys,
        password: &Password,
        stretch: StretchParameters,
    ) -> Result<SealedSlot, StretchError> {
        Ok(self.seal(keys, &SlotWay::of_password(self.vault, password, stretch)?))
    }

    /// Wraps the master key with a 64-digit key.
    pub fn seal_key(&self, keys: &ClassKeys, key: &RecoveryKey) -> SealedSlot {
        self.seal(keys, &SlotWay::of_key(self.vault, key))
    }

    /// Wraps the master key in a way made for this vault.
    ///
    /// Header in the clear, then the sealed body; associated data: the header, which is all that
    /// stands before the body. Then the sealed note; associated data: all before it. Then the
    /// checksum of everything before it.
    pub fn seal(&self, keys: &ClassKeys, way: &SlotWay) -> SealedSlot {
        let mut bytes = Vec::with_capacity(TOTAL_BYTES);
        write_magic(Magic::Slot, &mut bytes);
        bytes.extend_from_slice(&way.kind.field().to_le_bytes());
        for cost in way.costs {
            bytes.extend_from_slice(&cost.to_le_bytes());
        }
        bytes.extend_from_slice(&self.vault.0);
        bytes.extend_from_slice(&way.id.0);
        bytes.extend_from_slice(&way.salt);
        bytes.extend_from_slice(&way.wrap.commitment().0);
        if let Some(place) = &way.key_vault {
            bytes.extend_from_slice(&place.to_bytes());
        }

        let label = cut_to(self.label, LABEL_BYTES_MAX);
        let mut body = [0; BODY_BYTES];
        body[MASTER_AT..SECS_AT].copy_from_slice(keys.master().secret().bytes());
        body[SECS_AT..NANOS_AT].copy_from_slice(&self.created.secs.to_le_bytes());
        body[NANOS_AT..LABEL_LEN_AT].copy_from_slice(&self.created.nanos.to_le_bytes());
        put_text(&mut body[LABEL_LEN_AT..CHUNK_BITS_AT], label);
        body[CHUNK_BITS_AT] = self.chunk_size.bits();
        let mut sealed = [0; BODY_BYTES + TAG_BYTES];
        way.wrap.sealer().seal_into(Nonce::at(0), &bytes, &body, &mut sealed);
        body.zeroize();
        bytes.extend_from_slice(&sealed);

        let note = SlotNote {
            created: self.created,
            label: label.to_owned(),
            device: self.device,
            device_name: cut_to(self.device_name, LABEL_BYTES_MAX).to_owned(),
            replaces: self.replaces,
        };
        let mut sealed = [0; NOTE_BYTES + TAG_BYTES];
        let sealer = keys.sealer(ObjectClass::SlotNote, &note_id(&way.id));
        sealer.seal_into(Nonce::at(0), &bytes, &note.to_bytes(), &mut sealed);
        bytes.extend_from_slice(&sealed);
        bytes.extend_from_slice(&checksum(&bytes));
        SealedSlot { id: way.id, bytes }
    }
}

/// A note's key comes from its slot's id, which is random and used for no other object.
pub(super) fn note_id(slot: &SlotId) -> ObjectId {
    ObjectId(slot.0)
}

/// A text of at most [`LABEL_BYTES_MAX`] bytes as its length and itself, zeroes behind it.
pub(super) fn put_text(out: &mut [u8], text: &str) {
    out[0] = u8::try_from(text.len()).expect("a text was cut to 64 bytes");
    out[1..=text.len()].copy_from_slice(text.as_bytes());
}

/// The text that [`put_text`] put.
pub(super) fn text_in(bytes: &[u8]) -> Result<String, FormatError> {
    let text = bytes[1..].get(..usize::from(bytes[0]));
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    text.map(str::to_owned).ok_or(FormatError::Malformed("a slot's label is not text"))
}

/// As much of `text` as fits into `bytes_max`, in whole letters.
fn cut_to(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The first half of SHA-256.
pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    array(&Sha256::digest(bytes), 0)
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
