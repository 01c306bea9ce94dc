//! What one server has seen of an etcd cluster: which it is, and how many changes it has had. In memory, and
//! in a file, so that a server that was killed knows it still.
//!
//! The file is two entries of 64 bytes, 4 KiB apart, written in turn: one of them is always whole.
//! An entry: magic (8 bytes), turn, cluster id, revision (8 bytes each, little-endian), whether an
//! older state was seen (1 byte), zeros (7 bytes), then the first 24 bytes of SHA-256 over all that.

use std::fs::{File, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::keyvault::store::{StoreError, open_or_make, sync_folder_of};

const MAGIC: &[u8; 8] = b"hushseen";
const ENTRY_BYTES: usize = 64;
const HASHED_BYTES: usize = 40;
/// Entries do not share a block of any disk.
const ENTRY_STEP_BYTES: u64 = 4096;

/// What was seen at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// 0 before anything was seen.
    pub cluster: u64,
    /// How many changes the cluster has had.
    pub revision: u64,
    /// It has gone back: nothing of it is used any more.
    pub is_refused: bool,
}

/// What a server has seen; for ever, once it was kept.
pub(super) struct Seen {
    path: PathBuf,
    file: Arc<File>,
    view: Mutex<View>,
    /// What is durable, and in which turn it was written. Held while writing, so that all who
    /// wait get their part by one fsync, and by what writes: whoever asked for it may be gone.
    kept: Arc<tokio::sync::Mutex<(View, u64)>>,
}

impl Seen {
    /// Opens the file, or makes one.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Unavailable`].
    pub fn open(path: &Path, forget: bool) -> Result<Self, StoreError> {
        let failed = |error| cannot(path, error);
        let file = open_or_make(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse(path.display().to_string()));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let is_new = file.metadata().map_err(failed)?.len() == 0;
        let mut kept = newest(&file);
        if is_new || forget {
            let turn = kept.map_or(0, |(_, turn)| turn + 1);
            write(&file, View::default(), turn).map_err(failed)?;
            sync_folder_of(path).map_err(failed)?;
            kept = Some((View::default(), turn));
        }
        let Some((view, turn)) = kept else {
            return Err(StoreError::Damaged(format!(
                "{} does not read; --accept-rollback makes it anew, and believes what the cluster holds now",
                path.display()
            )));
        };
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            view: Mutex::new(view),
            kept: Arc::new(tokio::sync::Mutex::new((view, turn))),
        })
    }

    /// What was seen before a question is asked: the answer must not be older.
    ///
    /// # Errors
    /// [`StoreError::RolledBack`] if the cluster was refused before.
    pub fn before(&self) -> Result<View, StoreError> {
        let view = *self.view();
        if view.is_refused {
            return Err(StoreError::RolledBack(format!(
                "an older state was seen, and {} says so",
                self.path.display()
            )));
        }
        Ok(view)
    }

    /// Takes in where an answer comes from.
    ///
    /// # Errors
    /// [`StoreError::RolledBack`] if it is older than what was seen `before` the question, or of another
    /// cluster; nothing of the cluster is used from then on.
    pub async fn note(
        &self,
        (cluster, revision): (u64, u64),
        before: View,
    ) -> Result<(), StoreError> {
        let is_other = before.cluster != 0 && before.cluster != cluster;
        if is_other || revision < before.revision {
            return Err(self.refuse(cluster, revision).await);
        }
        {
            let mut view = self.view();
            view.cluster = cluster;
            view.revision = view.revision.max(revision);
        }
        // Another question may have found it out meanwhile.
        self.before().map(|_| ())
    }

    /// Uses nothing of the cluster from now on, and says why.
    pub async fn refuse(&self, cluster: u64, revision: u64) -> StoreError {
        let seen = {
            let mut view = self.view();
            view.is_refused = true;
            *view
        };
        let said = match seen.cluster == cluster {
            true => format!("etcd is at revision {revision}, and was at {} before", seen.revision),
            false => {
                format!("this etcd cluster is {cluster:x}, and it was {:x} before", seen.cluster)
            }
        };
        if let Err(error) = self.keep().await {
            log::error!("{error}");
        }
        log::error!("nothing of the store is used any more: {said}");
        StoreError::RolledBack(said)
    }

    /// Returns when all that was seen until now is durable.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; then it may be or not.
    pub async fn keep(&self) -> Result<(), StoreError> {
        let wanted = *self.view();
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        if covers(&kept.0, &wanted) {
            return Ok(());
        }
        let now = *self.view();
        let turn = kept.1 + 1;
        let file = Arc::clone(&self.file);
        let writing = tokio::task::spawn_blocking(move || {
            write(&file, now, turn)?;
            *kept = (now, turn);
            Ok(())
        });
        let written = writing.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        written.map_err(|error| cannot(&self.path, error))
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // A number that only grows is right whoever has panicked.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn covers(kept: &View, wanted: &View) -> bool {
    kept.cluster == wanted.cluster
        && kept.revision >= wanted.revision
        && kept.is_refused >= wanted.is_refused
}

fn cannot(path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("what was seen of it is kept in {}: {error}", path.display()))
}

fn write(file: &File, view: View, turn: u64) -> std::io::Result<()> {
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(MAGIC);
    entry[8..16].copy_from_slice(&turn.to_le_bytes());
    entry[16..24].copy_from_slice(&view.cluster.to_le_bytes());
    entry[24..32].copy_from_slice(&view.revision.to_le_bytes());
    entry[32] = u8::from(view.is_refused);
    let hash = Sha256::digest(&entry[..HASHED_BYTES]);
    entry[HASHED_BYTES..].copy_from_slice(&hash[..ENTRY_BYTES - HASHED_BYTES]);
    file.write_all_at(&entry, turn % 2 * ENTRY_STEP_BYTES)?;
    file.sync_data()
}

/// The entry that was written last, and its turn.
fn newest(file: &File) -> Option<(View, u64)> {
    let read = |nth: u64| {
        let mut entry = [0; ENTRY_BYTES];
        file.read_exact_at(&mut entry, nth * ENTRY_STEP_BYTES).ok()?;
        let hash = Sha256::digest(&entry[..HASHED_BYTES]);
        let is_whole =
            &entry[..8] == MAGIC && entry[HASHED_BYTES..] == hash[..ENTRY_BYTES - HASHED_BYTES];
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&entry[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let view = View { cluster: number(16), revision: number(24), is_refused: entry[32] != 0 };
        is_whole.then(|| (view, number(8)))
    };
    [read(0), read(1)].into_iter().flatten().max_by_key(|(_, turn)| *turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn saw(seen: &Seen, cluster: u64, revision: u64) -> Result<(), StoreError> {
        let before = seen.before()?;
        seen.note((cluster, revision), before).await?;
        seen.keep().await
    }

    #[tokio::test]
    async fn an_older_state_is_refused_and_stays_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen");
        let seen = Seen::open(&path, false).unwrap();
        saw(&seen, 7, 10).await.unwrap();
        saw(&seen, 7, 10).await.unwrap();
        assert!(matches!(saw(&seen, 7, 9).await, Err(StoreError::RolledBack(_))));
        assert!(matches!(saw(&seen, 7, 11).await, Err(StoreError::RolledBack(_))));
        drop(seen);
        let again = Seen::open(&path, false).unwrap();
        assert!(matches!(again.before(), Err(StoreError::RolledBack(_))));
        drop(again);
        saw(&Seen::open(&path, true).unwrap(), 8, 1).await.unwrap();
    }

    #[tokio::test]
    async fn another_cluster_is_refused_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen");
        saw(&Seen::open(&path, false).unwrap(), 7, 10).await.unwrap();
        let seen = Seen::open(&path, false).unwrap();
        assert_eq!(seen.before().unwrap(), View { cluster: 7, revision: 10, is_refused: false });
        assert!(matches!(saw(&seen, 8, 20).await, Err(StoreError::RolledBack(_))));
    }

    #[tokio::test]
    async fn an_answer_that_was_overtaken_is_no_older_state() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::open(&folder.path().join("seen"), false).unwrap();
        let before = seen.before().unwrap();
        saw(&seen, 7, 20).await.unwrap();
        seen.note((7, 15), before).await.unwrap();
        assert_eq!(seen.before().unwrap().revision, 20);
    }

    #[tokio::test]
    async fn an_entry_that_was_torn_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen");
        let seen = Seen::open(&path, false).unwrap();
        for revision in 1..4 {
            saw(&seen, 7, revision).await.unwrap();
        }
        // Turn 3 stands in the second place.
        seen.file.write_all_at(&[0xff; 20], ENTRY_STEP_BYTES + 20).unwrap();
        drop(seen);
        let before = Seen::open(&path, false).unwrap().before().unwrap();
        assert_eq!(before.revision, 2);
    }

    #[tokio::test]
    async fn who_no_longer_waits_for_it_to_be_kept_spoils_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen");
        let seen = Seen::open(&path, false).unwrap();
        for revision in 1..200 {
            let before = seen.before().unwrap();
            seen.note((7, revision), before).await.unwrap();
            // Asked for once, and given up.
            let _ = tokio::time::timeout(std::time::Duration::ZERO, seen.keep()).await;
            saw(&seen, 7, revision + 1).await.unwrap();
            assert_eq!(newest(&seen.file).unwrap().0.revision, revision + 1);
        }
    }

    #[tokio::test]
    async fn damage_and_a_second_server_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen");
        let seen = Seen::open(&path, false).unwrap();
        assert!(matches!(Seen::open(&path, false), Err(StoreError::InUse(_))));
        drop(seen);
        std::fs::write(&path, [1; 100]).unwrap();
        assert!(matches!(Seen::open(&path, false), Err(StoreError::Damaged(_))));
    }
}
