//! The state folder: what one device keeps of a vault outside the sync folder.
//!
//! Everything in it is sealed, but for who holds the lock, how the last mount ended, and which slot's key
//! is in the keyring.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::crypto::{AccountId, ClassKeys, Nonce, ObjectClass, ObjectId, VaultId};
use crate::format::{
    DeviceId, FRAME_BYTES, FormatError, Frontier, FrontierEntry, Magic, PackId, check_magic,
    write_magic,
};

use super::disk::{Disk, read_whole};
use super::durably;
use super::error::StoreError;

const DEVICE_NAME: &str = "device";
const SEEN_NAME: &str = "seen";
const REMINDER_NAME: &str = "reminder";
const REKEYED_START: &str = "rekeyed-";
const KEY_VAULT_NAME: &str = "keyvault";
const LAST_END_NAME: &str = "last-end";
const STAGED_FOLDER: &str = "staged";
const RECORD_BYTES_MAX: u64 = 16 << 20;
const LAST_END_BYTES_MAX: u64 = 64 << 10;

/// Where the state of `vault` is kept unless the user says otherwise:
/// `$XDG_STATE_HOME/hushfs/<vault id>`, by default below `~/.local/state`.
pub fn default_state_folder(vault: &VaultId) -> Option<PathBuf> {
    Some(state_home()?.join(vault.to_string()))
}

/// The usual place for what this machine keeps of vaults.
pub(super) fn state_home() -> Option<PathBuf> {
    let absolute = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let base =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(base.join("hushfs"))
}

/// Whether a state folder that nobody uses holds something that is not in the vault: a mount
/// ended without saying that all is well.
pub fn holds_unpublished(root: &Path) -> bool {
    let is_published = StateFolder::last_end(root).is_some_and(|end| !end.unpublished);
    root.join(DEVICE_NAME).exists() && !is_published
}

/// Which device this state folder makes of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// The device.
    pub device: DeviceId,
    /// The machine that the state folder was made on; on another one it is a copy.
    pub machine: String,
}

/// What this device has seen in the vault, and what it was about to put there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The last log objects seen: what a rollback is measured by.
    pub frontier: Frontier,
    /// The journal's generations up to this number hold nothing that is not in the vault.
    pub generation: u64,
    /// Packs that files need and that had not arrived; `None`: which ones is not known.
    pub awaited: Option<BTreeSet<PackId>>,
    /// Written down before the log object can appear. So what is in the vault under this device's
    /// name is known to be its own by more than the number, which a copy of this folder may have
    /// used too.
    pub publishing: Option<Publishing>,
}

/// A log object on its way into the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publishing {
    /// As a frontier names it.
    pub entry: FrontierEntry,
    /// The journal's generations up to this number hold what it tells of.
    pub generation: u64,
}

/// When whoever mounts the vault is asked next whether they still have what opens it. Holds nothing of
/// any password or key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// Not before this time, in seconds since 1970.
    pub due_secs: i64,
    /// How often in a row the answer was right.
    pub went_well: u32,
}

/// The vault whose place this one takes, as long as that is under way or the other one is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rekeyed {
    /// The other vault.
    pub old: VaultId,
    /// What the other one's folder is called once it has left its place; it stays in the same folder.
    pub old_name: String,
    /// It is being deleted: what is left of it need not look like a vault.
    pub deletes: bool,
}

/// The record has the vault's id in its name, so that whose it is can be told without any key.
fn rekeyed_name(vault: &VaultId) -> String {
    format!("{REKEYED_START}{vault}")
}

/// How old a key vault's account was when this device used it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyVaultSeen {
    /// Which account.
    pub account: AccountId,
    /// Where the key vault is.
    pub address: String,
    /// How many changes it had had.
    pub generation: u64,
    /// How often the key vault had been restored from a backup.
    pub restores: u32,
}

/// How the last mount ended, for `unmount` to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEnd {
    /// Everything that it took is in the vault.
    pub ok: bool,
    /// Something is left here for the next mount that writes.
    pub unpublished: bool,
    /// What is not, and why; empty where all is.
    pub message: String,
}

/// The state folder of one vault on one machine.
#[derive(Clone, Debug)]
pub struct StateFolder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl StateFolder {
    /// At `root`, which is made (mode 0700) if it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn make(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let fail = |path: &Path, error| StoreError::io("cannot make the folder", path, error);
        let mut ancestors: Vec<&Path> = root.ancestors().collect();
        ancestors.pop();
        for path in ancestors.into_iter().rev() {
            match durably::make_folder(&*disk, path) {
                // Above what is ours; nobody but us made what is.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && path.exists() => {}
                made => made.map_err(|error| fail(path, error))?,
            }
        }
        let staged = root.join(STAGED_FOLDER);
        durably::make_folder(&*disk, &staged).map_err(|error| fail(&staged, error))?;
        Ok(Self { disk, root })
    }

    /// At `root`, for reading only; nothing is made.
    pub fn existing(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> Self {
        Self { disk, root: root.into() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The disk it is on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Folder of packs that are not in the vault yet.
    pub fn staged(&self) -> PathBuf {
        self.root.join(STAGED_FOLDER)
    }

    /// This machine's device, if the folder has one.
    ///
    /// # Errors
    /// [`StoreError`]: the record is there and cannot be read or is not authentic.
    pub fn device(&self, keys: &ClassKeys) -> Result<Option<DeviceIdentity>, StoreError> {
        self.get(DEVICE_NAME, keys)
    }

    /// Makes this the folder's device.
    ///
    /// # Errors
    /// [`StoreError`]; the old one then still stands.
    pub fn set_device(
        &self,
        keys: &ClassKeys,
        identity: &DeviceIdentity,
    ) -> Result<(), StoreError> {
        self.set(DEVICE_NAME, keys, identity)
    }

    /// What this device has seen in the vault.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::device`].
    pub fn seen(&self, keys: &ClassKeys) -> Result<Option<Seen>, StoreError> {
        self.get(SEEN_NAME, keys)
    }

    /// Writes down what is seen.
    ///
    /// # Errors
    /// [`StoreError`]; the old record then still stands.
    pub fn set_seen(&self, keys: &ClassKeys, seen: &Seen) -> Result<(), StoreError> {
        self.set(SEEN_NAME, keys, seen)
    }

    /// When to ask next whether what opens the vault is still at hand.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::device`].
    pub fn reminder(&self, keys: &ClassKeys) -> Result<Option<Reminder>, StoreError> {
        self.get(REMINDER_NAME, keys)
    }

    /// Writes down when to ask next.
    ///
    /// # Errors
    /// [`StoreError`]; the old record then still stands.
    pub fn set_reminder(&self, keys: &ClassKeys, reminder: Reminder) -> Result<(), StoreError> {
        self.set(REMINDER_NAME, keys, &reminder)
    }

    /// Which vault this one takes the place of, if that is under way.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::device`].
    pub fn rekeyed(&self, keys: &ClassKeys) -> Result<Option<Rekeyed>, StoreError> {
        self.get(&rekeyed_name(keys.vault()), keys)
    }

    /// Writes down which vault this one takes the place of.
    ///
    /// # Errors
    /// [`StoreError`]; the old record then still stands.
    pub fn set_rekeyed(&self, keys: &ClassKeys, rekeyed: &Rekeyed) -> Result<(), StoreError> {
        self.set(&rekeyed_name(keys.vault()), keys, rekeyed)
    }

    /// Whether that of a vault is written down, told without any key.
    pub fn tells_of_rekey(root: &Path, vault: &VaultId) -> bool {
        root.join(rekeyed_name(vault)).exists()
    }

    /// That is over.
    ///
    /// # Errors
    /// [`StoreError`]; the record may still stand.
    pub fn forget_rekeyed(&self, vault: &VaultId) -> Result<(), StoreError> {
        let path = self.root.join(rekeyed_name(vault));
        let removed = self.disk.remove(&path).and_then(|()| self.disk.sync_folder(&self.root));
        removed.map_err(|error| StoreError::io("cannot remove", &path, error))
    }

    /// How old the key vault's account was when this device used it last.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::device`].
    pub fn key_vault_seen(&self, keys: &ClassKeys) -> Result<Option<KeyVaultSeen>, StoreError> {
        self.get(KEY_VAULT_NAME, keys)
    }

    /// Writes that down.
    ///
    /// # Errors
    /// [`StoreError`]; the old record then still stands.
    pub fn set_key_vault_seen(
        &self,
        keys: &ClassKeys,
        seen: &KeyVaultSeen,
    ) -> Result<(), StoreError> {
        self.set(KEY_VAULT_NAME, keys, seen)
    }

    /// How the last mount ended, if it got to say.
    pub fn last_end(root: &Path) -> Option<LastEnd> {
        let mut text = String::new();
        let file = File::open(root.join(LAST_END_NAME)).ok()?;
        file.take(LAST_END_BYTES_MAX).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// When that was written down.
    pub fn last_end_written(root: &Path) -> Option<std::time::SystemTime> {
        std::fs::metadata(root.join(LAST_END_NAME)).ok()?.modified().ok()
    }

    /// Writes down how this mount ended, or (`None`) that one has begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_last_end(&self, end: Option<&LastEnd>) -> Result<(), StoreError> {
        let path = self.root.join(LAST_END_NAME);
        let fail = |error| StoreError::io("cannot write", &path, error);
        let text = end.map_or(Ok(Vec::new()), serde_json::to_vec).map_err(|e| fail(e.into()))?;
        durably::replace(&*self.disk, &path, &text).map_err(fail)
    }

    /// Layout of a record: magic and version, an object id, then the sealed content; associated
    /// data: all before it, and the record's name.
    fn get<T: for<'de> Deserialize<'de>>(
        &self,
        name: &str,
        keys: &ClassKeys,
    ) -> Result<Option<T>, StoreError> {
        let path = self.root.join(name);
        let fail = |error| StoreError::io("cannot read", &path, error);
        let file = match self.disk.open(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let bytes = read_whole(&*file, RECORD_BYTES_MAX).map_err(fail)?;
        let open = || -> Result<T, FormatError> {
            check_magic(Magic::Trust, &bytes)?;
            let header_bytes = FRAME_BYTES + 16;
            let id = bytes.get(FRAME_BYTES..header_bytes).and_then(|id| id.try_into().ok());
            let id = ObjectId(id.ok_or(FormatError::Malformed("no room for an object id"))?);
            let associated = [&bytes[..header_bytes], name.as_bytes()].concat();
            let content = keys.sealer(ObjectClass::Trust, &id).open_in_place(
                Nonce::at(0),
                &associated,
                bytes[header_bytes..].to_vec(),
            )?;
            Ok(postcard::from_bytes(&content)?)
        };
        open().map(Some).map_err(|error| StoreError::format(&path, error))
    }

    fn set<T: Serialize>(
        &self,
        name: &str,
        keys: &ClassKeys,
        record: &T,
    ) -> Result<(), StoreError> {
        let path = self.root.join(name);
        let id = ObjectId::random();
        let mut out = Vec::new();
        write_magic(Magic::Trust, &mut out);
        out.extend_from_slice(&id.0);
        let associated = [&out[..], name.as_bytes()].concat();
        let mut content = postcard::to_allocvec(record)
            .expect("a record has no type that postcard cannot encode, and a Vec takes any length");
        keys.sealer(ObjectClass::Trust, &id).seal_in_place(Nonce::at(0), &associated, &mut content);
        out.append(&mut content);
        durably::replace(&*self.disk, &path, &out)
            .map_err(|e| StoreError::io("cannot write", &path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::MasterKey;
    use crate::format::LogHash;
    use crate::store::HostDisk;

    #[test]
    fn how_the_last_mount_ended_is_read_from_a_short_text_only() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::make(Arc::new(HostDisk), dir.path()).unwrap();
        let end = LastEnd { ok: false, unpublished: true, message: "x".repeat(1000) };
        state.set_last_end(Some(&end)).unwrap();
        assert_eq!(StateFolder::last_end(dir.path()), Some(end.clone()));
        let path = dir.path().join(LAST_END_NAME);
        let text = std::fs::read_to_string(&path).unwrap();
        let long = format!("{text}{}", " ".repeat(LAST_END_BYTES_MAX as usize));
        std::fs::write(&path, &long).unwrap();
        assert_eq!(StateFolder::last_end(dir.path()), Some(end));
        // Longer than it is read, it ends within the message.
        let message = "x".repeat(LAST_END_BYTES_MAX as usize);
        let end = LastEnd { ok: true, unpublished: false, message };
        state.set_last_end(Some(&end)).unwrap();
        assert_eq!(StateFolder::last_end(dir.path()), None);
    }

    #[test]
    fn records_read_back_and_do_not_stand_in_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let keys = MasterKey::random().class_keys(&VaultId::random());
        let state = StateFolder::make(Arc::new(HostDisk), dir.path().join("a/b")).unwrap();
        assert_eq!(state.device(&keys).unwrap(), None);
        let identity = DeviceIdentity { device: DeviceId(7), machine: "m".into() };
        state.set_device(&keys, &identity).unwrap();
        assert_eq!(state.device(&keys).unwrap(), Some(identity));
        let entry = FrontierEntry { device: DeviceId(7), seq: 1, hash: LogHash([3; 32]) };
        let publishing = Some(Publishing { entry, generation: 4 });
        let (frontier, awaited) = (Frontier::default(), Some([PackId::random()].into()));
        let seen = Seen { frontier, generation: 3, awaited, publishing };
        state.set_seen(&keys, &seen).unwrap();
        assert_eq!(state.seen(&keys).unwrap(), Some(seen));
        std::fs::copy(state.root().join(DEVICE_NAME), state.root().join(SEEN_NAME)).unwrap();
        assert!(matches!(state.seen(&keys), Err(StoreError::Format { .. })));
        let stranger = MasterKey::random().class_keys(&VaultId::random());
        assert!(matches!(state.device(&stranger), Err(StoreError::Format { .. })));
    }
}
