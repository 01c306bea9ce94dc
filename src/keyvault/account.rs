//! One account of a key vault: what it holds, and every way in which it can change. No I/O, no clock.
//!
//! The guesses belong to the account, not to a record, so that registering often gives no more of them
//! (Davies et al., CRYPTO 2023, found ten for every registration that there had ever been). What holds
//! at every step, and is tested against random histories:
//!
//!  - no record is guessed at more than [`GUESSES`] times without a right password in between;
//!  - the count goes up only by a right password, or by the owner's putting another record in the
//!    place of the one that was guessed at, which is erased in the same step;
//!  - a record is erased in the very step that takes the last guess.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::crypto::{AccountId, AccountPublicKey, RegistrationId};

/// Wrong guesses until a record is destroyed.
pub const GUESSES: u8 = 10;
/// Guesses that an account has at most when it comes from a backup.
pub const RESTORED_GUESSES: u8 = 3;
/// Bytes of what OPAQUE stores for one password: public key, masking key, envelope.
pub const RECORD_BYTES: usize = 192;
/// No account has more bytes.
pub const ACCOUNT_BYTES_MAX: usize = 1024;

/// What an account's bytes start with: the version of their format.
const FORMAT: u8 = 1;
/// What is hashed into the chain is this, then the chain so far, then the account without it.
const CHAIN_LABEL: &[u8] = b"hushfs key vault 1 change";

/// What OPAQUE stores for one registration. `Debug` never prints it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the slot names.
    pub registration: RegistrationId,
    /// OPAQUE's registration upload.
    #[serde(with = "serde_bytes")]
    pub upload: [u8; RECORD_BYTES],
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({})", self.registration)
    }
}

/// A record that has not taken the active one's place yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    record: Record,
    /// Guesses of the account since this record is here: how many it can have had at most.
    guesses_spent: u8,
}

/// An account as it is stored. Every change gives a new value, one generation on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    public_key: AccountPublicKey,
    /// 0 to [`GUESSES`]; 0 only where there is no record.
    guesses_left: u8,
    generation: u64,
    active: Option<Record>,
    /// Registered, but the client has not said that its slot is in the vault.
    pending: Option<Pending>,
    /// There is no record because of wrong guesses.
    destroyed: bool,
    /// How often the store was restored from a backup, with this account in it.
    restores: u32,
    /// Hash over every change.
    chain: [u8; 32],
}

/// Which of its changes an account has had last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// How many.
    pub generation: u64,
    /// Hash over all of them.
    pub chain: [u8; 32],
}

/// What an account stands for, without what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The registration that was asked for is there.
    Registered,
    /// It is there, and its slot was not yet said to be in the vault.
    Pending,
    /// Another registration has taken its place, or it was taken back.
    Gone,
    /// Too many wrong guesses have destroyed it.
    Destroyed,
}

/// Why an account does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many wrong guesses.
    #[error("destroyed after too many wrong guesses")]
    Destroyed,
    /// There is no such registration, or none any more.
    #[error("no such registration")]
    Gone,
}

/// A guess that was taken from the count: with it, and only once it is durable, may a password be tried.
#[derive(Debug)]
pub struct Guess {
    /// What is guessed at.
    pub record: Record,
    /// Guesses left after this one.
    pub guesses_left: u8,
    /// The account before, for the last guess: a right one brings it back.
    before: Account,
    /// The account's generation with this guess taken.
    generation: u64,
}

impl Account {
    /// An account with nothing in it.
    pub fn new(public_key: AccountPublicKey) -> Self {
        Self {
            public_key,
            guesses_left: 0,
            generation: 0,
            active: None,
            pending: None,
            destroyed: false,
            restores: 0,
            chain: [0; 32],
        }
    }

    /// Its id.
    pub fn id(&self) -> AccountId {
        self.public_key.id()
    }

    /// How many changes it has had.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Which of its changes it has had last.
    pub fn moment(&self) -> Moment {
        Moment { generation: self.generation, chain: self.chain }
    }

    /// Wrong guesses left until everything is destroyed.
    pub fn guesses_left(&self) -> u8 {
        self.guesses_left
    }

    /// How often the store was restored from a backup since the account was made.
    pub fn restores(&self) -> u32 {
        self.restores
    }

    /// Whether wrong guesses have destroyed what was there.
    pub fn is_destroyed(&self) -> bool {
        self.destroyed
    }

    /// What has become of a registration.
    pub fn standing(&self, registration: RegistrationId) -> Standing {
        match (&self.active, &self.pending) {
            (Some(active), _) if active.registration == registration => Standing::Registered,
            (_, Some(pending)) if pending.record.registration == registration => Standing::Pending,
            _ if self.destroyed => Standing::Destroyed,
            _ => Standing::Gone,
        }
    }

    /// Whether this may be what became of the account that was there at `before`. Of more than one change
    /// since then it is not known which they were.
    pub fn can_follow(&self, before: &Moment) -> bool {
        match self.generation.checked_sub(before.generation) {
            None => false,
            Some(0) => self.chain == before.chain,
            Some(1) => self.chain == self.chain_after(&before.chain),
            Some(_) => true,
        }
    }

    /// Puts a record beside the active one; one that was pending is erased. The caller has seen the
    /// owner's signature. The same record again changes nothing: `None`.
    pub fn register(&self, record: Record) -> Option<Self> {
        let is_there = |pending: &Pending| pending.record == record;
        if self.pending.as_ref().is_some_and(is_there) || self.active.as_ref() == Some(&record) {
            return None;
        }
        let mut next = self.clone();
        if next.active.is_none() {
            // Nothing stays that was guessed at.
            next.guesses_left = GUESSES;
        }
        next.destroyed = false;
        next.pending = Some(Pending { record, guesses_spent: 0 });
        Some(next.changed(self))
    }

    /// Puts the pending record in the active one's place. The caller has seen the owner's signature.
    /// Once more changes nothing: `None`.
    ///
    /// # Errors
    /// [`Refusal`] if it is not there: another registration came later, or guesses have destroyed it.
    pub fn commit(&self, registration: RegistrationId) -> Result<Option<Self>, Refusal> {
        match self.standing(registration) {
            Standing::Registered => Ok(None),
            Standing::Destroyed => Err(Refusal::Destroyed),
            Standing::Gone => Err(Refusal::Gone),
            Standing::Pending => {
                let mut next = self.clone();
                next.activate();
                Ok(Some(next.changed(self)))
            }
        }
    }

    /// Erases every record. The caller has seen the owner's signature. `None` if there is none.
    pub fn unregister(&self) -> Option<Self> {
        if self.active.is_none() && self.pending.is_none() && !self.destroyed {
            return None;
        }
        let mut next = self.clone();
        next.erase();
        next.destroyed = false;
        Some(next.changed(self))
    }

    /// As it comes back from a backup: guesses that were taken since would count again, so few are left, and
    /// clients see that it happened.
    #[must_use]
    pub fn restored(&self) -> Self {
        let mut next = self.clone();
        next.restores = next.restores.saturating_add(1);
        next.guesses_left = next.guesses_left.min(RESTORED_GUESSES);
        if let Some(pending) = &mut next.pending {
            pending.guesses_spent = pending.guesses_spent.max(GUESSES - RESTORED_GUESSES);
        }
        next.changed(self)
    }

    /// Takes a guess at a registration. The last one erases every record.
    ///
    /// # Errors
    /// [`Refusal`]; there is nothing to be guessed at.
    pub fn take_guess(&self, registration: RegistrationId) -> Result<(Self, Guess), Refusal> {
        let record = match self.standing(registration) {
            Standing::Registered => self.active.clone(),
            Standing::Pending => self.pending.as_ref().map(|pending| pending.record.clone()),
            Standing::Destroyed => return Err(Refusal::Destroyed),
            Standing::Gone => return Err(Refusal::Gone),
        };
        let record = record.ok_or(Refusal::Gone)?;
        let guesses_left = self.guesses_left.checked_sub(1).ok_or(Refusal::Destroyed)?;
        let mut next = self.clone();
        next.guesses_left = guesses_left;
        if let Some(pending) = &mut next.pending {
            pending.guesses_spent = pending.guesses_spent.saturating_add(1);
        }
        if guesses_left == 0 {
            next.erase();
            next.destroyed = true;
        }
        let next = next.changed(self);
        let guess =
            Guess { record, guesses_left, before: self.clone(), generation: next.generation };
        Ok((next, guess))
    }

    /// Restores the count, since the guess was right. That commits a pending registration, too: whoever
    /// has logged in with it has its slot.
    ///
    /// # Errors
    /// [`Refusal`] if what was guessed at is no longer there; the count stays.
    pub fn guessed_right(&self, guess: &Guess) -> Result<Self, Refusal> {
        let mut next = match self.standing(guess.record.registration) {
            Standing::Registered | Standing::Pending => self.clone(),
            // It was the last guess, and nothing has happened since.
            Standing::Destroyed if self.generation == guess.generation => Self {
                active: guess.before.active.clone(),
                pending: guess.before.pending.clone(),
                destroyed: false,
                ..self.clone()
            },
            Standing::Destroyed => return Err(Refusal::Destroyed),
            Standing::Gone => return Err(Refusal::Gone),
        };
        if next.standing(guess.record.registration) == Standing::Pending {
            next.activate();
        }
        next.guesses_left = GUESSES;
        if let Some(pending) = &mut next.pending {
            pending.guesses_spent = 0;
        }
        Ok(next.changed(self))
    }

    /// Its bytes, for a store.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = postcard::to_extend(self, vec![FORMAT]);
        bytes.expect("a vector takes as much as there is")
    }

    /// From [`Self::to_bytes`]. `None` if these are not an account's bytes, or one that no change leads to.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (FORMAT, rest) = bytes.split_first().map(|(format, rest)| (*format, rest))? else {
            return None;
        };
        let (account, rest): (Self, _) = postcard::take_from_bytes(rest).ok()?;
        (rest.is_empty() && account.is_possible()).then_some(account)
    }

    fn is_possible(&self) -> bool {
        let has_record = self.active.is_some() || self.pending.is_some();
        let spent = self.pending.as_ref().map_or(0, |pending| pending.guesses_spent);
        (1..=GUESSES).contains(&self.guesses_left) == has_record
            && self.guesses_left <= GUESSES
            && spent < GUESSES
            && !(has_record && self.destroyed)
    }

    /// The pending record takes the active one's place, with the guesses that it can have left.
    fn activate(&mut self) {
        if let Some(Pending { record, guesses_spent }) = self.pending.take() {
            self.active = Some(record);
            self.guesses_left = GUESSES.saturating_sub(guesses_spent);
        }
    }

    fn erase(&mut self) {
        self.active = None;
        self.pending = None;
        self.guesses_left = 0;
    }

    fn changed(mut self, before: &Self) -> Self {
        self.generation = before.generation + 1;
        self.chain = self.chain_after(&before.chain);
        self
    }

    fn chain_after(&self, before: &[u8; 32]) -> [u8; 32] {
        let unchained = Self { chain: [0; 32], ..self.clone() };
        let hash = Sha256::new().chain_update(CHAIN_LABEL).chain_update(before);
        hash.chain_update(unchained.to_bytes()).finalize().into()
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
