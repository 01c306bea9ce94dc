//! A store copied away, and taken back so that nobody gains guesses unnoticed.

use std::path::Path;

use redb::{ReadableDatabase, ReadableTable};

use crate::crypto::AccountId;
use crate::keyvault::account::Account;
use crate::keyvault::store::{StoreError, sync_folder_of};

use super::mark::Mark;
use super::{ABOUT, ACCOUNTS, About, BACKUP, IDENTITY, open_database, stored, unavailable};

/// Copies a store into a backup, which must not exist yet. The store must not be in use. How many accounts
/// there are is returned.
///
/// # Errors
/// [`StoreError`]; the backup is then not there, or of no use.
pub fn back_up(store: &Path, backup: &Path) -> Result<u64, StoreError> {
    copy(store, backup, true, |account| account)
}

/// Makes a store of a backup. It must not exist yet. Nobody gains guesses unnoticed: every account has
/// three at most, and says from then on that it was restored.
///
/// # Errors
/// [`StoreError`]; the store is then not there, or of no use.
pub fn restore(backup: &Path, store: &Path) -> Result<u64, StoreError> {
    copy(backup, store, false, |account| account.restored())
}

fn copy(
    from: &Path,
    to: &Path,
    is_backup: bool,
    change: impl Fn(Account) -> Account,
) -> Result<u64, StoreError> {
    let missing = |error| StoreError::Unavailable(format!("{}: {error}", from.display()));
    std::fs::metadata(from).map_err(missing)?;
    let place = |error| StoreError::Unavailable(format!("{}: {error}", to.display()));
    if to.try_exists().map_err(place)? {
        return Err(StoreError::Unavailable(format!("{} is there already", to.display())));
    }
    let source = open_database(from)?;
    if About::read_or_make(&source)?.is_backup == is_backup {
        let what = if is_backup { "is a backup" } else { "is no backup" };
        return Err(StoreError::Damaged(format!("{} {what}", from.display())));
    }
    let reading = source.begin_read().map_err(unavailable)?;
    let target = open_database(to)?;
    let about = About::read_or_make(&target)?;
    let writing = target.begin_write().map_err(unavailable)?;
    let mut count = 0_u64;
    {
        let mut accounts = writing.open_table(ACCOUNTS).map_err(unavailable)?;
        for item in
            reading.open_table(ACCOUNTS).map_err(unavailable)?.iter().map_err(unavailable)?
        {
            let (id, bytes) = item.map_err(unavailable)?;
            let id = AccountId(id.value());
            let account = change(stored(id, bytes.value())?.account);
            accounts.insert(id.0, &account.to_bytes()[..]).map_err(unavailable)?;
            count += 1;
        }
        let mut table = writing.open_table(ABOUT).map_err(unavailable)?;
        let source = reading.open_table(ABOUT).map_err(unavailable)?;
        if let Some(identity) = source.get(IDENTITY).map_err(unavailable)? {
            table.insert(IDENTITY, identity.value()).map_err(unavailable)?;
        }
        if is_backup {
            table.insert(BACKUP, &b""[..]).map_err(unavailable)?;
        }
    }
    writing.commit().map_err(unavailable)?;
    if !is_backup {
        Mark::beside(to).write(&about)?;
    }
    sync_folder_of(to).map_err(unavailable)?;
    Ok(count)
}
