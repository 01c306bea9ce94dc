//! Who uses a state folder: one process of this machine at a time.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::StoreError;

const LOCK_NAME: &str = "lock";
const HOLDER_BYTES_MAX: u64 = 64 << 10;
/// A lock that was let go of may still be held for a moment: a program that its holder was just
/// starting has a copy of every open file until it runs.
const TRIES_MORE: u32 = 10;
const TRY_EVERY: Duration = Duration::from_millis(50);

/// Who holds a state folder's lock, for the sentence that refuses the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Its process id.
    pub pid: u32,
    /// Where it has mounted the vault; empty where it has not.
    pub mountpoint: String,
}

/// The lock is somebody else's.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LockedBy {
    /// Another process uses the vault on this machine.
    #[error("the vault is in use on this machine{}", holder_words(.0))]
    Other(Box<Option<LockHolder>>),
    /// The lock file itself cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn holder_words(holder: &Option<LockHolder>) -> String {
    match holder {
        Some(LockHolder { pid, mountpoint }) if mountpoint.is_empty() => {
            format!(" by process {pid}")
        }
        Some(LockHolder { pid, mountpoint }) => {
            format!(": mounted at {mountpoint} by process {pid}")
        }
        None => String::new(),
    }
}

/// The lock on a state folder, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct StateLock {
    file: File,
    path: PathBuf,
}

impl StateLock {
    /// Takes the lock of the state folder at `folder`, which exists.
    ///
    /// # Errors
    /// [`LockedBy::Other`] if another process has it.
    pub fn take(folder: &Path) -> Result<Self, LockedBy> {
        let path = folder.join(LOCK_NAME);
        let file = open(&path).map_err(|e| StoreError::io("cannot open", &path, e))?;
        let try_lock = || flock(&file, FlockOperation::NonBlockingLockExclusive);
        let mut locked = try_lock();
        for _ in 0..TRIES_MORE {
            if locked != Err(Errno::WOULDBLOCK) {
                break;
            }
            std::thread::sleep(TRY_EVERY);
            locked = try_lock();
        }
        match locked {
            Ok(()) => {
                let lock = Self { file, path };
                lock.tell(&LockHolder { pid: std::process::id(), mountpoint: String::new() })?;
                Ok(lock)
            }
            Err(Errno::WOULDBLOCK) => Err(LockedBy::Other(Box::new(read_holder(file)))),
            Err(error) => Err(StoreError::io("cannot lock", &path, error.into()).into()),
        }
    }

    /// Who uses the state folder at `folder` now, if anybody.
    pub fn holder(folder: &Path) -> Option<LockHolder> {
        let file = File::open(folder.join(LOCK_NAME)).ok()?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => Some(read_holder(file).unwrap_or_default()),
            _ => None,
        }
    }

    /// Lets go of the lock before it is dropped. A thread that hangs in the system keeps all open
    /// files of a process that has ended; no lock may wait for that.
    pub fn let_go(&self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            log::warn!("{}: {error}", self.path.display());
        }
    }

    /// Writes down who holds the lock, for others to read.
    ///
    /// # Errors
    /// [`StoreError`]; the lock is held all the same.
    pub fn tell(&self, holder: &LockHolder) -> Result<(), StoreError> {
        let fail = |error| StoreError::io("cannot write", &self.path, error);
        let text = serde_json::to_vec(holder).map_err(|e| fail(e.into()))?;
        self.file.set_len(0).map_err(fail)?;
        let mut file = &self.file;
        file.rewind().map_err(fail)?;
        file.write_all(&text).map_err(fail)
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn read_holder(file: File) -> Option<LockHolder> {
    let mut text = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_refused_and_told_where_the_first_one_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(StateLock::holder(dir.path()), None);
        let lock = StateLock::take(dir.path()).unwrap();
        let holder = LockHolder { pid: 42, mountpoint: "/mnt/chats".into() };
        lock.tell(&holder).unwrap();
        let refused = StateLock::take(dir.path()).unwrap_err();
        assert!(refused.to_string().contains("mounted at /mnt/chats by process 42"), "{refused}");
        assert_eq!(StateLock::holder(dir.path()), Some(holder));
        drop(lock);
        assert_eq!(StateLock::holder(dir.path()), None);
        let lock = StateLock::take(dir.path()).unwrap();
        lock.let_go();
        StateLock::take(dir.path()).unwrap();
    }
}
