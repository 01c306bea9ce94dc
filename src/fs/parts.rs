//! What a file system is put together from, whichever way a vault is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{Descriptor, PackId};
use crate::store::{PackReader, StateFolder, StateLock, VaultFolder};

use super::arrivals::Listening;
use super::arriving::Awaited;
use super::content::PackReaders;
use super::equivalent::NameForms;
use super::fetch::Fetches;
use super::file_system::{Background, FileSystem};
use super::history::Past;
use super::live::Live;
use super::publish::Publisher;
use super::room::RoomGauge;
use super::sync::{Mutex, RwLock};
use super::traffic::Traffic;

/// What differs from one file system to the other.
pub(super) struct Parts {
    pub(super) vault: VaultFolder,
    pub(super) state: Option<StateFolder>,
    pub(super) lock: Option<StateLock>,
    pub(super) keys: Arc<ClassKeys>,
    pub(super) descriptor: Descriptor,
    pub(super) live: Live,
    pub(super) publisher: Publisher,
    /// Packs that are read from the state folder.
    pub(super) staged: BTreeMap<PackId, Arc<PackReader>>,
    pub(super) awaited: Awaited,
    pub(super) damage: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) shows_unpublished: bool,
    pub(super) past: Option<Past>,
}

impl Parts {
    pub(super) fn assemble(self) -> FileSystem {
        let gauge = RoomGauge::new(
            self.vault.disk().clone(),
            self.state.as_ref().map(|state| state.root().to_owned()),
            self.vault.root().to_owned(),
        );
        FileSystem {
            readers: PackReaders::new(self.descriptor.chunk_size, self.staged),
            publisher: Mutex::new(self.publisher),
            fetches: Fetches::new(self.vault.clone()),
            durable: Mutex::new(0),
            damage: Mutex::new(self.damage),
            notes: Mutex::new(self.notes),
            awaited: Mutex::new(self.awaited),
            one_arrival: Mutex::default(),
            listening: Listening::default(),
            shows_unpublished: self.shows_unpublished,
            past: self.past,
            background: Background::default(),
            one_collection: Mutex::default(),
            collections: Mutex::default(),
            chunk_bytes_of: Mutex::default(),
            checkpoints_known: Mutex::default(),
            live: RwLock::new(self.live),
            gauge,
            name_forms: NameForms::default(),
            traffic: Traffic::default(),
            vault: self.vault,
            state: self.state,
            keys: self.keys,
            descriptor: self.descriptor,
            lock: self.lock,
        }
    }
}
