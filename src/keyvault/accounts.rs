//! The accounts of a store: each change is made on what is stored at that moment, by compare-and-swap, and
//! is durable when it returns.

use crate::crypto::{AccountId, AccountPublicKey, RegistrationId};

use super::account::{Account, Guess, Record, Refusal, Standing};
use super::newest::Newest;
use super::protocol::{Age, Told};
use super::store::{Store, StoreError, Stored, Swap};

/// How often a change starts anew because another one came in between.
const TRIES: u32 = 100;

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account does not allow it. Nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store did not do it; it may have been done all the same.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others change the account all the time. Nothing was changed.
    #[error("too many at once for one account")]
    Busy,
}

/// What the key vault does with accounts, over any store.
#[derive(Debug)]
pub struct Accounts<S> {
    store: S,
    newest: Newest,
}

impl<S: Store> Accounts<S> {
    /// Over a store.
    pub fn new(store: S) -> Self {
        Self { store, newest: Newest::new() }
    }

    /// What they are kept in.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What has become of a registration. An account that nobody has registered looks as one whose
    /// registration is gone.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn tell(
        &self,
        id: AccountId,
        registration: RegistrationId,
    ) -> Result<Told, AccountError> {
        let stored = self.read(id).await?;
        Ok(stored.map_or(
            Told { standing: Standing::Gone, guesses_left: 0, age: Age::default() },
            |Stored { account, .. }| told(&account, registration),
        ))
    }

    /// Takes a guess, and only when that is durable returns what may be guessed at.
    ///
    /// # Errors
    /// [`AccountError`]; a guess may then be lost, and none was gained.
    pub async fn take_guess(
        &self,
        id: AccountId,
        registration: RegistrationId,
    ) -> Result<Guess, AccountError> {
        self.change(id, |stored| {
            let account = stored.ok_or(Refusal::Gone)?;
            let (next, guess) = account.take_guess(registration)?;
            Ok((Some(next), guess))
        })
        .await
    }

    /// Restores the count after a right guess.
    ///
    /// # Errors
    /// [`AccountError`]; the count may then be as it was.
    pub async fn guessed_right(&self, id: AccountId, guess: &Guess) -> Result<Told, AccountError> {
        self.change(id, |stored| {
            let next = stored.ok_or(Refusal::Gone)?.guessed_right(guess)?;
            let told = told(&next, guess.record.registration);
            Ok((Some(next), told))
        })
        .await
    }

    /// Puts a record beside the active one, for an owner whose signature was seen.
    ///
    /// # Errors
    /// [`AccountError`]; doing it again does no harm.
    pub async fn register(
        &self,
        owner: AccountPublicKey,
        record: &Record,
    ) -> Result<Age, AccountError> {
        self.change(owner.id(), |stored| {
            let account = stored.unwrap_or_else(|| Account::new(owner));
            let next = account.register(record.clone());
            let age = age(next.as_ref().unwrap_or(&account));
            Ok((next, age))
        })
        .await
    }

    /// Puts the pending record in the active one's place, for an owner whose signature was seen.
    ///
    /// # Errors
    /// [`AccountError`]; doing it again does no harm.
    pub async fn commit(
        &self,
        owner: AccountPublicKey,
        registration: RegistrationId,
    ) -> Result<Told, AccountError> {
        self.change(owner.id(), |stored| {
            let account = stored.ok_or(Refusal::Gone)?;
            let next = account.commit(registration)?;
            let told = told(next.as_ref().unwrap_or(&account), registration);
            Ok((next, told))
        })
        .await
    }

    /// Erases every record, for an owner whose signature was seen. Fine if there is none.
    ///
    /// # Errors
    /// [`AccountError`]; doing it again does no harm.
    pub async fn unregister(&self, owner: AccountPublicKey) -> Result<Age, AccountError> {
        self.change(owner.id(), |stored| {
            let account = stored.unwrap_or_else(|| Account::new(owner));
            let next = account.unregister();
            let age = age(next.as_ref().unwrap_or(&account));
            Ok((next, age))
        })
        .await
    }

    /// What is stored of an account, if that is no older than what was seen of it.
    async fn read(&self, id: AccountId) -> Result<Option<Stored>, StoreError> {
        let before = self.newest.of(id);
        let stored = self.store.read(id).await?;
        self.newest.note(id, stored.as_ref().map(|stored| &stored.account), before)?;
        Ok(stored)
    }

    /// Makes a change on what is stored until nothing comes in between; `None` changes nothing.
    async fn change<T>(
        &self,
        id: AccountId,
        step: impl Fn(Option<Account>) -> Result<(Option<Account>, T), Refusal>,
    ) -> Result<T, AccountError> {
        for _ in 0..TRIES {
            let (account, version) = match self.read(id).await? {
                Some(Stored { account, version }) => (Some(account), Some(version)),
                None => (None, None),
            };
            let (next, outcome) = step(account)?;
            let Some(next) = next else { return Ok(outcome) };
            match self.store.swap(id, version, &next).await? {
                Swap::Done => {
                    self.newest.made(&next);
                    return Ok(outcome);
                }
                Swap::Conflict => {}
            }
        }
        Err(AccountError::Busy)
    }
}

fn age(account: &Account) -> Age {
    Age { generation: account.generation(), restores: account.restores() }
}

fn told(account: &Account, registration: RegistrationId) -> Told {
    Told {
        standing: account.standing(registration),
        guesses_left: account.guesses_left(),
        age: age(account),
    }
}
