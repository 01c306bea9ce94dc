//! Accounts in a store, with no server in between.

use std::time::Duration;

use hushfs::crypto::{AccountId, AccountPublicKey, MasterKey, RegistrationId, VaultId};
use hushfs::keyvault::account::{Record, Refusal};
use hushfs::keyvault::accounts::{AccountError, Accounts};
use hushfs::keyvault::store::{EtcdStore, StoreError};

/// One registered account.
#[derive(Clone, Copy)]
pub struct Registered {
    pub id: AccountId,
    pub registration: RegistrationId,
}

/// What came of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The password may be tried: that many guesses are left after it.
    Taken(u8),
    /// There is nothing left to guess at.
    Destroyed,
    /// The store did not say; a guess may be lost.
    Unknown,
}

/// Registers an account, and its record as the one that is used.
pub async fn register(accounts: &Accounts<EtcdStore>) -> Registered {
    let owner = MasterKey::random().account_key(&VaultId::random()).public_key();
    let registration = RegistrationId::random();
    until_done(|| put(accounts, owner, registration)).await;
    Registered { id: owner.id(), registration }
}

async fn put(
    accounts: &Accounts<EtcdStore>,
    owner: AccountPublicKey,
    registration: RegistrationId,
) -> Result<(), AccountError> {
    accounts.register(owner, &Record { registration, upload: [7; 192] }).await?;
    accounts.commit(owner, registration).await.map(|_| ())
}

/// Takes one guess.
pub async fn guess(accounts: &Accounts<EtcdStore>, account: Registered) -> Outcome {
    match accounts.take_guess(account.id, account.registration).await {
        Ok(guess) => Outcome::Taken(guess.guesses_left),
        Err(AccountError::Refused(Refusal::Destroyed)) => Outcome::Destroyed,
        Err(AccountError::Busy | AccountError::Store(StoreError::Unavailable(_))) => {
            Outcome::Unknown
        }
        Err(error) => panic!("{error}"),
    }
}

/// Guesses left, once the store says.
pub async fn left(accounts: &Accounts<EtcdStore>, account: Registered) -> u8 {
    let told = until_done(|| accounts.tell(account.id, account.registration)).await;
    told.guesses_left
}

/// Tries until the store answers.
pub async fn until_done<T, F>(step: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, AccountError>>,
{
    loop {
        match step().await {
            Ok(done) => return done,
            Err(AccountError::Store(StoreError::Unavailable(_))) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
