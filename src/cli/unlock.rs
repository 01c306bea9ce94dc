//! From a vault's slots, and a password or key, to the vault's keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::crypto::{ClassKeys, Password, SlotId, StretchError, VaultId};
use crate::format::{
    Descriptor, KEYS_FOLDER, KeyTextError, ObjectName, OpenedSlot, RecoveryKey, SLOT_BYTES_MAX,
    SlotError, SlotKind, UnverifiedDescriptor, UnverifiedSlot,
};
use crate::fs::SLOTS_MAX;
#[cfg(feature = "keyvault")]
use crate::keyvault::client::ClientError;
use crate::store::{
    BegunNote, HostDisk, StoreError, VaultFolder, default_state_folder, kept_slots,
};

use super::args::UnlockArgs;
use super::ask::{Ask, Terminal};
use super::descriptor::{claimed_descriptors, copies_anywhere};
use super::error::Error;
use super::names::Shown as _;
use super::remembered::open_remembered;
use super::secrets::{key_from_file, password_from_command, password_from_file};
use super::unlock_error::{Tried, UnlockError};

/// How often a person may try.
const TRIES: u32 = 3;

/// An unlocked vault.
#[derive(Clone, Debug)]
pub struct Unlocked {
    /// What the vault is, authenticated.
    pub descriptor: Descriptor,
    /// The keys of its objects.
    pub keys: ClassKeys,
}

/// Unlocks the vault at `vault`, which `folder` reads, as `how` says; if it says nothing, with the key in
/// the keyring where this device remembers the vault, and else asks at the terminal.
///
/// # Errors
/// [`Error::Usage`] if there is nobody to ask, [`Error::Unlock`], [`Error::Secrets`],
/// [`Error::Ask`] or [`Error::Store`].
pub fn unlock(vault: &Path, folder: &VaultFolder, how: &UnlockArgs) -> Result<Unlocked, Error> {
    unlock_saying_how(vault, folder, how).map(|(unlocked, _)| unlocked)
}

/// As [`unlock`]; says with which slot.
///
/// # Errors
/// As for [`unlock`].
pub(super) fn unlock_saying_how(
    vault: &Path,
    folder: &VaultFolder,
    how: &UnlockArgs,
) -> Result<(Unlocked, SlotId), Error> {
    let locked = LockedVault::read(vault, folder)?;
    locked.slots.tell_of_guesses(how, &locked.id())?;
    open_as(how, &[locked.id()], &|candidates| locked.open(candidates))
}

/// As [`unlock`]; goes on trying all other slots, and says every one that opens.
///
/// # Errors
/// As for [`unlock`].
pub(super) fn unlock_with_all(
    vault: &Path,
    folder: &VaultFolder,
    how: &UnlockArgs,
) -> Result<(Unlocked, Vec<SlotId>), Error> {
    let locked = LockedVault::read(vault, folder)?;
    locked.slots.tell_of_guesses(how, &locked.id())?;
    open_as(how, &[locked.id()], &|candidates| {
        let (unlocked, first) = locked.open(candidates)?;
        let vault = unlocked.descriptor.vault;
        Ok((unlocked, locked.slots.all_that_open(candidates, &vault, first)))
    })
}

/// Whether a password opens the vault; `None` where that cannot be found out.
pub(super) fn opens_with_password(
    vault: &Path,
    folder: &VaultFolder,
    password: Password,
) -> Option<bool> {
    opens(vault, folder, &Candidates::password(password))
}

/// Whether a 64-digit key opens the vault; `None` where that cannot be found out.
pub(super) fn opens_with_key(vault: &Path, folder: &VaultFolder, key: RecoveryKey) -> Option<bool> {
    opens(vault, folder, &Candidates::key(key))
}

/// Whether one of these opens the vault; `None` where that cannot be found out.
pub(super) fn opens(vault: &Path, folder: &VaultFolder, candidates: &Candidates) -> Option<bool> {
    let locked = LockedVault::read(vault, folder).ok()?;
    match locked.open(candidates) {
        Ok(_) => Some(true),
        Err(UnlockError::Wrong { .. } | UnlockError::NoSuchWay { .. }) => Some(false),
        Err(_) => None,
    }
}

/// Unlocks as `how` says with `open`, which tries what it is given. The keyring is asked for keys of
/// `vaults`, one of which it is.
pub(super) fn open_as<T>(
    how: &UnlockArgs,
    vaults: &[VaultId],
    open: &dyn Fn(&Candidates) -> Result<T, UnlockError>,
) -> Result<T, Error> {
    let by_key_vault = how.wants_key_vault();
    let candidates = if let Some(file) = &how.password_file {
        Candidates::password(password_from_file(file)?)
    } else if let Some(command) = &how.password_command {
        Candidates::password(password_from_command(command)?)
    } else if let Some(file) = &how.key_file {
        Candidates::key(key_from_file(file)?)
    } else {
        if !how.no_keyring
            && !by_key_vault
            && let Some(opened) = open_remembered(vaults, open)?
        {
            return Ok(opened);
        }
        let Some(mut terminal) = Terminal::at_hand() else {
            return Err(Error::Usage(
                "there is no terminal to ask for the password at: pass --password-file, \
                 --password-command or --key-file"
                    .to_owned(),
            ));
        };
        return open_asking(&mut terminal, by_key_vault, open);
    };
    Ok(open(&Candidates { by_key_vault, ..candidates })?)
}

/// Asks until something opens, or [`TRIES`] times.
fn open_asking<T>(
    ask: &mut dyn Ask,
    by_key_vault: bool,
    open: &dyn Fn(&Candidates) -> Result<T, UnlockError>,
) -> Result<T, Error> {
    let prompt = match by_key_vault {
        true => "Password of the key vault: ",
        false => "Password or 64-digit key: ",
    };
    let mut left = TRIES;
    loop {
        let typed = ask.secret(prompt)?;
        left -= 1;
        let opened = match Candidates::typed(typed) {
            Some(candidates) => open(&Candidates { by_key_vault, ..candidates }),
            None => Err(UnlockError::Wrong { tried: Tried::Either, hint: None }),
        };
        match opened {
            Err(error) if left > 0 && is_worth_another_try(&error) => {
                ask.say(&format!("{error}. Try again."))?;
            }
            opened => return Ok(opened?),
        }
    }
}

fn is_worth_another_try(error: &UnlockError) -> bool {
    match error {
        UnlockError::Wrong { .. } | UnlockError::SlotsDamaged { .. } => true,
        #[cfg(feature = "keyvault")]
        UnlockError::KeyVault(ClientError::WrongPassword { guesses_left }) => *guesses_left > 0,
        _ => false,
    }
}

/// Unlocks by asking.
///
/// # Errors
/// As for [`unlock`].
#[cfg(fuzzing)]
pub fn unlock_asking(folder: &VaultFolder, ask: &mut dyn Ask) -> Result<Unlocked, Error> {
    let locked = LockedVault::read(folder.root(), folder)?;
    open_asking(ask, false, &|candidates| locked.open(candidates)).map(|(unlocked, _)| unlocked)
}

/// What may open a slot.
pub(super) struct Candidates {
    password: Option<Password>,
    key: Option<RecoveryKey>,
    tried: Tried,
    hint: Option<KeyTextError>,
    /// The password is tried with a key vault, and only so: that takes a guess.
    by_key_vault: bool,
}

impl Candidates {
    fn password(password: Password) -> Self {
        Self {
            password: Some(password),
            key: None,
            tried: Tried::Password,
            hint: None,
            by_key_vault: false,
        }
    }

    pub(super) fn key(key: RecoveryKey) -> Self {
        Self { password: None, key: Some(key), tried: Tried::Key, hint: None, by_key_vault: false }
    }

    /// What a person typed: a password, and a key if it has the form of one. `None` if nothing
    /// was typed.
    fn typed(typed: zeroize::Zeroizing<Vec<u8>>) -> Option<Self> {
        let text = std::str::from_utf8(&typed).unwrap_or_default();
        let (key, hint) = match RecoveryKey::parse(text) {
            Ok(key) => (Some(key), None),
            // Nobody types so many hex digits as a password.
            Err(error @ (KeyTextError::TooFew { digits: 40.. } | KeyTextError::TooMany { .. })) => {
                (None, Some(error))
            }
            Err(_) => (None, None),
        };
        let password = Some(Password::new(typed).ok()?);
        Some(Self { key, hint, password, tried: Tried::Either, by_key_vault: false })
    }
}

/// A vault's descriptor and slots as they were read.
struct LockedVault<'a> {
    folder: &'a VaultFolder,
    /// The descriptor, and what may be copies of it, by path.
    descriptors: Vec<(String, UnverifiedDescriptor)>,
    slots: Slots,
}

impl<'a> LockedVault<'a> {
    /// The vault that it says it is.
    fn id(&self) -> VaultId {
        *self.descriptors[0].1.claimed_vault()
    }

    fn read(vault: &Path, folder: &'a VaultFolder) -> Result<Self, Error> {
        let descriptors = claimed_descriptors(vault, folder)?;
        let slots = match Slots::read(vault, folder) {
            Err(Error::Unlock(error @ UnlockError::NoSlots { .. })) => {
                Slots::kept(vault, descriptors[0].1.claimed_vault()).ok_or(error)?
            }
            slots => slots?,
        };
        Ok(Self { folder, descriptors, slots })
    }

    fn open(&self, candidates: &Candidates) -> Result<(Unlocked, SlotId), UnlockError> {
        let (_, first) = &self.descriptors[0];
        let vault = first.claimed_vault();
        let opened = self.slots.open_any(candidates, vault)?;
        let keys = opened.master.class_keys(vault);
        let whole = |(path, descriptor): &(String, UnverifiedDescriptor)| {
            let verified = descriptor.verify(&keys).ok()?;
            self.folder.read_from(&ObjectName::Descriptor, path);
            Some(verified)
        };
        let known = self.descriptors.iter().find_map(whole);
        let found = known.or_else(|| copies_anywhere(self.folder).iter().find_map(whole));
        let vault = self.slots.path.clone();
        let descriptor = match found {
            Some(descriptor) => descriptor,
            None => first
                .verify(&keys)
                .map_err(|source| UnlockError::DescriptorDamaged { vault, source })?,
        };
        BegunNote::forget_all(&self.slots.path);
        Ok((Unlocked { descriptor, keys }, opened.id))
    }
}

/// A vault's slots as they were read.
pub(super) struct Slots {
    path: PathBuf,
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
    pub(super) fn read(vault: &Path, folder: &VaultFolder) -> Result<Self, Error> {
        let path = vault.to_owned();
        let mut slots = Self { path, slots: Vec::new(), damaged: Vec::new(), newer: false };
        slots.read_all(folder)?;
        Ok(slots)
    }

    /// Copies that this device keeps of slots that it has relied on, for a vault that has none; `None`
    /// if there are none.
    fn kept(vault: &Path, id: &VaultId) -> Option<Self> {
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

    /// The vaults that whole slots say they unlock, the one that most of them name first.
    pub(super) fn claimed_vaults(&self) -> Vec<VaultId> {
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
    pub(super) fn open_any(
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
    fn all_that_open(
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
            if let Some(opened) = super::keyvault::open_any(slots, password, vault) {
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
    fn tell_of_guesses(&self, how: &UnlockArgs, vault: &VaultId) -> Result<(), UnlockError> {
        #[cfg(feature = "keyvault")]
        if how.wants_key_vault() {
            let slots = self.of_kind(SlotKind::KeyVault).map(|(_, slot)| slot);
            return match super::keyvault::tell_of_guesses(slots, vault) {
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
pub(super) fn is_missing(error: &StoreError) -> bool {
    match error {
        StoreError::Missing(_) => true,
        StoreError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotADirectory,
        _ => false,
    }
}

#[cfg(test)]
#[path = "unlock_tests.rs"]
mod tests;
