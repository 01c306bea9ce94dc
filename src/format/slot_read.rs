//! Reads slots, and opens them.

use zeroize::Zeroize;

use crate::crypto::{
    ClassKeys, Commitment, MasterKey, Nonce, ObjectClass, Password, SecretKey, SlotId, SlotWrap,
    StretchParameters, TAG_BYTES, VaultId,
};

use super::attributes::Time;
use super::error::FormatError;
use super::frame::{FRAME_BYTES, Magic, array, check_magic, need};
use super::key_text::RecoveryKey;
use super::offsets::ChunkSize;
use super::slot::{
    BODY_AT, BODY_BYTES, CHECKSUM_BYTES, CHUNK_BITS_AT, COMMITMENT_AT, FIRST_TOTAL_BYTES, KIND_AT,
    LABEL_LEN_AT, LANES_AT, MASTER_AT, MEMORY_AT, NANOS_AT, NOTE_AT, PASSES_AT, SALT_AT, SECS_AT,
    SLOT_AT, SlotError, SlotKind, TOTAL_BYTES, VAULT_AT, checksum, note_id, text_in,
};
use super::slot_key_vault::{KEY_VAULT_BYTES, KeyVaultPlace};
use super::slot_note::{NOTE_BYTES, SlotNote};
use super::slot_way::SlotWay;

/// A slot that was opened.
#[derive(Debug)]
pub struct OpenedSlot {
    /// The slot.
    pub id: SlotId,
    /// The key of the whole vault.
    pub master: MasterKey,
    /// What the slot's maker called it.
    pub label: String,
    /// When the slot was made.
    pub created: Time,
    /// The vault's chunk size.
    pub chunk_size: ChunkSize,
    /// What else it says of itself; `None` in version 1, whose label is the system's host name.
    pub note: Option<SlotNote>,
}

/// A slot as it was read: whole, but it may be anybody's.
#[derive(Clone, Debug)]
pub struct UnverifiedSlot {
    kind: SlotKind,
    id: SlotId,
    vault: VaultId,
    /// Version 1 has none.
    has_note: bool,
    /// Where the other half is, for a slot of kind key vault and only for that.
    key_vault: Option<KeyVaultPlace>,
    /// Exactly as many as a slot of its version and kind has.
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
        let version = check_magic(Magic::Slot, bytes).map_err(|error| match error {
            FormatError::Newer { .. } => SlotError::Newer(error),
            error => SlotError::Damaged(error),
        })?;
        need(bytes, BODY_AT + CHECKSUM_BYTES).map_err(SlotError::Damaged)?;
        let field = u16::from_le_bytes(array(bytes, KIND_AT));
        let kind = SlotKind::from_field(field).ok_or(SlotError::UnknownKind(field))?;
        let has_note = version >= 2;
        let total_bytes = match (kind, has_note) {
            // No program has ever made one.
            (SlotKind::KeyVault, false) => return Err(SlotError::UnknownKind(field)),
            (SlotKind::KeyVault, true) => TOTAL_BYTES + KEY_VAULT_BYTES,
            (_, true) => TOTAL_BYTES,
            (_, false) => FIRST_TOTAL_BYTES,
        };
        if bytes.len() != total_bytes {
            return Err(SlotError::Damaged(FormatError::Malformed("not as long as a slot is")));
        }
        let key_vault = match kind {
            SlotKind::KeyVault => {
                Some(KeyVaultPlace::parse(&array(bytes, BODY_AT)).map_err(SlotError::Damaged)?)
            }
            SlotKind::Password | SlotKind::RecoveryKey => None,
        };
        Ok(Self {
            kind,
            id: SlotId(array(bytes, SLOT_AT)),
            vault: VaultId(array(bytes, VAULT_AT)),
            has_note,
            key_vault,
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

    /// Whether the slot says something to whoever has the vault unlocked by other means.
    pub fn has_note(&self) -> bool {
        self.has_note
    }

    /// What the slot says of itself, and that it is whole and was made by somebody who had the
    /// vault's keys; `None` for a slot of version 1, which tells nobody but whoever has its secret.
    ///
    /// # Errors
    /// [`SlotError::OtherVault`] or [`SlotError::Damaged`].
    pub fn note(&self, keys: &ClassKeys) -> Result<Option<SlotNote>, SlotError> {
        if self.vault != *keys.vault() {
            return Err(SlotError::OtherVault);
        }
        if !self.has_note {
            return Ok(None);
        }
        let (before, rest) = self.bytes.split_at(NOTE_AT + self.key_vault_bytes());
        let mut note = [0; NOTE_BYTES];
        keys.sealer(ObjectClass::SlotNote, &note_id(&self.id))
            .open_into(Nonce::at(0), before, &rest[..NOTE_BYTES + TAG_BYTES], &mut note)
            .map_err(|error| SlotError::Damaged(error.into()))?;
        SlotNote::parse(&note).map(Some).map_err(SlotError::Damaged)
    }

    /// Opens the slot of `vault` in the way that it was made of.
    ///
    /// # Errors
    /// As for [`Self::open_with_key`].
    pub fn open_way(&self, way: &SlotWay, vault: &VaultId) -> Result<OpenedSlot, SlotError> {
        self.check_place(way.kind(), vault)?;
        self.unwrap(&way.wrap, SlotError::WrongKey)
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
        let secret = self.stretch()?.stretch(password, &array(&self.bytes, SALT_AT))?;
        self.open(&secret, SlotError::WrongPassword)
    }

    /// Opens the slot of `vault` with what its key vault gave for the right password.
    ///
    /// # Errors
    /// [`SlotError::OtherKind`], [`SlotError::OtherVault`], [`SlotError::WrongRegistration`] or
    /// [`SlotError::Damaged`].
    pub fn open_with_key_vault(
        &self,
        export_key: &SecretKey,
        vault: &VaultId,
    ) -> Result<OpenedSlot, SlotError> {
        self.check_place(SlotKind::KeyVault, vault)?;
        self.open(export_key, SlotError::WrongRegistration)
    }

    /// Where the other half of a slot of kind key vault is. Anybody may have written that: what is there
    /// learns nothing of the password, and can at most refuse.
    pub fn key_vault(&self) -> Option<&KeyVaultPlace> {
        self.key_vault.as_ref()
    }

    /// What stretching the password takes.
    ///
    /// # Errors
    /// [`SlotError::Stretch`] below the floor or above the ceiling.
    pub fn stretch(&self) -> Result<StretchParameters, SlotError> {
        let cost = |at| u32::from_le_bytes(array(&self.bytes, at));
        Ok(StretchParameters::new(cost(MEMORY_AT), cost(PASSES_AT), cost(LANES_AT))?)
    }

    /// How much more than other kinds this one has before its body.
    fn key_vault_bytes(&self) -> usize {
        if self.key_vault.is_some() { KEY_VAULT_BYTES } else { 0 }
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
        let wrap = SlotWrap::new(secret, &array(&self.bytes, SALT_AT), &self.vault, &self.id);
        self.unwrap(&wrap, wrong)
    }

    fn unwrap(&self, wrap: &SlotWrap, wrong: SlotError) -> Result<OpenedSlot, SlotError> {
        let (header, rest) = self.bytes.split_at(BODY_AT + self.key_vault_bytes());
        if !wrap.commitment().is(&Commitment(array(header, COMMITMENT_AT))) {
            return Err(wrong);
        }
        let sealed = &rest[..BODY_BYTES + TAG_BYTES];
        let mut body = [0; BODY_BYTES];
        wrap.sealer()
            .open_into(Nonce::at(0), header, sealed, &mut body)
            .map_err(|error| SlotError::Damaged(error.into()))?;
        let opened = read_body(self.id, &body).map_err(SlotError::Damaged);
        body.zeroize();
        let mut opened = opened?;
        if self.has_note {
            opened.note = self.note(&opened.master.class_keys(&self.vault))?;
        }
        Ok(opened)
    }
}

fn read_body(id: SlotId, body: &[u8; BODY_BYTES]) -> Result<OpenedSlot, FormatError> {
    let label = text_in(&body[LABEL_LEN_AT..CHUNK_BITS_AT])?;
    let created = Time {
        secs: i64::from_le_bytes(array(body, SECS_AT)),
        nanos: u32::from_le_bytes(array(body, NANOS_AT)),
    };
    Ok(OpenedSlot {
        id,
        master: MasterKey::from_secret(SecretKey::with(|out| {
            out.copy_from_slice(&body[MASTER_AT..SECS_AT]);
        })),
        label,
        created: created.normal(),
        chunk_size: ChunkSize::from_bits(body[CHUNK_BITS_AT])?,
        note: None,
    })
}
