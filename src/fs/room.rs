//! Whether there is room on disk for what is about to be acknowledged.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::store::Disk;

use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::sync::{Instant, Mutex};

/// Kept free on each disk for what is not content: the journal, log objects, footers. On a small
/// disk, a sixteenth of it.
const RESERVE_BYTES: u64 = 32 << 20;
/// How long a look at the disk is good for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// What may wait in the state folder for a vault that takes nothing, unless it is told otherwise.
const WAITING_BYTES_MAX: u64 = 8 << 30;

impl FileSystem {
    /// At most so many bytes wait in the state folder while the vault takes nothing; then writing
    /// is answered with [`FsError::NoSpace`].
    pub fn limit_waiting(&self, bytes: u64) {
        self.gauge.waiting_bytes_max.store(bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Reading {
    left_bytes: u64,
    taken: Instant,
}

/// Knows about how many bytes can still be written, and asks the disks now and then.
#[derive(Debug)]
pub(super) struct RoomGauge {
    disk: Arc<dyn Disk>,
    state: Option<PathBuf>,
    vault: PathBuf,
    reading: Mutex<Option<Reading>>,
    waiting_bytes_max: AtomicU64,
    /// What was asked for last was refused.
    is_full: AtomicBool,
}

impl RoomGauge {
    pub(super) fn new(disk: Arc<dyn Disk>, state: Option<PathBuf>, vault: PathBuf) -> Self {
        let waiting_bytes_max = WAITING_BYTES_MAX.into();
        let (reading, is_full) = (Mutex::new(None), AtomicBool::new(false));
        Self { disk, state, vault, reading, waiting_bytes_max, is_full }
    }

    /// Whether what was asked for last had no room.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Bytes that may wait in the state folder.
    pub(super) fn waiting_bytes_max(&self) -> u64 {
        self.waiting_bytes_max.load(Ordering::Relaxed)
    }

    /// Sets `bytes` aside; `unpublished_bytes` are on their way from the state folder to the
    /// vault, `dirty_bytes` are not even there.
    ///
    /// # Errors
    /// [`FsError::NoSpace`] if they might not fit. Nothing is set aside then.
    pub(super) fn take(
        &self,
        bytes: u64,
        unpublished_bytes: u64,
        dirty_bytes: u64,
    ) -> Result<(), FsError> {
        let taken = self.try_to_take(bytes, unpublished_bytes, dirty_bytes);
        self.is_full.store(taken.is_err(), Ordering::Relaxed);
        taken
    }

    fn try_to_take(
        &self,
        bytes: u64,
        unpublished_bytes: u64,
        dirty_bytes: u64,
    ) -> Result<(), FsError> {
        if unpublished_bytes > self.waiting_bytes_max() {
            return Err(FsError::NoSpace);
        }
        let mut reading = lock(&self.reading);
        let is_fresh = |r: &Reading| r.taken.elapsed() < LOOK_AGAIN && r.left_bytes >= bytes;
        if !reading.as_ref().is_some_and(is_fresh) {
            let left_bytes = self.look(unpublished_bytes, dirty_bytes);
            *reading = Some(Reading { left_bytes, taken: Instant::now() });
        }
        match reading.as_mut() {
            Some(reading) if reading.left_bytes >= bytes => {
                reading.left_bytes -= bytes;
                Ok(())
            }
            _ => Err(FsError::NoSpace),
        }
    }

    /// Bytes that can be promised. A disk that cannot be asked (a sync folder that went away) is
    /// no reason to refuse: writes wait in the state folder.
    fn look(&self, unpublished_bytes: u64, dirty_bytes: u64) -> u64 {
        let left = |path: &PathBuf, promised: u64| match self.disk.room(path) {
            Ok(room) => {
                let reserve = RESERVE_BYTES.min(room.total_bytes / 16);
                room.available_bytes.saturating_sub(reserve + promised)
            }
            Err(_) => u64::MAX,
        };
        let state = self.state.as_ref().map_or(u64::MAX, |state| left(state, dirty_bytes));
        // Where both are on one disk, staged packs move by renaming and count once already.
        let vault = left(&self.vault, dirty_bytes);
        let vault =
            if self.is_one_disk() { vault } else { vault.saturating_sub(unpublished_bytes) };
        state.min(vault)
    }

    fn is_one_disk(&self) -> bool {
        let (Some(state), vault) = (&self.state, &self.vault) else { return true };
        match (self.disk.room(state), self.disk.room(vault)) {
            (Ok(state), Ok(vault)) => {
                (state.total_bytes, state.free_bytes) == (vault.total_bytes, vault.free_bytes)
            }
            _ => false,
        }
    }
}
