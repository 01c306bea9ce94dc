//! A vault whose slots can be seen and changed: unlocked by this process, or by a mount of this device.
//!
//! A mount keeps its master key to itself. It is handed a wrapping key, and makes the slot.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, XattrFlags, flock, setxattr};
use rustix::io::Errno;

use crate::cli::answer::{NoAnswer, answer};
use crate::cli::args::UnlockArgs;
use crate::cli::descriptor::{claimed_id, is_vault};
use crate::cli::device::device_name;
use crate::cli::error::Error;
use crate::cli::host::NO_XATTR;
use crate::cli::mounted::mount_point_of_vault;
use crate::cli::status::status_of_mount;
use crate::cli::unlock::{Unlocked, unlock_saying_how, unlock_with_all};
use crate::crypto::{ClassKeys, SlotId, VaultId};
use crate::format::{DeviceId, KEYS_FOLDER, SLOT_BYTES_MAX, SlotWay, UnverifiedSlot, slot_path};
use crate::fs::{
    NewSlot, SlotChangeError, SlotEntry, SlotStanding, list_slots, put_slot, remove_slot,
};
use crate::fuse::{ADD_SLOT_ATTRIBUTE, SLOTS_ATTRIBUTE, is_dead};
use crate::store::{HostDisk, StateFolder, VaultFolder, default_state_folder, keep_slots};

use super::error::KeyError;
use super::words::cut_name;
use crate::cli::names::Shown as _;

/// Who has the vault unlocked.
enum Holder {
    Mount(PathBuf),
    Process(Box<Unlocked>),
}

/// A vault whose slots can be seen and changed.
pub(in crate::cli) struct SlotAccess {
    /// The vault's folder.
    pub(in crate::cli) vault: PathBuf,
    folder: VaultFolder,
    id: VaultId,
    holder: Holder,
    /// Where it is mounted, if this user may ask that mount.
    mounted_at: Option<PathBuf>,
    /// Slots that were opened with their own secret.
    opened: Vec<SlotId>,
}

/// A vault's folder, from that or from where it is mounted; and that mount, if this user may ask it.
pub(in crate::cli) fn find_vault(place: &Path) -> Result<(PathBuf, Option<PathBuf>), Error> {
    let (vault, mount) = match is_vault(&VaultFolder::new(Arc::new(HostDisk), place)) {
        true => (place.to_owned(), mount_point_of_vault(place)?),
        false if keys_are_there(place) => (place.to_owned(), None),
        false => {
            let status = status_of_mount(place)?;
            (PathBuf::from(status.vault), Some(PathBuf::from(status.mountpoint)))
        }
    };
    let answers = |mount: &PathBuf| !is_dead(mount) && status_of_mount(mount).is_ok();
    Ok((vault, mount.filter(answers)))
}

/// What is left of a vault whose descriptor is gone gets the message of who cannot unlock it.
fn keys_are_there(place: &Path) -> bool {
    place.join(KEYS_FOLDER).is_dir()
}

impl SlotAccess {
    /// By the mount of this device, if there is one and nothing says how to unlock; else by unlocking.
    ///
    /// # Errors
    /// Those of unlocking.
    pub(in crate::cli) fn open(place: &Path, how: &UnlockArgs) -> Result<Self, Error> {
        match find_vault(place)? {
            (vault, Some(mount)) if how.is_silent() => Self::through_mount(vault, mount),
            (vault, mount) => Self::unlocked(vault, mount, how, false),
        }
    }

    /// By unlocking, and with every slot known that opens like that.
    ///
    /// # Errors
    /// Those of unlocking.
    pub(in crate::cli) fn open_with_all(vault: PathBuf, how: &UnlockArgs) -> Result<Self, Error> {
        Self::unlocked(vault, None, how, true)
    }

    /// By unlocking, also where a mount of this device could be asked: it keeps its master key to itself.
    ///
    /// # Errors
    /// Those of unlocking.
    #[cfg(feature = "keyvault")]
    pub(in crate::cli) fn open_here(place: &Path, how: &UnlockArgs) -> Result<Self, Error> {
        let (vault, mount) = find_vault(place)?;
        Self::unlocked(vault, mount, how, false)
    }

    /// By the mount of this device.
    ///
    /// # Errors
    /// If the vault cannot be read.
    pub(in crate::cli) fn through_mount(vault: PathBuf, mount: PathBuf) -> Result<Self, Error> {
        let folder = VaultFolder::new(Arc::new(HostDisk), &vault);
        let id = claimed_id(&vault)?;
        let (mounted_at, holder) = (Some(mount.clone()), Holder::Mount(mount));
        Ok(Self { vault, folder, id, holder, mounted_at, opened: Vec::new() })
    }

    fn unlocked(
        vault: PathBuf,
        mounted_at: Option<PathBuf>,
        how: &UnlockArgs,
        all: bool,
    ) -> Result<Self, Error> {
        let folder = VaultFolder::new(Arc::new(HostDisk), &vault);
        let (unlocked, opened) = match all {
            true => unlock_with_all(&vault, &folder, how)?,
            false => {
                let (unlocked, slot) = unlock_saying_how(&vault, &folder, how)?;
                (unlocked, vec![slot])
            }
        };
        let id = unlocked.descriptor.vault;
        let holder = Holder::Process(Box::new(unlocked));
        Ok(Self { vault, folder, id, holder, mounted_at, opened })
    }

    /// The vault's id.
    pub(in crate::cli) fn id(&self) -> &VaultId {
        &self.id
    }

    /// Slots that were opened with their own secret.
    pub(in crate::cli) fn opened(&self) -> &[SlotId] {
        &self.opened
    }

    /// The vault's keys, where this process has unlocked it.
    #[cfg(feature = "keyvault")]
    pub(in crate::cli) fn keys(&self) -> Option<&ClassKeys> {
        match &self.holder {
            Holder::Process(unlocked) => Some(&unlocked.keys),
            Holder::Mount(_) => None,
        }
    }

    /// What stands in a slot's file.
    #[cfg(feature = "keyvault")]
    pub(in crate::cli) fn read(&self, slot: &SlotEntry) -> Option<UnverifiedSlot> {
        let whole = |path: &String| {
            let bytes = self.folder.get(path, SLOT_BYTES_MAX).ok()?;
            UnverifiedSlot::parse(&bytes).ok()
        };
        slot.files.iter().find_map(whole)
    }

    /// Where the vault is mounted, whoever gives access.
    pub(in crate::cli) fn mounted_at(&self) -> Option<&Path> {
        self.mounted_at.as_deref()
    }

    /// The slots as they are now.
    ///
    /// # Errors
    /// [`Error`] if they cannot be listed.
    pub(in crate::cli) fn slots(&self) -> Result<Vec<SlotEntry>, Error> {
        let mut slots: Vec<SlotEntry> = match &self.holder {
            Holder::Process(unlocked) => list_slots(&self.folder, Some(&unlocked.keys))?,
            Holder::Mount(mount) => {
                answer(mount, SLOTS_ATTRIBUTE).map_err(|error| match error {
                    NoAnswer::Refused(NO_XATTR) => mount_error(mount, other_version()),
                    error => Error::Io {
                        doing: format!("asking the mount at {}", mount.shown()),
                        source: error.into(),
                    },
                })?
            }
        };
        for slot in &mut slots {
            let is_opened = SlotId::from_hex(&slot.id).is_some_and(|id| self.opened.contains(&id));
            let is_whole = slot.standing <= SlotStanding::Unvouched;
            if is_opened && is_whole {
                slot.standing = SlotStanding::Opened;
            }
        }
        Ok(slots)
    }

    /// Adds a slot: it is durable, and was seen to open, when this returns.
    ///
    /// # Errors
    /// [`Error::Key`]; what there is of the slot goes: it must not count as a way that opens the vault
    /// when nobody has kept its password or key.
    pub(in crate::cli) fn add(
        &self,
        way: SlotWay,
        name: &str,
        replaces: Option<SlotId>,
    ) -> Result<SlotId, Error> {
        let (id, device_name) = (way.id(), cut_name(&device_name()).to_owned());
        let new = NewSlot { way, name: name.to_owned(), device_name, replaces };
        let done = self.put_and_see(&new);
        if done.is_err()
            && self.look_at(&new).is_ok()
            && let Err(error) = self.folder.remove(&slot_path(id))
        {
            log::warn!("slot {id} may be there, with a password or key that nobody has: {error}");
        }
        done.map(|()| id)
    }

    fn put_and_see(&self, new: &NewSlot) -> Result<(), Error> {
        match &self.holder {
            Holder::Process(unlocked) => {
                let Unlocked { descriptor, keys } = &**unlocked;
                let device = self.device(keys);
                put_slot(&self.folder, keys, descriptor, device, new).map_err(KeyError::Change)?;
            }
            Holder::Mount(mount) => have_added(mount, new)?,
        }
        // Whoever put it, and wherever: it must be in the vault that was named, and open.
        self.look_at(new).map_err(|why| {
            let path = self.folder.place(&slot_path(new.way.id()));
            KeyError::NotInPlace { path, why }.into()
        })
    }

    /// Whether a new slot is in its place and opens in its way; else why not.
    fn look_at(&self, new: &NewSlot) -> Result<(), String> {
        let bytes = self.folder.get(&slot_path(new.way.id()), SLOT_BYTES_MAX);
        let bytes = bytes.map_err(|error| error.to_string())?;
        UnverifiedSlot::parse(&bytes)
            .and_then(|slot| slot.open_way(&new.way, &self.id))
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// The number that this machine has in the vault, as far as its usual state folder knows.
    fn device(&self, keys: &ClassKeys) -> Option<DeviceId> {
        let state = StateFolder::existing(Arc::new(HostDisk), default_state_folder(&self.id)?);
        Some(state.device(keys).ok()??.device)
    }

    /// Removes a slot, if another one is there that is known to open the vault, of which the key is neither only
    /// in a keyring nor only with a key vault. Fine if it is gone.
    ///
    /// # Errors
    /// [`KeyError::LastSlot`], [`KeyError::NoneRelied`], [`KeyError::OnlyKeyrings`] or
    /// [`KeyError::OnlyKeyVaults`]; [`Error::Store`], and the slot may then be there still.
    pub(in crate::cli) fn remove(&self, slot: &SlotEntry) -> Result<(), Error> {
        let _turn = turn_at(&self.folder);
        let slots = self.slots()?;
        let is_it = |other: &&SlotEntry| match slot.id.as_str() {
            "" => other.files == slot.files,
            id => other.id == id,
        };
        let Some(slot) = slots.iter().find(is_it) else { return Ok(()) };
        let others: Vec<&SlotEntry> = slots.iter().filter(|other| *other != slot).collect();
        let vault = self.vault.clone();
        let opens = |other: &&&SlotEntry| other.standing <= SlotStanding::Unvouched;
        if others.iter().filter(opens).count() == 0 && slot.standing <= SlotStanding::Unvouched {
            let slot = super::words::short(slot).to_owned();
            return Err(KeyError::LastSlot { slot, vault }.into());
        }
        let stay: Vec<&SlotEntry> =
            others.into_iter().filter(|other| other.standing.is_relied_on()).collect();
        self.check_stay(&stay)?;
        // Anybody who has the slot can have its key destroyed.
        if stay.iter().all(|other| other.is_key_vault()) && !slot.is_key_vault() {
            return Err(KeyError::OnlyKeyVaults { vault }.into());
        }
        self.keep(&stay);
        Ok(remove_slot(&self.folder, slot)?)
    }

    /// Whether it is enough if of the slots that are known to open the vault these stay.
    ///
    /// # Errors
    /// [`KeyError::NoneRelied`] or [`KeyError::OnlyKeyrings`].
    pub(in crate::cli) fn check_stay(&self, stay: &[&SlotEntry]) -> Result<(), KeyError> {
        let vault = self.vault.clone();
        if stay.is_empty() {
            return Err(KeyError::NoneRelied { vault });
        }
        match stay.iter().all(|slot| super::words::is_of_keyring(slot)) {
            true => Err(KeyError::OnlyKeyrings { vault }),
            false => Ok(()),
        }
    }

    /// Keeps copies of the slots that stay, for the case that another device removes them at this
    /// moment: then neither would be left.
    fn keep(&self, stay: &[&SlotEntry]) {
        let bytes = |slot: &&SlotEntry| {
            let id = SlotId::from_hex(&slot.id)?;
            let whole = |path: &String| {
                let bytes = self.folder.get(path, SLOT_BYTES_MAX).ok()?;
                let slot = UnverifiedSlot::parse(&bytes).ok()?;
                (*slot.claimed_id() == id).then_some(bytes)
            };
            Some((id, slot.files.iter().find_map(whole)?))
        };
        let slots: Vec<_> = stay.iter().filter_map(bytes).collect();
        let kept =
            default_state_folder(&self.id).map(|state| keep_slots(&HostDisk, &state, &slots));
        match kept {
            Some(Ok(())) => {}
            Some(Err(error)) => log::warn!("no copies of the slots that stay are kept: {error}"),
            None => log::info!("neither HOME nor XDG_STATE_HOME: no copies of slots are kept"),
        }
    }
}

/// Waits until no other command of this machine removes slots: two that each leave what the other one
/// removes would leave none. Where the disk has no such locks, nobody waits.
fn turn_at(folder: &VaultFolder) -> Option<File> {
    let keys = File::open(folder.place(KEYS_FOLDER)).ok()?;
    flock(&keys, FlockOperation::LockExclusive).ok()?;
    Some(keys)
}

/// Has the mount add a slot.
fn have_added(mount: &Path, new: &NewSlot) -> Result<(), Error> {
    let bytes = new.to_bytes().map_err(|error| mount_error(mount, error.to_string()))?;
    setxattr(mount, ADD_SLOT_ATTRIBUTE, &bytes, XattrFlags::empty()).map_err(|errno| {
        let why = match errno {
            Errno::PERM => "only root and who has mounted it can; or it is of another version \
                            of hushfs"
                .to_owned(),
            Errno::ROFS => "it is mounted read-only: unmount it, or pass --password-file or \
                            --key-file"
                .to_owned(),
            Errno::NODEV => "the vault’s folder is not there, or another vault’s".to_owned(),
            Errno::MLINK => SlotChangeError::TooMany.to_string(),
            errno => std::io::Error::from(errno).to_string(),
        };
        mount_error(mount, why)
    })
}

fn mount_error(mount: &Path, why: String) -> Error {
    KeyError::Mount { mount_point: mount.to_owned(), why }.into()
}

fn other_version() -> String {
    "it is of another version of hushfs: unmount and mount again".to_owned()
}
