//! The states that a mount can show, and the few that it has open.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::Errno;
use lru::LruCache;

use crate::format::{Frontier, LogHash};
use crate::fs::{FileSystem, FsError, State, VaultHistory, When, folder_name};

/// States kept open; each has a tree of its own in memory.
const OPEN_KEPT: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

/// The states by the names of their folders, as of some frontier and collection.
#[derive(Debug)]
pub(super) struct Listed {
    frontier: Frontier,
    collections: u64,
    history: VaultHistory,
    /// In the order of states.
    pub(super) names: Vec<(String, LogHash)>,
    by_name: HashMap<String, LogHash>,
}

impl Listed {
    fn of(frontier: Frontier, collections: u64, history: VaultHistory) -> Self {
        let states = history.history().states();
        let mut by_name: HashMap<String, LogHash> = HashMap::new();
        // The first of a second goes without the fraction, and goes on so when others come.
        let names = states.iter().map(|state| {
            let mut name = folder_name(state.published, false);
            if by_name.contains_key(&name) {
                name = folder_name(state.published, true);
            }
            by_name.insert(name.clone(), state.hash());
            (name, state.hash())
        });
        let names = names.collect();
        Self { frontier, collections, history, names, by_name }
    }

    /// The state whose folder is called so.
    pub(super) fn named(&self, name: &str) -> Option<LogHash> {
        self.by_name.get(name).copied()
    }

    /// What the folder of the state that somebody means is called; `Err` says why there is none.
    pub(super) fn name_of(&self, when: &When) -> Result<&str, String> {
        let state = self.history.find(when).map_err(|error| error.to_string())?;
        let named = self.names.iter().find(|(_, hash)| *hash == state.hash());
        let named = named.ok_or_else(|| {
            format!("content of the state of {state} has been collected: a mount does not show it")
        });
        named.map(|(name, _)| name.as_str())
    }

    pub(super) fn state(&self, hash: LogHash) -> Option<&State> {
        self.history.history().states().iter().find(|state| state.hash() == hash)
    }
}

/// What was listed last, and what is open.
#[derive(Debug)]
pub(super) struct Trees {
    listed: Mutex<Option<Arc<Listed>>>,
    open: Mutex<LruCache<LogHash, Arc<FileSystem>>>,
}

impl Default for Trees {
    fn default() -> Self {
        Self { listed: Mutex::new(None), open: Mutex::new(LruCache::new(OPEN_KEPT)) }
    }
}

impl Trees {
    /// The states that there are by now.
    pub(super) fn listed(&self, files: &FileSystem) -> Result<Arc<Listed>, Errno> {
        let mut listed = locked(&self.listed);
        let (frontier, collections) = (files.published_frontier(), files.collections());
        if let Some(known) = &*listed
            && known.collections == collections
            && frontier.as_ref().is_none_or(|frontier| *frontier == known.frontier)
        {
            return Ok(known.clone());
        }
        let history = files.vault_history()?;
        let new = Arc::new(Listed::of(frontier.unwrap_or_default(), collections, history));
        *listed = Some(new.clone());
        Ok(new)
    }

    /// The vault as it was in a state.
    pub(super) fn files(
        &self,
        files: &FileSystem,
        state: LogHash,
    ) -> Result<Arc<FileSystem>, Errno> {
        let mut open = locked(&self.open);
        if let Some(past) = open.get(&state) {
            return Ok(past.clone());
        }
        let listed = self.listed(files)?;
        let found = listed.state(state).ok_or(Errno::ESTALE)?;
        let past = listed.history.files_at(found).map_err(|error| {
            // What is listed may have been collected.
            *locked(&self.listed) = None;
            Errno::from(FsError::Disk(error.to_string()))
        })?;
        past.fetch_online_only(files.fetch_limit());
        open.put(state, past.clone());
        Ok(past)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
