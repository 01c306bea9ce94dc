//! When a mount collects unasked: once it is quiet, and something has changed since the last time; and
//! only where no other device writes into the vault, whose work it could not know of.

use std::sync::Arc;
use std::time::Duration;

use super::super::error::FsError;
use super::super::file_system::{FileSystem, lock};
use super::super::sync::{Instant, thread};
use super::report::Collected;

/// How long nothing must have changed …
const QUIET_FOR: Duration = Duration::from_secs(20);
/// … and how long ago the last collection must be.
const COLLECT_EVERY: Duration = Duration::from_secs(300);

/// What a mount knows of its collections.
#[derive(Debug, Default)]
pub(in super::super) struct Collections {
    /// How far back the history goes; without it nothing is collected unasked.
    history: Option<Duration>,
    /// When the last collection ended.
    last: Option<Instant>,
    /// One is under way that was due.
    is_running: bool,
    /// Something was published since.
    has_news: bool,
    /// What the last one did.
    result: Collected,
    /// How many there were.
    count: u64,
}

impl FileSystem {
    /// Collects from time to time, and keeps what states of the last `history` need.
    pub fn collect_unasked(&self, history: Duration) {
        lock(&self.collections).history = Some(history);
    }

    /// How far back the history goes, if this mount collects.
    pub fn history(&self) -> Option<Duration> {
        lock(&self.collections).history
    }

    /// What the last collection of this mount did.
    pub fn last_collected(&self) -> Collected {
        lock(&self.collections).result
    }

    /// How many collections of this mount came to their end.
    pub fn collections(&self) -> u64 {
        lock(&self.collections).count
    }

    /// Takes note that something was published.
    pub(in super::super) fn note_published_news(&self) {
        lock(&self.collections).has_news = true;
    }

    pub(super) fn note_collected(&self, result: Collected) {
        let mut state = lock(&self.collections);
        (state.last, state.has_news, state.result) = (Some(Instant::now()), false, result);
        state.count += 1;
    }

    /// Starts a collection if one is due, on a thread of its own: it may take long.
    pub(in super::super) fn start_collection_if_due(self: &Arc<Self>) -> Result<(), FsError> {
        let Some(history) = self.due_history()? else { return Ok(()) };
        lock(&self.collections).is_running = true;
        let files = self.clone();
        let thread = thread::Builder::new().name("hushfs-collect".into());
        let started = thread.spawn(move || {
            match files.collect(history) {
                Ok(collected) if collected.is_nothing() => {}
                Ok(collected) => log::info!("collected: {collected:?}"),
                Err(error) => {
                    log::warn!("not collected: {error}");
                    files.note_collected(Collected::default());
                }
            }
            lock(&files.collections).is_running = false;
        });
        match started {
            Ok(thread) => *lock(&self.background.collector) = Some(thread),
            Err(error) => {
                log::warn!("no thread to collect with: {error}");
                lock(&self.collections).is_running = false;
            }
        }
        Ok(())
    }

    fn due_history(&self) -> Result<Option<Duration>, FsError> {
        let quiet = {
            let live = self.read_live()?;
            let is_writable = live.writing.is_some() && live.read_only.is_none();
            is_writable
                && live.unpublished_since.is_none()
                && live.last_change.elapsed() >= QUIET_FOR
        };
        // Others may be away with copies that share what is unneeded here, or have it mounted.
        // Of those whose log objects a checkpoint stands for, only the frontier knows.
        let is_alone = {
            let publisher = lock(&self.publisher);
            publisher.frontier.iter().all(|entry| entry.device == publisher.device)
        };
        if !is_alone {
            return Ok(None);
        }
        let state = lock(&self.collections);
        let quiet = quiet && !state.is_running;
        let is_time = state.last.is_none_or(|last| last.elapsed() >= COLLECT_EVERY);
        Ok(state.history.filter(|_| quiet && is_time && state.has_news))
    }
}
