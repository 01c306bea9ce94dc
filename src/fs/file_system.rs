//! The file system's parts, and the order of its locks.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::crypto::ClassKeys;
use crate::format::{Descriptor, DeviceId, PackId};
use crate::store::{StateFolder, StateLock, VaultFolder};

use super::arrivals::Listening;
use super::arriving::Awaited;
use super::collect::{Collections, Covering};
use super::content::PackReaders;
use super::equivalent::NameForms;
use super::error::FsError;
use super::fetch::Fetches;
use super::history::Past;
use super::live::Live;
use super::publish::Publisher;
use super::room::RoomGauge;
use super::sync::thread::JoinHandle;
use super::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use super::traffic::Traffic;

/// A vault that is open: its files can be read and, unless it is read-only, written.
///
/// Lock order: `one_collection` or `one_arrival`, then `publisher`, then `durable`, then `live`; the
/// others are taken last and hold no call to disk.
#[derive(Debug)]
pub struct FileSystem {
    pub(super) vault: VaultFolder,
    pub(super) state: Option<StateFolder>,
    pub(super) keys: Arc<ClassKeys>,
    pub(super) descriptor: Descriptor,
    /// The tree, what is pending, and where operations go.
    pub(super) live: RwLock<Live>,
    /// What has been published; held for as long as a publication takes.
    pub(super) publisher: Mutex<Publisher>,
    /// Records of the journal before this number are durable; held by whoever syncs for all.
    pub(super) durable: Mutex<u64>,
    pub(super) readers: PackReaders,
    pub(super) fetches: Fetches,
    pub(super) gauge: RoomGauge,
    pub(super) name_forms: NameForms,
    pub(super) traffic: Traffic,
    /// Sentences about damage, for `status`.
    pub(super) damage: Mutex<Vec<String>>,
    /// What else there is to know, in sentences.
    pub(super) notes: Mutex<Vec<String>>,
    /// What has not arrived yet.
    pub(super) awaited: Mutex<Awaited>,
    /// Held for as long as one look at what has arrived takes: before `publisher`.
    pub(super) one_arrival: Mutex<()>,
    pub(super) listening: Listening,
    /// What waits in the journal is shown although nothing is written: what others do can not be
    /// put before it any more.
    pub(super) shows_unpublished: bool,
    /// Of a vault that is shown as it was.
    pub(super) past: Option<Past>,
    pub(super) background: Background,
    /// Held for as long as a collection takes: before `publisher`.
    pub(super) one_collection: Mutex<()>,
    pub(super) collections: Mutex<Collections>,
    /// Bytes of all chunks of packs whose footer was read.
    pub(super) chunk_bytes_of: Mutex<HashMap<PackId, u64>>,
    /// The newest checkpoint of each device, if it can be used.
    pub(super) checkpoints_known: Mutex<HashMap<(DeviceId, u64), Option<Covering>>>,
    /// Keeps other processes of this machine off; released when all else is done.
    pub(super) lock: Option<StateLock>,
}

/// The background thread, and what it is asked for.
#[derive(Debug, Default)]
pub(super) struct Background {
    pub(super) asked: Mutex<Asked>,
    pub(super) changed: Condvar,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread of the last collection that was due.
    pub(super) collector: Mutex<Option<JoinHandle<()>>>,
}

/// What the background thread is not to wait with.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// To end.
    pub(super) end: bool,
    /// To bring packs that are full on their way.
    pub(super) full_packs: bool,
}

/// Damage sentences kept for `status`; more would only repeat themselves.
const DAMAGE_KEPT: usize = 100;

impl FileSystem {
    /// The vault's fixed properties.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The lock that this mount holds on its state folder, if it has one.
    pub fn state_lock(&self) -> Option<&StateLock> {
        self.lock.as_ref()
    }

    /// The state folder, if there is one.
    pub fn state_folder(&self) -> Option<&StateFolder> {
        self.state.as_ref()
    }

    /// For looking.
    ///
    /// # Errors
    /// As for [`Self::write_live`].
    pub(super) fn read_live(&self) -> Result<RwLockReadGuard<'_, Live>, FsError> {
        self.live.read().map_err(|_| internal_fault())
    }

    /// For changing.
    ///
    /// # Errors
    /// After a fault of our own in the middle of a change, the state in memory is not to be
    /// trusted any more; what was acknowledged is in journal and vault.
    pub(super) fn write_live(&self) -> Result<RwLockWriteGuard<'_, Live>, FsError> {
        self.live.write().map_err(|_| internal_fault())
    }

    /// Takes note of damage, for `status`. The log, which may be kept on a disk, gets no file's
    /// name (I6).
    pub(super) fn note_damage(&self, sentence: String) {
        let mut damage = lock(&self.damage);
        if damage.len() < DAMAGE_KEPT && !damage.contains(&sentence) {
            log::info!("damage was found: “hushfs status” names it");
            damage.push(sentence);
        }
    }
}

/// Locks what a panic elsewhere cannot have left half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn internal_fault() -> FsError {
    FsError::Disk("an internal fault: unmount and mount again; nothing acknowledged is lost".into())
}
