//! Tests of the store in one file.

use super::*;
use crate::crypto::{MasterKey, RegistrationId, VaultId};
use crate::keyvault::account::{GUESSES, RECORD_BYTES, RESTORED_GUESSES, Record};
use crate::keyvault::accounts::{AccountError, Accounts};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn owner() -> crate::crypto::AccountPublicKey {
    MasterKey::random().account_key(&VaultId::random()).public_key()
}

fn record() -> Record {
    Record { registration: RegistrationId([7; 16]), upload: [7; RECORD_BYTES] }
}

/// A store with one account, of which `taken` guesses are taken.
fn made(path: &Path, taken: u8) -> crate::crypto::AccountPublicKey {
    let (accounts, owner) = (Accounts::new(EmbeddedStore::open(path).unwrap()), owner());
    runtime().block_on(async {
        accounts.register(owner, &record()).await.unwrap();
        accounts.commit(owner, record().registration).await.unwrap();
    });
    take(&accounts, owner, taken);
    owner
}

fn take(accounts: &Accounts<EmbeddedStore>, owner: crate::crypto::AccountPublicKey, guesses: u8) {
    runtime().block_on(async {
        for _ in 0..guesses {
            accounts.take_guess(owner.id(), record().registration).await.unwrap();
        }
    });
}

fn left(accounts: &Accounts<EmbeddedStore>, owner: crate::crypto::AccountPublicKey) -> (u8, u32) {
    let told = runtime().block_on(accounts.tell(owner.id(), record().registration)).unwrap();
    (told.guesses_left, told.age.restores)
}

#[test]
fn what_is_stored_is_there_after_opening_again_and_only_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts");
    let owner = made(&path, 3);
    let accounts = Accounts::new(EmbeddedStore::open(&path).unwrap());
    assert_eq!(left(&accounts, owner), (GUESSES - 3, 0));
    let first = runtime().block_on(accounts.store().identity(b"first")).unwrap();
    let second = runtime().block_on(accounts.store().identity(b"second")).unwrap();
    assert_eq!((&first[..], &second[..]), (&b"first"[..], &b"first"[..]));
    use std::os::unix::fs::MetadataExt;
    for file in ["accounts", "accounts.mark"] {
        let mode = folder.path().join(file).metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_swap_expects_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&folder.path().join("accounts")).unwrap();
    let account = Account::new(owner());
    let next = account.register(record()).unwrap();
    let id = account.id();
    runtime().block_on(async {
        let none = store.swap(id, Some(Version(0)), &next).await.unwrap();
        assert_eq!(none, Swap::Conflict);
        assert_eq!(store.swap(id, None, &next).await.unwrap(), Swap::Done);
        assert_eq!(store.swap(id, None, &next).await.unwrap(), Swap::Conflict);
        let stored = store.read(id).await.unwrap().unwrap();
        assert_eq!(stored.account, next);
        let after = next.unregister().unwrap();
        assert_eq!(store.swap(id, Some(stored.version), &after).await.unwrap(), Swap::Done);
        assert_eq!(store.swap(id, Some(stored.version), &after).await.unwrap(), Swap::Conflict);
    });
}

#[test]
fn many_who_guess_at_once_get_ten_guesses_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts");
    let owner = made(&path, 0);
    let accounts = Arc::new(Accounts::new(EmbeddedStore::open(&path).unwrap()));
    let granted: usize = runtime().block_on(async {
        let guessers: Vec<_> = (0..40)
            .map(|_| {
                let accounts = Arc::clone(&accounts);
                tokio::spawn(async move {
                    match accounts.take_guess(owner.id(), record().registration).await {
                        Ok(_) => 1,
                        Err(AccountError::Refused(_) | AccountError::Busy) => 0,
                        Err(error) => panic!("{error}"),
                    }
                })
            })
            .collect();
        let mut granted = 0;
        for guesser in guessers {
            granted += guesser.await.unwrap();
        }
        granted
    });
    assert_eq!(granted, usize::from(GUESSES));
    assert_eq!(left(&accounts, owner).0, 0);
}

#[test]
fn a_store_is_for_one_server_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts");
    let first = EmbeddedStore::open(&path).unwrap();
    assert!(matches!(EmbeddedStore::open(&path), Err(StoreError::InUse(_))));
    drop(first);
    EmbeddedStore::open(&path).unwrap();
}

#[test]
fn an_older_copy_of_a_store_or_another_store_in_its_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy, other] = ["accounts", "copy", "other"].map(|name| folder.path().join(name));
    let owner = made(&path, 1);
    std::fs::copy(&path, &copy).unwrap();
    take(&Accounts::new(EmbeddedStore::open(&path).unwrap()), owner, 4);
    std::fs::copy(&path, &other).unwrap();

    std::fs::copy(&copy, &path).unwrap();
    assert!(matches!(EmbeddedStore::open(&path), Err(StoreError::RolledBack(_))));
    std::fs::copy(&other, &path).unwrap();
    let accounts = Accounts::new(EmbeddedStore::open(&path).unwrap());
    assert_eq!(left(&accounts, owner).0, GUESSES - 5);
    drop(accounts);

    std::fs::remove_file(&path).unwrap();
    drop(EmbeddedStore::open(&folder.path().join("third")).unwrap());
    std::fs::rename(folder.path().join("third"), &path).unwrap();
    assert!(matches!(EmbeddedStore::open(&path), Err(StoreError::RolledBack(_))));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(EmbeddedStore::open(&path), Err(StoreError::RolledBack(_))));
}

#[test]
fn a_backup_is_taken_back_only_with_few_guesses_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let [path, backup, again] =
        ["accounts", "backup", "again"].map(|name| folder.path().join(name));
    let owner = made(&path, 2);
    let store = EmbeddedStore::open(&path).unwrap();
    runtime().block_on(store.identity(b"keys")).unwrap();
    assert!(matches!(back_up(&path, &backup), Err(StoreError::InUse(_))));
    drop(store);
    assert_eq!(back_up(&path, &backup).unwrap(), 1);
    assert!(back_up(&path, &backup).is_err(), "nothing is overwritten");
    assert!(matches!(EmbeddedStore::open(&backup), Err(StoreError::RolledBack(_))));
    assert!(matches!(restore(&path, &again), Err(StoreError::Damaged(_))));

    std::fs::remove_file(&path).unwrap();
    assert_eq!(restore(&backup, &path).unwrap(), 1);
    let accounts = Accounts::new(EmbeddedStore::open(&path).unwrap());
    assert_eq!(left(&accounts, owner), (RESTORED_GUESSES, 1));
    assert_eq!(runtime().block_on(accounts.store().identity(b"other")).unwrap(), b"keys");
    take(&accounts, owner, RESTORED_GUESSES);
    assert_eq!(left(&accounts, owner).0, 0);
}

#[test]
fn an_account_that_is_put_back_or_had_other_changes_is_refused_by_who_has_seen_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts");
    let owner = made(&path, 0);
    let accounts = Accounts::new(EmbeddedStore::open(&path).unwrap());
    runtime().block_on(async {
        let store = accounts.store();
        let read = || async { store.read(owner.id()).await.unwrap().unwrap() };
        let old = read().await.account;
        let rolled_back = || async {
            let told = accounts.tell(owner.id(), record().registration).await;
            matches!(told, Err(AccountError::Store(StoreError::RolledBack(_))))
        };
        let put = |account: Account| async move {
            let version = read().await.version;
            assert_eq!(store.swap(owner.id(), Some(version), &account).await.unwrap(), Swap::Done);
        };
        accounts.take_guess(owner.id(), record().registration).await.unwrap();
        let newest = read().await.account;
        // Fewer changes; as many, but another one; one more, but not of what was there.
        let other = old.register(Record { registration: RegistrationId([8; 16]), ..record() });
        let other = other.unwrap();
        for wrong in [old, other.clone(), other.take_guess(record().registration).unwrap().0] {
            put(wrong).await;
            assert!(rolled_back().await);
        }
        put(newest).await;
        assert!(!rolled_back().await);
        assert_eq!(accounts.tell(owner.id(), record().registration).await.unwrap().guesses_left, 9);
    });
}

/// Memory that takes nothing any more once it is told so.
#[derive(Debug, Default)]
struct Breaking {
    memory: redb::backends::InMemoryBackend,
    is_broken: Arc<AtomicBool>,
}

impl redb::StorageBackend for Breaking {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        match self.is_broken.load(Ordering::Relaxed) {
            true => Err(std::io::Error::other("the disk is gone")),
            false => self.memory.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.memory.write(offset, data)
    }
}

#[test]
fn who_asks_a_store_that_has_failed_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Breaking::default();
    let is_broken = Arc::clone(&backend.is_broken);
    let database = Arc::new(redb::Builder::new().create_with_backend(backend).unwrap());
    let about = About::read_or_make(&database).unwrap();
    let mut writer = Writer {
        database,
        failed: Arc::default(),
        mark: Mark::beside(&folder.path().join("accounts")),
        about,
        marked: Instant::now(),
    };
    is_broken.store(true, Ordering::Relaxed);
    // The second one does not even begin.
    for _ in 0..2 {
        let (answer, mut answered) = oneshot::channel();
        writer.carry_out(vec![Job::Identity { fresh: vec![1], answer }]);
        let said = answered.try_recv().expect("it was answered");
        let Err(StoreError::Unavailable(why)) = said else { panic!("{said:?}") };
        assert!(!why.contains("being closed") && !why.contains("not done"), "{why}");
    }
    assert!(writer.failed.load(Ordering::Relaxed));
}

#[test]
fn a_file_that_is_no_store_is_said_to_be_damaged_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts");
    let junk = vec![0x5A; 100_000];
    std::fs::write(&path, &junk).unwrap();
    assert!(matches!(EmbeddedStore::open(&path), Err(StoreError::Damaged(_))));
    assert_eq!(std::fs::read(&path).unwrap(), junk);
}
