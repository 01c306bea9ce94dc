//! What slots there are, and what is known of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::crypto::{ClassKeys, SlotId};
use crate::format::{
    SLOT_BYTES_MAX, SlotError, SlotKind, SlotNote, UnverifiedSlot, slot_id_of_path,
};
use crate::store::{StoreError, VaultFolder};

/// More slots than this are neither tried nor listed: whoever can write into the vault cannot make
/// unlocking last forever.
pub const SLOTS_MAX: usize = 64;

/// How far a slot can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotStanding {
    /// It was opened with its own secret just now.
    Opened,
    /// Its note opens: made by somebody who had the vault's keys, and whole.
    Vouched,
    /// Whole as far as its checksum tells; who made it shows only when its secret opens it.
    Unvouched,
    /// For a newer program.
    Newer,
    /// Another vault's.
    Foreign,
    /// Damaged, or made by somebody who did not have the vault's keys.
    Damaged,
}

impl SlotStanding {
    /// Whether the vault is known to open with this slot, for whoever has its secret.
    pub fn is_relied_on(self) -> bool {
        matches!(self, Self::Opened | Self::Vouched)
    }
}

/// A slot, and the files that are it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotEntry {
    /// Its id in hex; empty for a damaged file under no slot's name.
    pub id: String,
    /// How it opens, in words; empty where that is not known.
    pub kind: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// When it was made, in seconds since 1970.
    pub made: Option<i64>,
    /// What the device that made it was called.
    pub device: Option<String>,
    /// That device's number in the vault.
    pub device_id: Option<String>,
    /// The id of the slot whose place it took.
    pub replaces: Option<String>,
    /// How far it can be relied on.
    pub standing: SlotStanding,
    /// Files that are this slot, by path below the vault; more than one if a sync client copied it.
    pub files: Vec<String>,
}

impl SlotEntry {
    fn of(id: String, standing: SlotStanding, path: &str) -> Self {
        Self {
            id,
            kind: String::new(),
            name: None,
            made: None,
            device: None,
            device_id: None,
            replaces: None,
            standing,
            files: vec![path.to_owned()],
        }
    }

    /// Whether it opens with a password.
    pub fn is_password(&self) -> bool {
        self.kind == SlotKind::Password.to_string()
    }

    /// Whether it needs a key vault.
    pub fn is_key_vault(&self) -> bool {
        self.kind == SlotKind::KeyVault.to_string()
    }

    fn tell(&mut self, note: SlotNote) {
        let given = |text: String| (!text.is_empty()).then_some(text);
        self.name = given(note.label);
        self.made = Some(note.created.secs);
        self.device = given(note.device_name);
        self.device_id = note.device.map(|device| device.to_string());
        self.replaces = note.replaces.map(|slot| slot.to_string());
    }
}

/// The slots of a vault, the oldest first, those of which that is not known before them. Without
/// keys, only what stands in the clear.
///
/// # Errors
/// [`StoreError`] if a folder cannot be listed; a slot that cannot be read is listed as damaged.
pub fn list_slots(
    vault: &VaultFolder,
    keys: Option<&ClassKeys>,
) -> Result<Vec<SlotEntry>, StoreError> {
    let mut entries: BTreeMap<String, SlotEntry> = BTreeMap::new();
    for path in vault.slot_paths()?.into_iter().take(SLOTS_MAX) {
        let entry = look_at(vault, keys, &path);
        let known_as = if entry.id.is_empty() { path } else { entry.id.clone() };
        match entries.get_mut(&known_as) {
            // Of several files that are one slot, the best tells what it is.
            Some(known) => {
                let mut files = std::mem::take(&mut known.files);
                files.extend(entry.files.iter().cloned());
                if entry.standing < known.standing {
                    *known = entry;
                }
                known.files = files;
            }
            None => drop(entries.insert(known_as, entry)),
        }
    }
    let mut entries: Vec<SlotEntry> = entries.into_values().collect();
    entries.sort_by_key(|entry| entry.made);
    Ok(entries)
}

fn look_at(vault: &VaultFolder, keys: Option<&ClassKeys>, path: &str) -> SlotEntry {
    let named = slot_id_of_path(path).map_or(String::new(), |id: SlotId| id.to_string());
    let parsed = match vault.get(path, SLOT_BYTES_MAX) {
        Ok(bytes) => UnverifiedSlot::parse(&bytes),
        Err(error) => {
            log::warn!("slot {path}: {error}");
            return SlotEntry::of(named, SlotStanding::Damaged, path);
        }
    };
    let slot = match parsed {
        Ok(slot) => slot,
        Err(SlotError::Newer(_) | SlotError::UnknownKind(_)) => {
            return SlotEntry::of(named, SlotStanding::Newer, path);
        }
        Err(_) => return SlotEntry::of(named, SlotStanding::Damaged, path),
    };
    let mut entry = SlotEntry::of(slot.claimed_id().to_string(), SlotStanding::Unvouched, path);
    entry.kind = slot.kind().to_string();
    let Some(keys) = keys else { return entry };
    match slot.note(keys) {
        Ok(Some(note)) => {
            entry.standing = SlotStanding::Vouched;
            entry.tell(note);
        }
        Ok(None) => {}
        Err(SlotError::OtherVault) => entry.standing = SlotStanding::Foreign,
        Err(_) => entry.standing = SlotStanding::Damaged,
    }
    entry
}
