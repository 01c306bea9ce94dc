//! `keys/….key`: a slot, which is the master key wrapped with one way to unlock the vault.
//!
//! A slot ends in a checksum that needs no key, so that a changed byte is told apart from a wrong
//! password: salt, parameters and commitment decide what the password becomes, and with another
//! one of those the right password looks like a wrong one. It finds accidents. Against tampering
//! stand the seal and the commitment alone.

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::crypto::{
    Commitment, MasterKey, Nonce, Password, SALT_BYTES, SecretKey, SlotId, SlotWrap, StretchError,
    StretchParameters, TAG_BYTES, VaultId, fill_random,
};

use super::attributes::Time;
use super::error::FormatError;
use super::frame::{FRAME_BYTES, Magic, array, check_magic, need, write_magic};
use super::key_text::RecoveryKey;
use super::offsets::ChunkSize;

/// The longest label, in bytes of UTF-8.
pub const LABEL_BYTES_MAX: usize = 64;
/// No slot of any kind or version is longer.
pub const SLOT_BYTES_MAX: u64 = 4096;

const KIND_AT: usize = FRAME_BYTES;
const MEMORY_AT: usize = KIND_AT + 2;
const PASSES_AT: usize = MEMORY_AT + 4;
const LANES_AT: usize = PASSES_AT + 4;
const VAULT_AT: usize = LANES_AT + 4;
const SLOT_AT: usize = VAULT_AT + 16;
const SALT_AT: usize = SLOT_AT + 16;
const COMMITMENT_AT: usize = SALT_AT + SALT_BYTES;
const BODY_AT: usize = COMMITMENT_AT + SALT_BYTES;

const MASTER_AT: usize = 0;
const SECS_AT: usize = MASTER_AT + 32;
const NANOS_AT: usize = SECS_AT + 8;
const LABEL_LEN_AT: usize = NANOS_AT + 4;
const LABEL_AT: usize = LABEL_LEN_AT + 1;
const CHUNK_BITS_AT: usize = LABEL_AT + LABEL_BYTES_MAX;
const RESERVED_AT: usize = CHUNK_BITS_AT + 1;
const BODY_BYTES: usize = RESERVED_AT + 2;

const CHECKSUM_BYTES: usize = 16;
const CHECKSUM_AT: usize = BODY_AT + BODY_BYTES + TAG_BYTES;
const TOTAL_BYTES: usize = CHECKSUM_AT + CHECKSUM_BYTES;

/// The ways to unlock that a slot can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A password, stretched.
    Password,
    /// A 64-digit key.
    RecoveryKey,
    /// A key vault. Has its place in the format; this version cannot open it.
    KeyVault,
}

impl SlotKind {
    const fn field(self) -> u16 {
        match self {
            Self::Password => 1,
            Self::RecoveryKey => 2,
            Self::KeyVault => 3,
        }
    }

    const fn from_field(field: u16) -> Option<Self> {
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
    /// For whoever manages slots; cut to [`LABEL_BYTES_MAX`] bytes. Only the unlocked vault
    /// shows it.
    pub label: &'a str,
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
    /// Wraps `master` with `password`.
    ///
    /// # Errors
    /// [`StretchError::OutOfMemory`].
    pub fn seal_password(
        &self,
        master: &MasterKey,
        password: &Password,
        stretch: StretchParameters,
    ) -> Result<SealedSlot, StretchError> {
        let salt = random_salt();
        let secret = stretch.stretch(password, &salt)?;
        let costs = [stretch.memory_kib(), stretch.passes(), stretch.lanes()];
        Ok(self.seal(master, SlotKind::Password, costs, &salt, &secret))
    }

    /// Wraps `master` with a 64-digit key.
    pub fn seal_key(&self, master: &MasterKey, key: &RecoveryKey) -> SealedSlot {
        let salt = random_salt();
        self.seal(master, SlotKind::RecoveryKey, [0; 3], &salt, key.secret())
    }

    /// Header in the clear, then the sealed body; associated data: the header, which is all that
    /// stands before the body. Then the checksum of everything before it.
    fn seal(
        &self,
        master: &MasterKey,
        kind: SlotKind,
        costs: [u32; 3],
        salt: &[u8; SALT_BYTES],
        secret: &SecretKey,
    ) -> SealedSlot {
        let id = SlotId::random();
        let wrap = SlotWrap::new(secret, salt, self.vault, &id);
        let mut bytes = Vec::with_capacity(TOTAL_BYTES);
        write_magic(Magic::Slot, &mut bytes);
        bytes.extend_from_slice(&kind.field().to_le_bytes());
        for cost in costs {
            bytes.extend_from_slice(&cost.to_le_bytes());
        }
        bytes.extend_from_slice(&self.vault.0);
        bytes.extend_from_slice(&id.0);
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(&wrap.commitment().0);

        let label = cut_to(self.label, LABEL_BYTES_MAX).as_bytes();
        let mut body = [0; BODY_BYTES];
        body[MASTER_AT..SECS_AT].copy_from_slice(master.secret().bytes());
        body[SECS_AT..NANOS_AT].copy_from_slice(&self.created.secs.to_le_bytes());
        body[NANOS_AT..LABEL_LEN_AT].copy_from_slice(&self.created.nanos.to_le_bytes());
        body[LABEL_LEN_AT] = u8::try_from(label.len()).expect("a label has at most 64 bytes");
        body[LABEL_AT..LABEL_AT + label.len()].copy_from_slice(label);
        body[CHUNK_BITS_AT] = self.chunk_size.bits();
        let mut sealed = [0; BODY_BYTES + TAG_BYTES];
        wrap.sealer().seal_into(Nonce::at(0), &bytes, &body, &mut sealed);
        body.zeroize();
        bytes.extend_from_slice(&sealed);
        bytes.extend_from_slice(&checksum(&bytes));
        SealedSlot { id, bytes }
    }
}

/// A slot that was opened.
#[derive(Debug)]
pub struct OpenedSlot {
    /// The key of the whole vault.
    pub master: MasterKey,
    /// What the slot's maker called it.
    pub label: String,
    /// When the slot was made.
    pub created: Time,
    /// The vault's chunk size.
    pub chunk_size: ChunkSize,
}

/// A slot as it was read: whole, but it may be anybody's.
#[derive(Clone, Debug)]
pub struct UnverifiedSlot {
    kind: SlotKind,
    id: SlotId,
    vault: VaultId,
    /// For kinds that this version opens, exactly `TOTAL_BYTES`.
    bytes: Vec<u8>,
}

impl UnverifiedSlot {
    /// Checks checksum, kind, version and length; authenticates nothing.
    ///
    /// # Errors
    /// [`SlotError::Damaged`], [`SlotError::Newer`] or [`SlotError::UnknownKind`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SlotError> {
        // Every version of a slot ends in the checksum, so that damage is never taken for a
        // newer version or another kind.
        need(bytes, FRAME_BYTES + CHECKSUM_BYTES).map_err(SlotError::Damaged)?;
        let (checked, found) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
        if checksum(checked) != found {
            return Err(SlotError::Damaged(FormatError::Malformed("the checksum does not fit")));
        }
        check_magic(Magic::Slot, bytes).map_err(|error| match error {
            FormatError::Newer { .. } => SlotError::Newer(error),
            error => SlotError::Damaged(error),
        })?;
        need(bytes, BODY_AT + CHECKSUM_BYTES).map_err(SlotError::Damaged)?;
        let field = u16::from_le_bytes(array(bytes, KIND_AT));
        let kind = SlotKind::from_field(field).ok_or(SlotError::UnknownKind(field))?;
        if kind != SlotKind::KeyVault && bytes.len() != TOTAL_BYTES {
            return Err(SlotError::Damaged(FormatError::Malformed("not as long as a slot is")));
        }
        Ok(Self {
            kind,
            id: SlotId(array(bytes, SLOT_AT)),
            vault: VaultId(array(bytes, VAULT_AT)),
            bytes: bytes.to_vec(),
        })
    }

    /// How this slot opens.
    pub fn kind(&self) -> SlotKind {
        self.kind
    }

    /// The vault that the slot says it unlocks.
    pub fn claimed_vault(&self) -> &VaultId {
        &self.vault
    }

    /// What the slot says is its id.
    pub fn claimed_id(&self) -> &SlotId {
        &self.id
    }

    /// Opens the slot of `vault` with a password.
    ///
    /// # Errors
    /// [`SlotError::OtherKind`], [`SlotError::OtherVault`], [`SlotError::Stretch`],
    /// [`SlotError::WrongPassword`] or [`SlotError::Damaged`].
    pub fn open_with_password(
        &self,
        password: &Password,
        vault: &VaultId,
    ) -> Result<OpenedSlot, SlotError> {
        self.check_place(SlotKind::Password, vault)?;
        let cost = |at| u32::from_le_bytes(array(&self.bytes, at));
        let stretch = StretchParameters::new(cost(MEMORY_AT), cost(PASSES_AT), cost(LANES_AT))?;
        let secret = stretch.stretch(password, &array(&self.bytes, SALT_AT))?;
        self.open(&secret, SlotError::WrongPassword)
    }

    /// Opens the slot of `vault` with a 64-digit key.
    ///
    /// # Errors
    /// [`SlotError::OtherKind`], [`SlotError::OtherVault`], [`SlotError::WrongKey`] or
    /// [`SlotError::Damaged`].
    pub fn open_with_key(
        &self,
        key: &RecoveryKey,
        vault: &VaultId,
    ) -> Result<OpenedSlot, SlotError> {
        self.check_place(SlotKind::RecoveryKey, vault)?;
        self.open(key.secret(), SlotError::WrongKey)
    }

    fn check_place(&self, tried: SlotKind, vault: &VaultId) -> Result<(), SlotError> {
        if self.kind != tried {
            return Err(SlotError::OtherKind(self.kind));
        }
        if self.vault != *vault {
            return Err(SlotError::OtherVault);
        }
        Ok(())
    }

    fn open(&self, secret: &SecretKey, wrong: SlotError) -> Result<OpenedSlot, SlotError> {
        let (header, rest) = self.bytes.split_at(BODY_AT);
        let wrap = SlotWrap::new(secret, &array(header, SALT_AT), &self.vault, &self.id);
        if !wrap.commitment().is(&Commitment(array(header, COMMITMENT_AT))) {
            return Err(wrong);
        }
        let sealed = &rest[..BODY_BYTES + TAG_BYTES];
        let mut body = [0; BODY_BYTES];
        wrap.sealer()
            .open_into(Nonce::at(0), header, sealed, &mut body)
            .map_err(|error| SlotError::Damaged(error.into()))?;
        let opened = read_body(&body).map_err(SlotError::Damaged);
        body.zeroize();
        opened
    }
}

fn read_body(body: &[u8; BODY_BYTES]) -> Result<OpenedSlot, FormatError> {
    let label = body[LABEL_AT..CHUNK_BITS_AT]
        .get(..usize::from(body[LABEL_LEN_AT]))
        .and_then(|label| std::str::from_utf8(label).ok())
        .ok_or(FormatError::Malformed("a slot's label is not text"))?;
    let created = Time {
        secs: i64::from_le_bytes(array(body, SECS_AT)),
        nanos: u32::from_le_bytes(array(body, NANOS_AT)),
    };
    Ok(OpenedSlot {
        master: MasterKey::from_secret(SecretKey::with(|out| {
            out.copy_from_slice(&body[MASTER_AT..SECS_AT]);
        })),
        label: label.to_owned(),
        created: created.normal(),
        chunk_size: ChunkSize::from_bits(body[CHUNK_BITS_AT])?,
    })
}

fn random_salt() -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    fill_random(&mut salt);
    salt
}

/// As much of `text` as fits into `bytes_max`, in whole letters.
fn cut_to(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The first half of SHA-256.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    array(&Sha256::digest(bytes), 0)
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
