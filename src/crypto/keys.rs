//! The key tree: master key, one key for each class of object, one key for each object.
//!
//! Every label that separates keys stands in this file (design section 3).

use std::fmt;

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroize;

use super::random::fill_random;
use super::seal::ObjectSealer;
use super::secret::{KEY_BYTES, SecretKey};

/// What a key protects; each has a key of its own under the master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectClass {
    /// The vault's descriptor, `hushfs.vault`.
    Descriptor,
    /// Log objects.
    Log,
    /// Packs.
    Data,
    /// The journal in the state folder.
    Journal,
    /// The trusted frontier and the device's identity in the state folder.
    Trust,
    /// What a slot says of itself to whoever has the vault unlocked.
    SlotNote,
}

impl ObjectClass {
    /// HKDF's info string of this class's key.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Descriptor => b"hushfs 1 descriptor",
            Self::Log => b"hushfs 1 log",
            Self::Data => b"hushfs 1 data",
            Self::Journal => b"hushfs 1 journal",
            Self::Trust => b"hushfs 1 trust",
            Self::SlotNote => b"hushfs 1 slot note",
        }
    }
}

/// HKDF's info string of the key that signs what a vault's owner asks of a key vault.
#[cfg(feature = "keyvault")]
const ACCOUNT_LABEL: &[u8] = b"hushfs 1 key vault account";
/// HKDF's info string of an object's key is this, then the object's id.
const OBJECT_LABEL: &[u8] = b"hushfs 1 object";
/// HKDF's info string of a slot's wrapping key is this, then the vault's and the slot's id.
pub(super) const WRAP_LABEL: &[u8] = b"hushfs 1 slot wrap";
/// HKDF's info string of a slot's commitment is this, then the vault's and the slot's id.
pub(super) const COMMIT_LABEL: &[u8] = b"hushfs 1 slot commit";

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// 128 random bits.
            pub fn random() -> Self {
                let mut bytes = [0; 16];
                fill_random(&mut bytes);
                Self(bytes)
            }

            /// From 32 lower-case hex digits, as in an object's name.
            pub fn from_hex(text: &str) -> Option<Self> {
                let digits = text.as_bytes();
                if digits.len() != 32 {
                    return None;
                }
                let mut bytes = [0; 16];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let value = |digit: u8| match digit {
                        b'0'..=b'9' => Some(digit - b'0'),
                        b'a'..=b'f' => Some(digit - b'a' + 10),
                        _ => None,
                    };
                    *byte = value(pair[0])? << 4 | value(pair[1])?;
                }
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

random_id! {
    /// 128 random bits that name a vault; HKDF's salt, so that the same password or master key
    /// in two vaults gives unrelated keys.
    VaultId
}
random_id! {
    /// 128 random bits that name one object and are used once: the object's key comes from it.
    ObjectId
}
random_id! {
    /// 128 random bits that name a slot; bound into its wrapping key.
    SlotId
}
random_id! {
    /// 128 random bits that name one registration with a key vault: one password, one slot.
    RegistrationId
}

/// The key from which every other key of a vault comes. Made at `init`, stored only wrapped.
#[derive(Clone)]
pub struct MasterKey(SecretKey);

impl MasterKey {
    /// 256 random bits.
    pub fn random() -> Self {
        Self(SecretKey::random())
    }

    /// From a slot that was opened.
    pub(crate) fn from_secret(key: SecretKey) -> Self {
        Self(key)
    }

    /// The bytes that a slot wraps.
    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// HKDF-SHA256(salt: `vault`, key: master key, info: `ACCOUNT_LABEL`): that somebody has the
    /// master key is shown with it, and nothing of the master key.
    #[cfg(feature = "keyvault")]
    pub fn account_key(&self, vault: &VaultId) -> super::account::AccountKey {
        let hkdf = Hkdf::<Sha256>::new(Some(&vault.0), self.0.bytes());
        super::account::AccountKey::from_seed(SecretKey::with(|okm| {
            hkdf.expand(ACCOUNT_LABEL, okm).expect("32 bytes are less than 255 hashes");
        }))
    }

    /// HKDF-SHA256(salt: `vault`, key: master key, info: the class's label), for each class.
    pub fn class_keys(&self, vault: &VaultId) -> ClassKeys {
        let hkdf = Hkdf::<Sha256>::new(Some(&vault.0), self.0.bytes());
        let derive = |class: ObjectClass| {
            SecretKey::with(|okm| {
                hkdf.expand(class.label(), okm).expect("32 bytes are less than 255 hashes");
            })
        };
        ClassKeys {
            vault: *vault,
            master: Self(SecretKey::with(|out| out.copy_from_slice(self.0.bytes()))),
            descriptor: derive(ObjectClass::Descriptor),
            log: derive(ObjectClass::Log),
            data: derive(ObjectClass::Data),
            journal: derive(ObjectClass::Journal),
            trust: derive(ObjectClass::Trust),
            slot_note: derive(ObjectClass::SlotNote),
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// One key for each class of object of one vault, and the master key that they come from: only a
/// new slot needs that.
#[derive(Clone, Debug)]
pub struct ClassKeys {
    vault: VaultId,
    master: MasterKey,
    descriptor: SecretKey,
    log: SecretKey,
    data: SecretKey,
    journal: SecretKey,
    trust: SecretKey,
    slot_note: SecretKey,
}

impl ClassKeys {
    /// The vault that these keys belong to.
    pub fn vault(&self) -> &VaultId {
        &self.vault
    }

    /// What a new slot wraps.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Seals and opens the object `id` of `class`:
    /// its key is HKDF-Expand(class key, `OBJECT_LABEL` ‖ id).
    pub fn sealer(&self, class: ObjectClass, id: &ObjectId) -> ObjectSealer {
        let class_key = match class {
            ObjectClass::Descriptor => &self.descriptor,
            ObjectClass::Log => &self.log,
            ObjectClass::Data => &self.data,
            ObjectClass::Journal => &self.journal,
            ObjectClass::Trust => &self.trust,
            ObjectClass::SlotNote => &self.slot_note,
        };
        let hkdf =
            Hkdf::<Sha256>::from_prk(class_key.bytes()).expect("a class key is one hash long");
        let mut key = [0; KEY_BYTES];
        hkdf.expand_multi_info(&[OBJECT_LABEL, &id.0], &mut key)
            .expect("32 bytes are less than 255 hashes");
        let sealer = ObjectSealer::new(&key);
        key.zeroize();
        sealer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Nonce;

    #[test]
    fn keys_differ_by_vault_class_and_object() {
        let master = MasterKey::random();
        let (vault_a, vault_b) = (VaultId::random(), VaultId::random());
        let (id_a, id_b) = (ObjectId::random(), ObjectId::random());
        let sealed = |vault, class, id| {
            let mut out = vec![0; 4 + 16];
            master.class_keys(vault).sealer(class, id).seal_into(
                Nonce::at(0),
                b"",
                b"data",
                &mut out,
            );
            out
        };
        let all = [
            sealed(&vault_a, ObjectClass::Data, &id_a),
            sealed(&vault_b, ObjectClass::Data, &id_a),
            sealed(&vault_a, ObjectClass::Log, &id_a),
            sealed(&vault_a, ObjectClass::Data, &id_b),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
            }
        }
        assert_eq!(all[0], sealed(&vault_a, ObjectClass::Data, &id_a));
    }

    #[test]
    fn an_id_reads_back_from_its_name_and_from_nothing_else() {
        let id = ObjectId::random();
        assert_eq!(ObjectId::from_hex(&id.to_string()), Some(id));
        assert_eq!(ObjectId::from_hex("0123"), None);
        assert_eq!(ObjectId::from_hex(&id.to_string().replace(|_| true, "G")), None);
        assert_eq!(ObjectId::from_hex("éééééééééééééééé"), None);
    }
}
