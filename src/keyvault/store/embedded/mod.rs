//! All accounts in one file of this machine (redb). One thread writes, so that what many ask for at once
//! becomes durable with one fsync.
//!
//! Beside the file stands a mark: how many changes the store has had, noted soon after they are durable.
//! A store that has had fewer is an older copy, and is refused. A backup is a store as well, of another
//! kind, and is only taken back in with [`restore`], which every account shows from then on.

mod backup;
mod mark;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use tokio::sync::oneshot;

use crate::crypto::{AccountId, fill_random};
use crate::keyvault::account::Account;

use super::{Store, StoreError, Stored, Swap, Version, account_of, open_or_make, unavailable};

use self::mark::Mark;
pub use backup::{back_up, restore};

const ACCOUNTS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("accounts");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// In [`ABOUT`]: what all servers of the store share.
const IDENTITY: &str = "identity";
/// In [`ABOUT`]: 128 random bits, to tell stores apart.
const STORE_ID: &str = "store id";
/// In [`ABOUT`]: how many changes there have been, `u64`, little-endian.
const CHANGES: &str = "changes";
/// In [`ABOUT`]: this is a backup.
const BACKUP: &str = "backup";

/// Changes that become durable together at most.
const BATCH_MAX: usize = 512;
/// How far the mark may lag behind.
const MARK_LAG: Duration = Duration::from_secs(1);

/// What the writing thread is asked for.
enum Job {
    Swap {
        id: AccountId,
        expected: Option<Version>,
        next: Box<Account>,
        answer: oneshot::Sender<Result<Swap, StoreError>>,
    },
    Identity {
        fresh: Vec<u8>,
        answer: oneshot::Sender<Result<Vec<u8>, StoreError>>,
    },
}

impl Job {
    /// Tells whoever asked that it was not done.
    fn undone(self) -> Answer {
        fn give_none<T>(answer: oneshot::Sender<Result<T, StoreError>>, written: Result<(), &str>) {
            give(answer, written, Err(StoreError::Unavailable("it was not done".into())));
        }
        match self {
            Self::Swap { answer, .. } => Box::new(|written| give_none(answer, written)),
            Self::Identity { answer, .. } => Box::new(|written| give_none(answer, written)),
        }
    }
}

/// Tells whoever asked what came of it, given whether all of it was written.
type Answer = Box<dyn FnOnce(Result<(), &str>)>;

/// A store in one file.
#[derive(Debug)]
pub struct EmbeddedStore {
    database: Arc<Database>,
    /// A write has failed: nothing is told any more, so that nobody relies on a store that takes nothing.
    failed: Arc<AtomicBool>,
    /// `None` only while it is dropped: then the thread ends.
    jobs: Option<Sender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedStore {
    /// Opens a store, or makes one where there is none.
    ///
    /// # Errors
    /// [`StoreError::RolledBack`] if it is older than its mark, or a backup; [`StoreError::InUse`],
    /// [`StoreError::Damaged`] or [`StoreError::Unavailable`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mark = Mark::beside(path);
        let database = open_database(path)?;
        let about = About::read_or_make(&database)?;
        if about.is_backup {
            return Err(StoreError::RolledBack(format!(
                "{} is a backup. “hushfs keyvault restore” makes a store of it, and every account then \
                 says so",
                path.display()
            )));
        }
        mark.check(&about, path)?;
        mark.write(&about)?;
        let database = Arc::new(database);
        let (jobs, received) = channel();
        let failed = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            database: Arc::clone(&database),
            failed: Arc::clone(&failed),
            mark,
            about,
            marked: Instant::now(),
        };
        let thread = std::thread::Builder::new()
            .name("keyvault-store".into())
            .spawn(move || writer.run(&received))
            .map_err(unavailable)?;
        Ok(Self { database, failed, jobs: Some(jobs), writer: Mutex::new(Some(thread)) })
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::Unavailable("it is being closed".into());
        self.jobs.as_ref().ok_or_else(gone)?.send(job(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for EmbeddedStore {
    /// Waits until what was asked for is durable, and the mark with it.
    fn drop(&mut self) {
        self.jobs = None;
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if writer.is_some_and(|writer| writer.join().is_err()) {
            log::error!("the thread that writes the store has failed");
        }
    }
}

impl Store for EmbeddedStore {
    async fn read(&self, id: AccountId) -> Result<Option<Stored>, StoreError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable(
                "a write to it has failed; make room or mend the disk, and start the server again"
                    .into(),
            ));
        }
        let reading = self.database.begin_read().map_err(unavailable)?;
        let table = reading.open_table(ACCOUNTS).map_err(unavailable)?;
        let found = table.get(id.0).map_err(unavailable)?;
        found.map(|bytes| stored(id, bytes.value())).transpose()
    }

    async fn swap(
        &self,
        id: AccountId,
        expected: Option<Version>,
        account: &Account,
    ) -> Result<Swap, StoreError> {
        let next = Box::new(account.clone());
        self.ask(|answer| Job::Swap { id, expected, next, answer }).await
    }

    async fn identity(&self, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        let fresh = fresh.to_vec();
        self.ask(|answer| Job::Identity { fresh, answer }).await
    }
}

/// The one thread that writes.
struct Writer {
    database: Arc<Database>,
    failed: Arc<AtomicBool>,
    mark: Mark,
    about: About,
    marked: Instant,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut is_marked = true;
        loop {
            match jobs.recv_timeout(MARK_LAG) {
                Ok(job) => {
                    let more = jobs.try_iter().take(BATCH_MAX - 1);
                    self.carry_out(std::iter::once(job).chain(more).collect());
                    is_marked = false;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !is_marked && self.marked.elapsed() >= MARK_LAG {
                self.set_mark();
                is_marked = true;
            }
        }
        self.set_mark();
    }

    /// A mark that lags lets an older copy pass, and refuses nothing that is right.
    fn set_mark(&mut self) {
        self.marked = Instant::now();
        if let Err(error) = self.mark.write(&self.about) {
            log::error!("how many changes the store has had is not noted: {error}");
        }
    }

    /// Answers only when everything is durable.
    fn carry_out(&mut self, jobs: Vec<Job>) {
        let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        let written = self.write(&mut jobs, &mut answers).map_err(|error| match error {
            StoreError::Unavailable(why) => why,
            error => error.to_string(),
        });
        answers.extend(jobs.map(Job::undone));
        if written.is_err() {
            // Whether the disk has it is not known, and after such an error redb takes nothing more.
            self.failed.store(true, Ordering::Relaxed);
        }
        for answer in answers {
            answer(written.as_ref().map(|_| ()).map_err(String::as_str));
        }
        match written {
            Ok(changes) => self.about.changes = changes,
            Err(error) => log::error!("the store takes nothing any more: {error}"),
        }
    }

    /// Jobs that are left were not done.
    fn write(
        &self,
        jobs: &mut impl Iterator<Item = Job>,
        answers: &mut Vec<Answer>,
    ) -> Result<u64, StoreError> {
        let writing = self.database.begin_write().map_err(unavailable)?;
        let mut changes = self.about.changes;
        {
            let mut accounts = writing.open_table(ACCOUNTS).map_err(unavailable)?;
            let mut about = writing.open_table(ABOUT).map_err(unavailable)?;
            for job in jobs {
                match job {
                    Job::Swap { id, expected, next, answer } => {
                        let done = swap_in(&mut accounts, id, expected, &next);
                        changes += u64::from(matches!(done, Ok(Swap::Done)));
                        answers.push(Box::new(|written| give(answer, written, done)));
                    }
                    Job::Identity { fresh, answer } => {
                        let found = identity_in(&mut about, &fresh);
                        answers.push(Box::new(|written| give(answer, written, found)));
                    }
                }
            }
            about.insert(CHANGES, &changes.to_le_bytes()[..]).map_err(unavailable)?;
        }
        writing.commit().map_err(unavailable)?;
        Ok(changes)
    }
}

fn give<T>(
    answer: oneshot::Sender<Result<T, StoreError>>,
    written: Result<(), &str>,
    done: Result<T, StoreError>,
) {
    let done = written.map_err(|error| StoreError::Unavailable(error.to_owned())).and(done);
    // Whoever asked may have gone away.
    let _ = answer.send(done);
}

fn swap_in(
    accounts: &mut Table<'_, [u8; 32], &[u8]>,
    id: AccountId,
    expected: Option<Version>,
    next: &Account,
) -> Result<Swap, StoreError> {
    let found = accounts.get(id.0).map_err(unavailable)?;
    let found = found.map(|bytes| stored(id, bytes.value())).transpose()?;
    if found.map(|stored| stored.version) != expected {
        return Ok(Swap::Conflict);
    }
    accounts.insert(id.0, &next.to_bytes()[..]).map_err(unavailable)?;
    Ok(Swap::Done)
}

fn identity_in(about: &mut Table<'_, &str, &[u8]>, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
    if let Some(found) = about.get(IDENTITY).map_err(unavailable)? {
        return Ok(found.value().to_vec());
    }
    about.insert(IDENTITY, fresh).map_err(unavailable)?;
    Ok(fresh.to_vec())
}

/// An account's generation is its version: no account is ever deleted.
fn stored(id: AccountId, bytes: &[u8]) -> Result<Stored, StoreError> {
    let account = account_of(id, bytes)?;
    Ok(Stored { version: Version(account.generation()), account })
}

fn open_database(path: &Path) -> Result<Database, StoreError> {
    let file = open_or_make(path)
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))?;
    let database =
        FileBackend::new(file).and_then(|file| redb::Builder::new().create_with_backend(file));
    database.map_err(|error| match error {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.display().to_string()),
        redb::DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() != ErrorKind::InvalidData =>
        {
            StoreError::Unavailable(format!("{}: {error}", path.display()))
        }
        error => StoreError::Damaged(format!("{}: {error}", path.display())),
    })
}

/// What a store says of itself.
#[derive(Clone, Debug)]
struct About {
    store_id: [u8; 16],
    changes: u64,
    is_backup: bool,
}

impl About {
    fn read_or_make(database: &Database) -> Result<Self, StoreError> {
        let writing = database.begin_write().map_err(unavailable)?;
        let found = {
            writing.open_table(ACCOUNTS).map_err(unavailable)?;
            let mut table = writing.open_table(ABOUT).map_err(unavailable)?;
            let store_id = field::<16>(&table, STORE_ID)?;
            let store_id = match store_id {
                Some(store_id) => store_id,
                None => {
                    let mut fresh = [0; 16];
                    fill_random(&mut fresh);
                    table.insert(STORE_ID, &fresh[..]).map_err(unavailable)?;
                    fresh
                }
            };
            let changes = field::<8>(&table, CHANGES)?.map_or(0, u64::from_le_bytes);
            let is_backup = table.get(BACKUP).map_err(unavailable)?.is_some();
            Self { store_id, changes, is_backup }
        };
        writing.commit().map_err(unavailable)?;
        Ok(found)
    }
}

fn field<const N: usize>(
    table: &Table<'_, &str, &[u8]>,
    name: &str,
) -> Result<Option<[u8; N]>, StoreError> {
    let found = table.get(name).map_err(unavailable)?;
    let wrong = || StoreError::Damaged(format!("its “{name}” is not what was stored"));
    found.map(|bytes| bytes.value().try_into().map_err(|_| wrong())).transpose()
}
