//! Adding a slot and removing one. A slot appears whole and durable or not at all (I1), and none goes
//! before another one is durable that opens the vault (I7): whoever removes sees to the latter.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::{ClassKeys, SlotId};
use crate::format::{
    DESCRIPTOR_BYTES_MAX, DESCRIPTOR_NAME, Descriptor, DeviceId, FormatError, KEYS_FOLDER,
    LABEL_BYTES_MAX, SLOT_BYTES_MAX, SlotDraft, SlotError, SlotWay, Time, UnverifiedDescriptor,
    UnverifiedSlot, slot_path,
};
use crate::store::{StoreError, VaultFolder};

use super::list::{SLOTS_MAX, SlotEntry};

/// Why a slot was not added or removed.
#[derive(Debug, thiserror::Error)]
pub enum SlotChangeError {
    /// The disk did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What stands in the vault's place is another vault: nothing was put.
    #[error("{0} is not there, or another vault's: nothing was added")]
    NotThisVault(std::path::PathBuf),
    /// No more would be tried when the vault is unlocked: nothing was put.
    #[error("the vault has {SLOTS_MAX} slots, and no more are ever tried: remove one before")]
    TooMany,
    /// What was to be put does not open: nothing was put.
    #[error("the new slot did not open before it was written, and was not: {0}")]
    Unfit(SlotError),
    /// The disk gave back something else than it was given. It was taken back.
    #[error("{0} is not what was written: the disk or a sync client has changed it")]
    NotReadBack(std::path::PathBuf),
}

/// A slot to be made.
#[derive(Debug)]
pub struct NewSlot {
    /// What opens it.
    pub way: SlotWay,
    /// What its owner calls it.
    pub name: String,
    /// What the device that makes it is called.
    pub device_name: String,
    /// The slot whose place it takes.
    pub replaces: Option<SlotId>,
}

/// [`NewSlot`] as one process hands it to another.
#[derive(Serialize, Deserialize)]
struct Handed<'a> {
    #[serde(with = "serde_bytes")]
    way: &'a [u8],
    name: &'a str,
    device_name: &'a str,
    replaces: Option<SlotId>,
}

/// No request is longer.
const HANDED_BYTES_MAX: usize = 512;

impl NewSlot {
    /// For a mount of this machine. Whoever reads it can open the slot that is made of it, but learns
    /// neither the password nor the 64-digit key.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] if a name is longer than a slot has room for.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        check_names(&self.name, &self.device_name)?;
        let way = self.way.to_bytes();
        let handed = Handed {
            way: &way[..],
            name: &self.name,
            device_name: &self.device_name,
            replaces: self.replaces,
        };
        let mut out = Zeroizing::new(vec![0; HANDED_BYTES_MAX]);
        let bytes = postcard::to_slice(&handed, &mut out)?.len();
        out.truncate(bytes);
        Ok(out)
    }

    /// From [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let Handed { way, name, device_name, replaces } = postcard::from_bytes(bytes)?;
        check_names(name, device_name)?;
        let (name, device_name) = (name.to_owned(), device_name.to_owned());
        Ok(Self { way: SlotWay::parse(way)?, name, device_name, replaces })
    }
}

fn check_names(name: &str, device_name: &str) -> Result<(), FormatError> {
    match name.len().max(device_name.len()) {
        0..=LABEL_BYTES_MAX => Ok(()),
        _ => Err(FormatError::Malformed("a name of more than 64 bytes")),
    }
}

/// Puts a slot: it is durable, was read back, and opens in its way, when this returns.
///
/// # Errors
/// [`SlotChangeError`]; the slot is not there then, as far as the disk lets it be taken back.
pub fn put_slot(
    vault: &VaultFolder,
    keys: &ClassKeys,
    descriptor: &Descriptor,
    device: Option<DeviceId>,
    new: &NewSlot,
) -> Result<(), SlotChangeError> {
    check_place(vault, descriptor)?;
    if vault.slot_paths()?.len() >= SLOTS_MAX {
        return Err(SlotChangeError::TooMany);
    }
    let draft = SlotDraft {
        vault: &descriptor.vault,
        created: Time::now(),
        chunk_size: descriptor.chunk_size,
        label: &new.name,
        device,
        device_name: &new.device_name,
        replaces: new.replaces,
    };
    let sealed = draft.seal(keys, &new.way);
    UnverifiedSlot::parse(&sealed.bytes)
        .and_then(|slot| slot.open_way(&new.way, &descriptor.vault))
        .map_err(SlotChangeError::Unfit)?;
    let path = slot_path(sealed.id);
    vault.make_folder(KEYS_FOLDER)?;
    let put = put_and_read(vault, &path, &sealed.bytes);
    // An error may have come after the name appeared. Whoever hears of it keeps no password or key, so
    // what opens with that must not count as a way that is left.
    let is_anothers = matches!(put, Err(SlotChangeError::Store(StoreError::Exists(_))));
    if put.is_err()
        && !is_anothers
        && let Err(error) = vault.remove(&path).and_then(|()| vault.settle_name(&path))
    {
        log::warn!(
            "slot {} may be there, with a password or key that nobody has: {error}",
            sealed.id
        );
    }
    put
}

fn put_and_read(vault: &VaultFolder, path: &str, bytes: &[u8]) -> Result<(), SlotChangeError> {
    vault.put_new(path, bytes)?;
    match vault.get(path, SLOT_BYTES_MAX)? == bytes {
        true => Ok(()),
        false => Err(SlotChangeError::NotReadBack(vault.place(path))),
    }
}

/// Nothing is put into what an unplugged disk leaves in the vault's place.
fn check_place(vault: &VaultFolder, descriptor: &Descriptor) -> Result<(), SlotChangeError> {
    let bytes = vault.get(DESCRIPTOR_NAME, DESCRIPTOR_BYTES_MAX);
    let claimed = bytes.ok().and_then(|bytes| UnverifiedDescriptor::parse(&bytes).ok());
    match claimed {
        Some(claimed) if *claimed.claimed_vault() == descriptor.vault => Ok(()),
        _ => Err(SlotChangeError::NotThisVault(vault.place(DESCRIPTOR_NAME))),
    }
}

/// Removes every file that is a slot; durable when this returns. The caller has made sure that another
/// slot opens the vault.
///
/// # Errors
/// [`StoreError`]; some of the files may then be gone.
pub fn remove_slot(vault: &VaultFolder, slot: &SlotEntry) -> Result<(), StoreError> {
    for path in &slot.files {
        vault.remove(path)?;
        vault.settle_name(path)?;
    }
    Ok(())
}
