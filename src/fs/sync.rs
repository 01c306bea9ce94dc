//! Locks, threads and the clock of the file system: the standard library's, or under
//! `--cfg shuttle` those of a scheduler that tries out how threads can meet (see
//! `scripts/interleavings`).

#[cfg(not(shuttle))]
pub(super) use std::{
    sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread,
    time::Instant,
};

#[cfg(shuttle)]
#[path = "../../tests/interleavings/scheduled.rs"]
mod scheduled;
#[cfg(shuttle)]
pub(super) use scheduled::*;
