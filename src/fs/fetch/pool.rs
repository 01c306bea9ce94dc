//! A few threads that fetch packs, and who waits for them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::error::FsError;
use super::super::file_system::lock;
use super::super::sync::{Condvar, Instant, Mutex, MutexGuard, thread};
use super::queue::{Queue, Waiter};
use super::report::{FetchStatus, FileFetch};
use super::threads;
use crate::format::PackId;
use crate::store::{Presence, VaultFolder};

/// So many packs are fetched at once.
const THREADS_MAX: usize = 4;

/// What is called when a pack is here, or cannot be had.
pub type Then = Box<dyn FnOnce(Result<(), FsError>) + Send>;

/// The packs that are fetched for one file system. Nothing waits for its threads: one that hangs in
/// the system holds neither a lock nor the file system.
pub(in super::super) struct Fetches(Arc<Pool>);

/// What all threads of a pool have.
pub(super) struct Pool {
    pub(super) vault: VaultFolder,
    state: Mutex<State>,
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    /// Threads that fetch, and those of them that have nothing to do.
    pub(super) threads: usize,
    pub(super) idle: usize,
    /// Whether there is the thread that minds how long somebody waits.
    pub(super) is_watched: bool,
}

impl fmt::Debug for Fetches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fetches").field(&self.status()).finish()
    }
}

impl Pool {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Fetches {
    /// Of packs of this vault; nothing is fetched until [`Self::begin`].
    pub(in super::super) fn new(vault: VaultFolder) -> Self {
        let (state, changed) = Default::default();
        Self(Arc::new(Pool { vault, state, changed }))
    }

    /// From now on placeholders are not read but fetched.
    pub(in super::super) fn begin(&self, limit: Duration) {
        self.0.state().queue.limit = Some(limit);
    }

    pub(in super::super) fn limit(&self) -> Option<Duration> {
        self.0.state().queue.limit
    }

    /// Whether what looks like a placeholder may be read: it was fetched just now, or reading is how
    /// it is fetched.
    pub(in super::super) fn may_read(&self, pack: PackId) -> bool {
        let state = self.0.state();
        state.queue.limit.is_none() || state.queue.is_fetched(pack)
    }

    /// Whether a pack was fetched, and still looked like a placeholder then.
    pub(in super::super) fn was_fetched(&self, pack: PackId) -> bool {
        self.0.state().queue.was_fetched(pack)
    }

    /// Reading a placeholder has failed, fetched or not.
    pub(in super::super) fn read_failed(&self, pack: PackId) {
        self.0.state().queue.forget_fetched(pack);
    }

    /// Has a pack fetched before all that nobody waits for.
    pub(in super::super) fn wait(&self, pack: PackId, patience: Duration, then: Then) {
        if patience.is_zero() {
            return then(Err(FsError::OnlineOnly(pack)));
        }
        let waiter = Waiter { since: Instant::now(), patience, then };
        if let Err(waiter) = self.add(pack, Some(waiter))
            && let Some(Waiter { then, .. }) = waiter
        {
            then(Err(FsError::OnlineOnly(pack)));
        }
    }

    /// Has a pack fetched when nobody waits for another.
    pub(in super::super) fn ask(&self, pack: PackId) {
        // One that cannot be had is told by who asks what has come of it.
        let _ = self.add(pack, None);
    }

    /// Gives the waiter back where waiting is of no use.
    fn add(&self, pack: PackId, waiter: Option<Waiter>) -> Result<(), Option<Waiter>> {
        let all_bytes = match self.0.vault.presence(pack) {
            Presence::Placeholder { bytes } => bytes,
            Presence::Here | Presence::Stub | Presence::Missing => 0,
        };
        let mut state = self.0.state();
        if state.queue.is_hopeless(pack) {
            return Err(waiter);
        }
        if waiter.is_some() && !state.is_watched {
            state.is_watched = self.spawn("hushfs-fetch-limit", threads::watch);
            if !state.is_watched {
                return Err(waiter);
            }
        }
        if state.threads < THREADS_MAX && state.queue.queued() >= state.idle {
            state.threads += usize::from(self.spawn("hushfs-fetch", threads::fetch));
        }
        if state.threads == 0 {
            return Err(waiter);
        }
        state.queue.add(pack, all_bytes, waiter);
        drop(state);
        self.0.changed.notify_all();
        Ok(())
    }

    fn spawn(&self, name: &str, run: fn(&Pool)) -> bool {
        let pool = self.0.clone();
        let spawned = thread::Builder::new().name(name.into()).spawn(move || run(&pool));
        spawned.map_err(|error| log::warn!("no thread to fetch with: {error}")).is_ok()
    }

    /// How far fetching is for a file that needs these packs.
    pub(in super::super) fn of_packs(&self, packs: &BTreeSet<PackId>) -> FileFetch {
        self.0.state().queue.of_packs(packs)
    }

    pub(in super::super) fn status(&self) -> FetchStatus {
        self.0.state().queue.status()
    }

    /// Nobody gets a pack any more. A thread that hangs is left behind.
    pub(in super::super) fn end(&self) {
        let waiters = {
            let mut state = self.0.state();
            state.queue.has_ended = true;
            state.queue.take_waiters(true)
        };
        self.0.changed.notify_all();
        for (pack, waiter) in waiters {
            (waiter.then)(Err(FsError::OnlineOnly(pack)));
        }
    }
}
