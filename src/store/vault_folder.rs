//! The vault folder: objects that are written once and never change.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::crypto::ClassKeys;
use crate::format::{
    DATA_FOLDER, DeviceId, LOG_FOLDER, LogKind, ObjectName, OpenedLog, PackId, Time, UnverifiedLog,
    pack_folder, pack_path,
};

use super::disk::{Disk, DiskFile, FolderItem, list_if_there, read_whole};
use super::durably;
use super::error::StoreError;
use super::stand_ins::StandIns;

/// A log object that is longer cannot be right; it bounds what one read can allocate (I8).
const LOG_BYTES_MAX: u64 = 1 << 30;
/// Likewise for a pack, which is closed at 16 MiB; one that a crash left open may come to a little
/// more with the paths that its files have by then.
pub(super) const PACK_BYTES_MAX: u64 = 64 << 20;
/// Folders within folders that are looked into.
const DEPTH_MAX: u32 = 8;

/// A folder that is, or becomes, a vault.
#[derive(Clone, Debug)]
pub struct VaultFolder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    /// Folders whose names are known to be durable.
    durable_folders: Arc<Mutex<HashSet<String>>>,
    /// Objects that are read from another path of the vault than their own.
    pub(super) stand_ins: Arc<Mutex<StandIns>>,
}

impl VaultFolder {
    /// No object of any kind is longer.
    pub const OBJECT_BYTES_MAX: u64 = LOG_BYTES_MAX;
    /// No pack is longer.
    pub const PACK_BYTES_MAX: u64 = PACK_BYTES_MAX;

    /// At `root`; reads and makes nothing yet.
    pub fn new(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> Self {
        let (durable_folders, stand_ins) = Default::default();
        Self { disk, root: root.into(), durable_folders, stand_ins }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The disk it is on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The place of `path` (below the vault) on the disk.
    pub fn place(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Puts an object, whole and durable; never replaces one (I1).
    ///
    /// # Errors
    /// [`StoreError`]; the object is then not there, or (an error after its name appeared) it is
    /// there whole.
    pub fn put_new(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let place = self.place(path);
        durably::put(&*self.disk, &place, bytes)
            .map_err(|e| StoreError::io("cannot write", &place, e))
    }

    /// Takes a finished, synced file in as the object `path`; never replaces one (I1).
    ///
    /// # Errors
    /// [`StoreError`]; the file is then still in its old place, or the object is there whole.
    pub fn adopt(&self, from: &Path, path: &str) -> Result<(), StoreError> {
        let place = self.place(path);
        durably::adopt(&*self.disk, from, &place)
            .map_err(|e| StoreError::io("cannot publish", &place, e))
    }

    /// Moves a file of the vault to a free name in it, durably; never replaces one. Both are paths
    /// below the vault.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the name is taken, or what the disk says; the file is then in its
    /// old place or in its new one.
    pub fn move_within(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let (from, to) = (self.place(from), self.place(to));
        durably::adopt(&*self.disk, &from, &to)
            .map_err(|error| StoreError::io("cannot move a file to", &to, error))
    }

    /// Every file below a folder of the vault (`""`: the vault itself) by path below the vault,
    /// in the order of their paths. What lies deeper than any sync client puts it is left out.
    ///
    /// # Errors
    /// [`StoreError`] if a folder cannot be listed; one that is missing counts as empty.
    pub fn files_below(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut files = Vec::new();
        let mut folders = vec![(folder.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for item in self.items(&folder)? {
                let path = match folder.as_str() {
                    "" => item.name,
                    folder => format!("{folder}/{}", item.name),
                };
                match item.is_folder {
                    true if depth < DEPTH_MAX => folders.push((path, depth + 1)),
                    true => {}
                    false => files.push(path),
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Reads a whole object of at most `max_bytes`.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::TooLong`] or what the disk says.
    pub fn get(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let (place, file) = self.open_to_read(path);
        let fail = |error| StoreError::io("cannot read", &place, error);
        let file = file.map_err(fail)?;
        let bytes = file.len().map_err(fail)?;
        if bytes > max_bytes {
            return Err(StoreError::TooLong { path: place, bytes, max_bytes });
        }
        read_whole(&*file, max_bytes).map_err(fail)
    }

    /// Opens an object for reading.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, StoreError> {
        let (place, file) = self.open_to_read(path);
        file.map_err(|e| StoreError::io("cannot open", &place, e))
    }

    /// Opens what stands at a path of the vault, whatever is read instead of it otherwise.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_as_named(&self, path: &str) -> Result<Arc<dyn DiskFile>, StoreError> {
        let place = self.place(path);
        self.disk.open(&place, false).map_err(|e| StoreError::io("cannot open", &place, e))
    }

    /// Opens the object `path` where it is read from, or where it should be if it is no longer
    /// there; gives that place, too.
    fn open_to_read(&self, path: &str) -> (PathBuf, io::Result<Arc<dyn DiskFile>>) {
        let (own, place) = (self.place(path), self.place_to_read(path));
        match self.disk.open(&place, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && place != own => {
                let file = self.disk.open(&own, false);
                (own, file)
            }
            file => (place, file),
        }
    }

    /// Names in one folder of the vault (`""`: the vault itself).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let place = self.place(folder);
        let items = self.disk.list(&place).map_err(|e| StoreError::io("cannot list", &place, e))?;
        Ok(items.into_iter().map(|item| item.name).collect())
    }

    /// Makes a folder of the vault that is not there yet.
    ///
    /// # Errors
    /// [`StoreError::Exists`] or what the disk says.
    pub fn make_new_folder(&self, path: &str) -> Result<(), StoreError> {
        let place = self.place(path);
        let made = self.disk.create_folder(&place).and_then(|()| self.sync_name(path));
        made.map_err(|e| StoreError::io("cannot make the folder", &place, e))
    }

    /// Makes a folder of the vault; fine if it is there, but then whoever made it may have
    /// crashed before its name was durable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn make_folder(&self, path: &str) -> Result<(), StoreError> {
        let place = self.place(path);
        let made = match self.disk.create_folder(&place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if self.durable_folders().contains(path) {
                    return Ok(());
                }
                self.sync_name(path)
            }
            made => made.and_then(|()| self.sync_name(path)),
        };
        made.map_err(|e| StoreError::io("cannot make the folder", &place, e))
    }

    /// Makes the name of an object durable that a crash may have left without that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle_name(&self, path: &str) -> Result<(), StoreError> {
        let place = self.place_to_read(path);
        let folder = durably::parent(&place);
        self.disk.sync_folder(folder).map_err(|e| StoreError::io("cannot sync", folder, e))
    }

    /// Makes the name of the folder `path` durable.
    fn sync_name(&self, path: &str) -> io::Result<()> {
        self.disk.sync_folder(durably::parent(&self.place(path)))?;
        self.durable_folders().insert(path.to_owned());
        Ok(())
    }

    fn durable_folders(&self) -> MutexGuard<'_, HashSet<String>> {
        self.durable_folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a log object or checkpoint.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::put_new`].
    pub fn put_log(
        &self,
        kind: LogKind,
        device: DeviceId,
        seq: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.make_folder(LOG_FOLDER)?;
        self.put_new(&log_path(kind, device, seq), bytes)
    }

    /// Reads, authenticates and places a log object or checkpoint from where it is known to be.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Format`] where it is not what it should be.
    pub fn get_log_as_named(
        &self,
        keys: &ClassKeys,
        kind: LogKind,
        device: DeviceId,
        seq: u64,
    ) -> Result<OpenedLog, StoreError> {
        let path = log_path(kind, device, seq);
        let bytes = self.get(&path, LOG_BYTES_MAX)?;
        UnverifiedLog::parse(kind, bytes)
            .and_then(|log| log.open(keys, device, seq))
            .map_err(|error| StoreError::format(&self.place(&path), error))
    }

    /// Reads and authenticates the log object or checkpoint that the file at `path` is, whatever
    /// its name.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::get_log_as_named`].
    pub fn get_log_at(
        &self,
        keys: &ClassKeys,
        kind: LogKind,
        path: &str,
    ) -> Result<OpenedLog, StoreError> {
        let bytes = self.get(path, LOG_BYTES_MAX)?;
        let opened = UnverifiedLog::parse(kind, bytes).and_then(|log| {
            let (device, seq) = log.claimed_place();
            log.open(keys, device, seq)
        });
        opened.map_err(|error| StoreError::format(&self.place(path), error))
    }

    /// Takes a closed, synced pack in.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::adopt`].
    pub fn adopt_pack(&self, from: &Path, pack: PackId) -> Result<(), StoreError> {
        self.make_pack_folder(pack)?;
        self.adopt(from, &pack_path(pack))
    }

    /// Puts a whole pack that stands in no state folder.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::put_new`].
    pub fn put_pack(&self, pack: PackId, bytes: &[u8]) -> Result<(), StoreError> {
        self.make_pack_folder(pack)?;
        self.put_new(&pack_path(pack), bytes)
    }

    fn make_pack_folder(&self, pack: PackId) -> Result<(), StoreError> {
        self.make_folder(DATA_FOLDER)?;
        self.make_folder(&format!("{DATA_FOLDER}/{}", pack_folder(pack)))
    }

    /// Reads a whole pack.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get_pack(&self, pack: PackId) -> Result<Vec<u8>, StoreError> {
        self.get(&pack_path(pack), PACK_BYTES_MAX)
    }

    /// What time it is where the vault folder is.
    pub fn now(&self) -> Time {
        self.disk.now()
    }

    /// When an object came to this vault folder, in seconds since 1970, if the disk tells.
    pub fn arrived_secs(&self, path: &str) -> Option<i64> {
        self.disk.arrived_secs(&self.place_to_read(path))
    }

    /// Removes an object, or what is left of one; fine if it is not there. Copies of it stay, and
    /// are not read instead of it any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, path: &str) -> Result<(), StoreError> {
        let place = self.place(path);
        self.read_as_named(path);
        match self.disk.remove(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|e| StoreError::io("cannot remove", &place, e)),
        }
    }

    pub(super) fn items(&self, folder: &str) -> Result<Vec<FolderItem>, StoreError> {
        list_if_there(&*self.disk, &self.place(folder))
    }
}

/// Where a log object or checkpoint is below the vault.
pub fn log_path(kind: LogKind, device: DeviceId, seq: u64) -> String {
    ObjectName::Log(kind, device, seq).path()
}
