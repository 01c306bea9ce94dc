//! A disk with a clock that a test sets, so that days pass at once.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hushfs::format::Time;
use hushfs::fs::MountMode;
use hushfs::store::{Disk, DiskFile, DiskRoom, DraftFile, FolderItem, HostDisk};

use super::bench::device::Device;

pub const HOUR_SECS: i64 = 60 * 60;
pub const DAY_SECS: i64 = 24 * HOUR_SECS;

/// A day in 2026, so far from now that no true time passes for one of the test's.
const FIRST_DAY: i64 = 20_500;

/// An hour of a day, counted from some first day.
pub fn at(day: i64, hour: i64) -> Time {
    Time { secs: (FIRST_DAY + day) * DAY_SECS + hour * HOUR_SECS, nanos: 0 }
}

/// The disk. Clones are the same.
#[derive(Clone, Debug)]
pub struct ClockedDisk(Arc<Mutex<Clock>>);

#[derive(Debug)]
struct Clock {
    now: Time,
    /// When files came, by their paths.
    arrived: HashMap<PathBuf, i64>,
}

impl ClockedDisk {
    pub fn new(now: Time) -> Self {
        Self(Arc::new(Mutex::new(Clock { now, arrived: HashMap::new() })))
    }

    pub fn set(&self, now: Time) {
        self.0.lock().unwrap().now = now;
    }

    /// A file has come to this path just now.
    pub fn note_arrival(&self, path: &Path) {
        let mut clock = self.0.lock().unwrap();
        let now = clock.now.secs;
        clock.arrived.insert(path.to_owned(), now);
    }

    /// A device on this disk.
    pub fn device(&self, name: &str, vault: &Path, key: &Path, state: &Path) -> Device {
        let mode = MountMode::ReadWrite;
        Device::try_open_on(Arc::new(self.clone()), name, vault, key, state, mode).unwrap()
    }
}

/// A draft on such a disk.
#[derive(Debug)]
struct ClockedDraft {
    draft: Box<dyn DraftFile>,
    disk: ClockedDisk,
}

impl DraftFile for ClockedDraft {
    fn file(&self) -> &dyn DiskFile {
        self.draft.file()
    }
    fn appear(self: Box<Self>, path: &Path) -> io::Result<()> {
        self.disk.note_arrival(path);
        self.draft.appear(path)
    }
}

impl Disk for ClockedDisk {
    fn now(&self) -> Time {
        // No two things happen at the same time.
        let mut clock = self.0.lock().unwrap();
        clock.now.nanos += 1;
        clock.now
    }
    fn arrived_secs(&self, path: &Path) -> Option<i64> {
        self.0.lock().unwrap().arrived.get(path).copied()
    }
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        HostDisk.open(path, write)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        HostDisk.create(path)
    }
    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>> {
        Ok(Box::new(ClockedDraft { draft: HostDisk.draft(path)?, disk: self.clone() }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        HostDisk.rename(from, to)
    }
    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note_arrival(to);
        HostDisk.rename_free(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        HostDisk.remove(path)
    }
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        HostDisk.create_folder(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        HostDisk.list(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        HostDisk.sync_folder(folder)
    }
    fn room(&self, path: &Path) -> io::Result<DiskRoom> {
        HostDisk.room(path)
    }
}
