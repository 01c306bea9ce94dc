//! One way to unlock, made ready for a slot: all of a slot but what it wraps and says of itself.

use zeroize::Zeroizing;

use crate::crypto::{
    Commitment, Password, SALT_BYTES, SecretKey, SlotId, SlotWrap, StretchError, StretchParameters,
    VaultId, fill_random,
};

use super::error::FormatError;
use super::frame::array;
use super::key_text::RecoveryKey;
use super::slot::SlotKind;
use super::slot_key_vault::KeyVaultPlace;

const KIND_AT: usize = 0;
const COSTS_AT: usize = KIND_AT + 2;
const SLOT_AT: usize = COSTS_AT + 12;
const SALT_AT: usize = SLOT_AT + 16;
const COMMITMENT_AT: usize = SALT_AT + SALT_BYTES;
const KEY_AT: usize = COMMITMENT_AT + SALT_BYTES;

/// Bytes of a way as it is handed to another process of this machine.
pub const SLOT_WAY_BYTES: usize = KEY_AT + 32;

/// A wrapping key for one new slot, and what the slot says of it in the clear. Neither the password
/// nor the 64-digit key can be told from it. `Debug` never prints the key.
#[derive(Debug)]
pub struct SlotWay {
    pub(super) id: SlotId,
    pub(super) kind: SlotKind,
    pub(super) costs: [u32; 3],
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) wrap: SlotWrap,
    /// For a slot of kind key vault, and only for that.
    pub(super) key_vault: Option<KeyVaultPlace>,
}

impl SlotWay {
    /// With a password, which is stretched.
    ///
    /// # Errors
    /// [`StretchError::OutOfMemory`].
    pub fn of_password(
        vault: &VaultId,
        password: &Password,
        stretch: StretchParameters,
    ) -> Result<Self, StretchError> {
        let salt = random_salt();
        let secret = stretch.stretch(password, &salt)?;
        let costs = [stretch.memory_kib(), stretch.passes(), stretch.lanes()];
        Ok(Self::new(vault, SlotKind::Password, costs, salt, &secret))
    }

    /// With what a key vault and a password give together; `stretch` is what that took of the password.
    pub fn of_key_vault(
        vault: &VaultId,
        export_key: &SecretKey,
        stretch: StretchParameters,
        place: KeyVaultPlace,
    ) -> Self {
        let costs = [stretch.memory_kib(), stretch.passes(), stretch.lanes()];
        let way = Self::new(vault, SlotKind::KeyVault, costs, random_salt(), export_key);
        Self { key_vault: Some(place), ..way }
    }

    /// With a 64-digit key.
    pub fn of_key(vault: &VaultId, key: &RecoveryKey) -> Self {
        Self::new(vault, SlotKind::RecoveryKey, [0; 3], random_salt(), key.secret())
    }

    fn new(
        vault: &VaultId,
        kind: SlotKind,
        costs: [u32; 3],
        salt: [u8; SALT_BYTES],
        secret: &SecretKey,
    ) -> Self {
        let id = SlotId::random();
        Self {
            id,
            kind,
            costs,
            salt,
            wrap: SlotWrap::new(secret, &salt, vault, &id),
            key_vault: None,
        }
    }

    /// The id that the slot will have.
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// How the slot will open.
    pub fn kind(&self) -> SlotKind {
        self.kind
    }

    /// For another process of this machine. Whoever reads it can open the slot that is made of it.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SLOT_WAY_BYTES]> {
        let mut out = Zeroizing::new([0; SLOT_WAY_BYTES]);
        out[KIND_AT..COSTS_AT].copy_from_slice(&self.kind.field().to_le_bytes());
        for (at, cost) in (COSTS_AT..).step_by(4).zip(self.costs) {
            out[at..at + 4].copy_from_slice(&cost.to_le_bytes());
        }
        out[SLOT_AT..SALT_AT].copy_from_slice(&self.id.0);
        out[SALT_AT..COMMITMENT_AT].copy_from_slice(&self.salt);
        out[COMMITMENT_AT..KEY_AT].copy_from_slice(&self.wrap.commitment().0);
        out[KEY_AT..].copy_from_slice(self.wrap.key().bytes());
        out
    }

    /// From [`Self::to_bytes`]; none is of a key vault, since the owner's signature that takes needs the
    /// master key in this process anyway. The costs are those that a slot may have.
    ///
    /// # Errors
    /// [`FormatError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let bytes: &[u8; SLOT_WAY_BYTES] =
            bytes.try_into().map_err(|_| FormatError::Malformed("not as long as a way is"))?;
        let cost = |at| u32::from_le_bytes(array(bytes, at));
        let costs = [cost(COSTS_AT), cost(COSTS_AT + 4), cost(COSTS_AT + 8)];
        let [memory, passes, lanes] = costs;
        let kind = match SlotKind::from_field(u16::from_le_bytes(array(bytes, KIND_AT))) {
            Some(SlotKind::Password) if StretchParameters::new(memory, passes, lanes).is_ok() => {
                SlotKind::Password
            }
            Some(SlotKind::RecoveryKey) if costs == [0; 3] => SlotKind::RecoveryKey,
            _ => return Err(FormatError::Malformed("no slot has such costs or is of such a kind")),
        };
        let key = SecretKey::with(|out| out.copy_from_slice(&bytes[KEY_AT..]));
        let wrap = SlotWrap::from_parts(key, Commitment(array(bytes, COMMITMENT_AT)));
        let id = SlotId(array(bytes, SLOT_AT));
        Ok(Self { id, kind, costs, salt: array(bytes, SALT_AT), wrap, key_vault: None })
    }
}

fn random_salt() -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    fill_random(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_reads_back_and_costs_that_no_slot_may_have_are_refused() {
        let vault = VaultId::random();
        let password = Password::new(Zeroizing::new(b"right".to_vec())).unwrap();
        let by_key = SlotWay::of_key(&vault, &RecoveryKey::random());
        let by_password =
            SlotWay::of_password(&vault, &password, StretchParameters::FLOOR).unwrap();
        for way in [&by_key, &by_password] {
            let back = SlotWay::parse(&*way.to_bytes()).unwrap();
            assert_eq!((back.id, back.kind, back.costs), (way.id, way.kind, way.costs));
            assert_eq!(*back.to_bytes(), *way.to_bytes());
            assert!(SlotWay::parse(&way.to_bytes()[1..]).is_err());
            let mut changed = way.to_bytes();
            changed[COSTS_AT + 2] ^= 0xFF;
            assert!(SlotWay::parse(&*changed).is_err(), "{:?}", way.kind);
            changed = way.to_bytes();
            changed[KIND_AT] = 3;
            assert!(SlotWay::parse(&*changed).is_err());
        }
        assert!(!format!("{by_key:?}").contains("key: ["));
    }
}
