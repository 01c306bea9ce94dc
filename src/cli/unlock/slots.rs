//! A vault's slots: reading them, and opening one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::args::UnlockArgs;
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::crypto::{SlotId, StretchError, VaultId};
use crate::format::{KEYS_FOLDER, OpenedSlot, SLOT_BYTES_MAX, SlotError, SlotKind, UnverifiedSlot};
use crate::fs::SLOTS_MAX;
use crate::store::{HostDisk, StoreError, VaultFolder, default_state_folder, kept_slots};

use super::candidates::Candidates;
use super::error::{Tried, UnlockError};

/// A vault's slots as they were read.
pub(in crate::cli) struct Slots {
    pub(super) path: PathBuf,
    slots: Vec<(String, UnverifiedSlot)>,
    /// Paths of slots that could not be read or are damaged.
    damaged: Vec<String>,
    /// There are slots that only a newer program can open.
    newer: bool,
}

impl Slots {
    /// Reads the slots of the vault at `vault`, which `folder` reads.
    ///
    /// # Errors
    /// [`UnlockError::NoSlots`] or [`Error::Store`].
    pub(in crate::cli) fn read(vault: &Path, folder: &VaultFolder) -> Result<Self, Error> {
        let path = vault.to_owned();
        let mut slots = Self { path, slots: Vec::new(), damaged: Vec::new(), newer: false };
        slots.read_all(folder)?;
        Ok(slots)
    }

    /// Copies that this device keeps of slots that it has relied on, for a vault that has none; `None`
    /// if there are none.
    pub(super) fn kept(vault: &Path, id: &VaultId) -> Option<Self> {
        let state = default_state_folder(id)?;
        let kept = kept_slots(&HostDisk, &state).unwrap_or_default();
        let whole = |(path, bytes): (PathBuf, Vec<u8>)| {
            let slot = UnverifiedSlot::parse(&bytes).ok()?;
            Some((path.shown(), slot))
        };
        let slots: Vec<_> = kept.into_iter().filter_map(whole).collect();
        if slots.is_empty() {
            return None;
        }
        log::warn!(
            "{}/{KEYS_FOLDER} holds no slots: they have not been downloaded yet, or two devices \
             removed them at the same time. The copies are tried that this device keeps of slots it \
             has relied on. If the slots do not come, “hushfs key add” makes a new one",
            vault.shown()
        );
        Some(Self { path: vault.to_owned(), slots, damaged: Vec::new(), newer: false })
    }

    /// Those that are whole.
    #[cfg(feature = "keyvault")]
    pub(in crate::cli) fn whole(&self) -> impl Iterator<Item = &UnverifiedSlot> {
        self.slots.iter().map(|(_, slot)| slot)
    }

    /// The vaults that whole slots say they unlock, the one that most of them name first.
    pub(in crate::cli) fn claimed_vaults(&self) -> Vec<VaultId> {
        let mut counts: BTreeMap<VaultId, usize> = BTreeMap::new();
        for (_, slot) in &self.slots {
            *counts.entry(*slot.claimed_vault()).or_default() += 1;
        }
        let mut vaults: Vec<VaultId> = counts.keys().copied().collect();
        vaults.sort_by_key(|vault| std::cmp::Reverse(counts[vault]));
        vaults
    }

    fn read_all(&mut self, folder: &VaultFolder) -> Result<(), Error> {
        let paths = match folder.slot_paths() {
            Ok(paths) => paths,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        self.read_some(folder, &paths);
        let mut has_any = !paths.is_empty();
        // The whole vault is searched only where something is amiss.
        if self.slots.is_empty() || !self.damaged.is_empty() {
            let mut renamed = folder.renamed_slot_paths().unwrap_or_default();
            renamed.retain(|path| !paths.contains(path));
            self.read_some(folder, &renamed);
            has_any |= !self.slots.is_empty();
        }
        match has_any {
            true => Ok(()),
            false => Err(Error::Unlock(UnlockError::NoSlots { vault: self.path.clone() })),
        }
    }

    fn read_some(&mut self, folder: &VaultFolder, paths: &[String]) {
        if paths.len() > SLOTS_MAX {
            log::warn!("{} slots; only the first {SLOTS_MAX} are tried", paths.len());
        }
        for path in paths.iter().take(SLOTS_MAX).cloned() {
            let is_own = path.strip_prefix(KEYS_FOLDER).is_some_and(|rest| rest.starts_with('/'));
            let bytes = match folder.get(&path, SLOT_BYTES_MAX) {
                Ok(bytes) => bytes,
                // Elsewhere it need not be a slot at all.
                Err(error) if !is_own => {
                    log::info!("slot {path}: {error}");
                    continue;
                }
                Err(error) => {
                    log::warn!("slot {path}: {error}");
                    self.damaged.push(path);
                    continue;
                }
            };
            match UnverifiedSlot::parse(&bytes) {
                Ok(slot) if slot.kind() == SlotKind::KeyVault && !cfg!(feature = "keyvault") => {
                    log::info!("slot {path}: for a hushfs that is built with key vaults");
                    self.newer = true;
                }
                Ok(slot) => self.slots.push((path, slot)),
                Err(error @ (SlotError::Newer(_) | SlotError::UnknownKind(_))) => {
                    log::info!("slot {path}: {error}");
                    self.newer = true;
                }
                Err(error) if !is_own => log::info!("slot {path}: {error}"),
                Err(error) => {
                    log::warn!("slot {path}: {error}");
                    self.damaged.push(path);
                }
            }
        }
    }

    /// Opens whichever slot of `vault` does. Keys first: a password takes a second for each slot.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub(in crate::cli) fn open_any(
        &self,
        candidates: &Candidates,
        vault: &VaultId,
    ) -> Result<OpenedSlot, UnlockError> {
        if candidates.by_key_vault {
            return self.open_by_key_vault(candidates, vault);
        }
        let mut failed = Failed { damaged: self.damaged.clone(), ..Failed::default() };
        if let Some(key) = &candidates.key {
            let open = |slot: &UnverifiedSlot, vault: &VaultId| slot.open_with_key(key, vault);
            if let Some(opened) = self.try_slots(SlotKind::RecoveryKey, open, vault, &mut failed) {
                return Ok(opened);
            }
        }
        if let Some(password) = &candidates.password {
            let open =
                |slot: &UnverifiedSlot, vault: &VaultId| slot.open_with_password(password, vault);
            if let Some(opened) = self.try_slots(SlotKind::Password, open, vault, &mut failed) {
                return Ok(opened);
            }
        }
        let tried = candidates.tried;
        Err(if let Some(error) = failed.stretch {
            UnlockError::Stretch(error)
        } else if !failed.damaged.is_empty() {
            UnlockError::SlotsDamaged { tried, slots: failed.damaged }
        } else if failed.wrong > 0 || candidates.hint.is_some() {
            UnlockError::Wrong { tried, hint: candidates.hint }
        } else if failed.foreign > 0 {
            UnlockError::ForeignSlots { vault: self.path.clone() }
        } else if tried != Tried::Key && self.of_kind(SlotKind::KeyVault).next().is_some() {
            UnlockError::KeyVaultNeeded { vault: self.path.clone(), there: true }
        } else if self.newer {
            UnlockError::NewerSlots { vault: self.path.clone(), tried }
        } else if tried == Tried::Either {
            // A key was asked for as well, and what was typed has not the form of one.
            UnlockError::Wrong { tried, hint: None }
        } else {
            UnlockError::NoSuchWay { vault: self.path.clone(), tried }
        })
    }

    /// Every slot of `vault` that opens, `first` among them, which has and is not opened again: that takes a
    /// second, or a guess.
    pub(super) fn all_that_open(
        &self,
        candidates: &Candidates,
        vault: &VaultId,
        first: SlotId,
    ) -> Vec<SlotId> {
        let opens = |slot: &UnverifiedSlot| {
            let by_key = candidates.key.as_ref().map(|key| slot.open_with_key(key, vault));
            let by_password = candidates
                .password
                .as_ref()
                .filter(|_| slot.kind() == SlotKind::Password)
                .map(|password| slot.open_with_password(password, vault));
            by_key.is_some_and(|opened| opened.is_ok())
                || by_password.is_some_and(|opened| opened.is_ok())
        };
        let mut opening = vec![first];
        for (_, slot) in &self.slots {
            if !opening.contains(slot.claimed_id()) && opens(slot) {
                opening.push(*slot.claimed_id());
            }
        }
        opening
    }

    fn of_kind(&self, kind: SlotKind) -> impl Iterator<Item = &(String, UnverifiedSlot)> {
        self.slots.iter().filter(move |(_, slot)| slot.kind() == kind)
    }

    /// Opens a slot of `vault` together with its key vault.
    ///
    /// # Errors
    /// [`UnlockError::KeyVaultNeeded`] if there is none, or [`UnlockError::KeyVault`].
    fn open_by_key_vault(
        &self,
        candidates: &Candidates,
        vault: &VaultId,
    ) -> Result<OpenedSlot, UnlockError> {
        #[cfg(feature = "keyvault")]
        if let Some(password) = &candidates.password {
            let slots = self.of_kind(SlotKind::KeyVault).map(|(_, slot)| slot);
            if let Some(opened) = crate::cli::keyvault::open_any(slots, password, vault) {
                return opened;
            }
        }
        let _ = (candidates, vault);
        Err(UnlockError::KeyVaultNeeded { vault: self.path.clone(), there: false })
    }

    /// Says how many guesses the key vault leaves, if it is to be asked: before anybody types a password.
    ///
    /// # Errors
    /// [`UnlockError::KeyVaultNeeded`] if there is none, or [`UnlockError::KeyVault`].
    pub(super) fn tell_of_guesses(
        &self,
        how: &UnlockArgs,
        vault: &VaultId,
    ) -> Result<(), UnlockError> {
        #[cfg(feature = "keyvault")]
        if how.wants_key_vault() {
            let slots = self.of_kind(SlotKind::KeyVault).map(|(_, slot)| slot);
            return match crate::cli::keyvault::tell_of_guesses(slots, vault) {
                Some(told) => told,
                None => Err(UnlockError::KeyVaultNeeded { vault: self.path.clone(), there: false }),
            };
        }
        let _ = (how, vault);
        Ok(())
    }

    fn try_slots(
        &self,
        kind: SlotKind,
        open: impl Fn(&UnverifiedSlot, &VaultId) -> Result<OpenedSlot, SlotError>,
        vault: &VaultId,
        failed: &mut Failed,
    ) -> Option<OpenedSlot> {
        for (path, slot) in self.of_kind(kind) {
            match open(slot, vault) {
                Ok(opened) => return Some(opened),
                Err(SlotError::WrongPassword | SlotError::WrongKey) => failed.wrong += 1,
                Err(error @ SlotError::OtherVault) => {
                    log::info!("slot {path}: {error}");
                    failed.foreign += 1;
                }
                Err(SlotError::Stretch(error @ StretchError::OutOfMemory { .. })) => {
                    failed.stretch = Some(error);
                }
                Err(error) => {
                    log::warn!("slot {path}: {error}");
                    failed.damaged.push(path.clone());
                }
            }
        }
        None
    }
}

/// Why no slot opened.
#[derive(Default)]
struct Failed {
    wrong: usize,
    /// Whole slots of another vault.
    foreign: usize,
    damaged: Vec<String>,
    stretch: Option<StretchError>,
}

/// Nothing stands under the name that was asked for, or what should be its folder is none.
pub(in crate::cli) fn is_missing(error: &StoreError) -> bool {
    match error {
        StoreError::Missing(_) => true,
        StoreError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotADirectory,
        _ => false,
    }
}
