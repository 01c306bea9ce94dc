//! Where a key vault keeps its accounts: what it needs of a store, and the stores there are.

mod embedded;
#[cfg(feature = "keyvault-etcd")]
mod etcd;

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::crypto::AccountId;

use super::account::Account;

pub use embedded::{EmbeddedStore, back_up, restore};
#[cfg(feature = "keyvault-etcd")]
pub use etcd::{CertificateFiles, EtcdAddress, EtcdAddressError, EtcdStore, EtcdTls, EtcdTlsError};

/// Which version of an account is stored. Stores give every change another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u64);

/// What is stored of one account, and which version of it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The account.
    pub account: Account,
    /// What [`Store::swap`] has to expect to replace it.
    pub version: Version,
}

/// What came of a [`Store::swap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// It is durable.
    Done,
    /// Something else is stored than was expected. Nothing was changed.
    Conflict,
}

/// Why a store does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or did not do what it was asked.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// Another server has it.
    #[error("{0} is in use by another server")]
    InUse(String),
    /// It holds something that is not what it should be.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// It is older than what was seen of it before: guesses that were taken would count again.
    #[error("the store has gone back to an older state, in which guesses would count again: {0}")]
    RolledBack(String),
}

/// A store of accounts. Any number of servers may share one, if it lets them.
pub trait Store: Send + Sync + 'static {
    /// What is stored of an account.
    ///
    /// # Errors
    /// [`StoreError`].
    fn read(
        &self,
        id: AccountId,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// Replaces what is stored if it is still `expected` (`None`: nothing there). Durable when it returns
    /// [`Swap::Done`].
    ///
    /// # Errors
    /// [`StoreError`]; it may then have happened or not.
    fn swap(
        &self,
        id: AccountId,
        expected: Option<Version>,
        account: &Account,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// What all servers of this store share (the server's keys, as `server::Identity` writes them): what is there,
    /// else `fresh`, which is durable then.
    ///
    /// # Errors
    /// [`StoreError`]; `fresh` may then be there or not.
    fn identity(&self, fresh: &[u8]) -> impl Future<Output = Result<Vec<u8>, StoreError>> + Send;
}

/// The account that is stored as `id`.
fn account_of(id: AccountId, bytes: &[u8]) -> Result<Account, StoreError> {
    let account = Account::from_bytes(bytes).filter(|account| account.id() == id);
    account.ok_or_else(|| StoreError::Damaged(format!("account {id} is not what was stored")))
}

fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// A file that only its owner reads and writes; an empty one, if there is none.
fn open_or_make(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes names in a path's folder durable.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
