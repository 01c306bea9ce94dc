//! The newest state that was seen of each account: one that was put back alone, in a store that has otherwise
//! gone on, would have its guesses again. Only in memory, and of the accounts that were used last.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::crypto::AccountId;

use super::account::{Account, Moment};
use super::store::StoreError;

/// Accounts that are remembered, at most.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("it is not 0");

/// What was seen last of accounts.
#[derive(Debug)]
pub(super) struct Newest(Mutex<LruCache<AccountId, Moment>>);

impl Newest {
    /// Nothing was seen yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED_MAX)))
    }

    /// What was seen until now: what is read from now on must not be older.
    pub(super) fn of(&self, id: AccountId) -> Option<Moment> {
        self.seen().get(&id).copied()
    }

    /// Takes in what was found, `before` being what was seen before it was asked for.
    ///
    /// # Errors
    /// [`StoreError::RolledBack`] if it is older, or comes from another past.
    pub(super) fn note(
        &self,
        id: AccountId,
        found: Option<&Account>,
        before: Option<Moment>,
    ) -> Result<(), StoreError> {
        let went_back = |how: &str| Err(StoreError::RolledBack(format!("account {id} {how}")));
        match (found, before) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return went_back("was there before, and is not"),
            (Some(found), Some(before)) if !found.can_follow(&before) => {
                return went_back(&format!(
                    "has had {} changes, and {} before, or they were other ones",
                    found.generation(),
                    before.generation
                ));
            }
            (Some(found), _) => self.made(found),
        }
        Ok(())
    }

    /// Takes in a state that is durable.
    pub(super) fn made(&self, account: &Account) {
        let (mut seen, moment) = (self.seen(), account.moment());
        // Answers may overtake one another.
        if seen.get(&account.id()).is_none_or(|seen| seen.generation < moment.generation) {
            seen.put(account.id(), moment);
        }
    }

    fn seen(&self) -> MutexGuard<'_, LruCache<AccountId, Moment>> {
        // Every state of it is a right one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
