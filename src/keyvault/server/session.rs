//! What a server answers to one connection. No I/O but the store's: tests and the fuzzer talk to it
//! without a network.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::crypto::{AccountId, RegistrationId};
use crate::keyvault::account::{Guess, Record, Refusal};
use crate::keyvault::accounts::{AccountError, Accounts};
use crate::keyvault::protocol::{
    Age, EXPORTER_BYTES, Order, Refused, Reply, Request, SignedOrder, login_context,
};
use crate::keyvault::store::Store;

use super::audit::{About, Audit, Event};
use super::identity::{Identity, IdentityError};
use super::limits::{Limits, Rates};
use super::metrics::Metrics;
use super::opaque::{Opaque, OpaqueError, WaitingLogin};

/// What all connections of a server share.
pub struct Service<S> {
    accounts: Accounts<S>,
    opaque: Opaque,
    pub(super) limits: Limits,
    pub(super) audit: Audit,
    pub(super) metrics: Metrics,
}

impl<S> std::fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service(…)")
    }
}

impl<S: Store> Service<S> {
    /// A server of these accounts with these keys.
    ///
    /// # Errors
    /// [`IdentityError::Damaged`].
    pub fn new(
        store: S,
        identity: Identity,
        rates: Rates,
        audit: Audit,
    ) -> Result<Self, IdentityError> {
        let opaque = Opaque::new(&identity.exchange_key, identity.seed)
            .map_err(|_| IdentityError::Damaged)?;
        Ok(Self {
            accounts: Accounts::new(store),
            opaque,
            limits: Limits::new(rates),
            audit,
            metrics: Metrics::default(),
        })
    }

    /// Whether the store answers.
    pub(super) async fn is_healthy(&self) -> bool {
        self.accounts.store().read(AccountId([0; 32])).await.is_ok()
    }
}

/// A log-in between its two messages.
struct Login {
    account: AccountId,
    guess: Guess,
    waiting: WaitingLogin,
}

/// One connection, as far as answers depend on it.
pub struct Session<'s, S: Store> {
    service: &'s Service<S>,
    address: IpAddr,
    exporter: [u8; EXPORTER_BYTES],
    login: Option<Login>,
}

impl<S: Store> std::fmt::Debug for Session<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(…)")
    }
}

impl<S: Store> Drop for Session<'_, S> {
    fn drop(&mut self) {
        self.break_off();
    }
}

impl<'s, S: Store> Session<'s, S> {
    /// A connection from `address`, with what TLS's exporter gives for it.
    pub fn new(service: &'s Service<S>, address: IpAddr, exporter: [u8; EXPORTER_BYTES]) -> Self {
        Self { service, address, exporter, login: None }
    }

    /// Whether the next message may be the last one of a log-in.
    pub(super) fn is_within_login(&self) -> bool {
        self.login.is_some()
    }

    /// The answer to a request. What it says is done is durable.
    pub async fn answer(&mut self, request: Request) -> Reply {
        let now = Instant::now();
        // The last message of a log-in costs nothing more: its first one was counted.
        let waits = match &request {
            Request::LoginFinish { .. } => Ok(()),
            _ => self.service.limits.take_of_address(self.address, now),
        };
        let waits = waits.and_then(|()| match &request {
            Request::LoginStart { account, .. } => {
                self.service.limits.take_of_account(*account, now)
            }
            _ => Ok(()),
        });
        if let Err(wait) = waits {
            return Reply::Refused(self.too_often(wait));
        }
        let answered = match request {
            Request::Status { account, registration } => self.status(account, registration).await,
            Request::LoginStart { account, registration, ke1 } => {
                self.start_login(account, registration, &ke1).await
            }
            Request::LoginFinish { ke3 } => self.finish_login(&ke3).await,
            Request::Order(order) => self.carry_out(&order).await,
        };
        answered.unwrap_or_else(Reply::Refused)
    }

    async fn status(
        &self,
        account: AccountId,
        registration: RegistrationId,
    ) -> Result<Reply, Refused> {
        let told = self.service.accounts.tell(account, registration).await;
        Ok(Reply::Status(told.map_err(|error| self.refused(error))?))
    }

    async fn start_login(
        &mut self,
        account: AccountId,
        registration: RegistrationId,
        ke1: &[u8; 96],
    ) -> Result<Reply, Refused> {
        self.break_off();
        let service = self.service;
        let checked = service.opaque.check_login(&account, &registration, ke1);
        let checked = checked.map_err(|error| self.unfit(&error))?;
        let guess = service.accounts.take_guess(account, registration).await;
        let guess = guess.map_err(|error| self.refused(error))?;
        // From here on the guess is taken, and durably: now, and not before, the password is evaluated.
        let guesses_left = guess.guesses_left;
        let about = About {
            account: Some(account),
            registration: Some(registration),
            guesses_left: Some(guesses_left),
        };
        Metrics::count(&service.metrics.attempts_total);
        self.note(Event::Attempt, about);
        if guesses_left == 0 {
            Metrics::count(&service.metrics.destroyed_total);
            self.note(Event::Destroyed, about);
        }
        let context = login_context(&account, &registration, &self.exporter);
        let started = service.opaque.start_login(&guess.record, checked, context);
        let (ke2, waiting) = started.map_err(|error| self.unfit(&error))?;
        self.login = Some(Login { account, guess, waiting });
        Ok(Reply::LoginStarted { ke2, guesses_left })
    }

    async fn finish_login(&mut self, ke3: &[u8; 64]) -> Result<Reply, Refused> {
        let Some(Login { account, guess, waiting }) = self.login.take() else {
            return Err(Refused::Malformed);
        };
        let mut about = About {
            account: Some(account),
            registration: Some(guess.record.registration),
            guesses_left: Some(guess.guesses_left),
        };
        if !waiting.proves_right(ke3) {
            self.note(Event::Wrong, about);
            return Err(Refused::WrongPassword);
        }
        Metrics::count(&self.service.metrics.right_total);
        let told = self.service.accounts.guessed_right(account, &guess).await;
        let told = told.map_err(|error| self.refused(error))?;
        about.guesses_left = Some(told.guesses_left);
        self.note(Event::Right, about);
        Ok(Reply::LoggedIn { guesses_left: told.guesses_left, age: told.age })
    }

    async fn carry_out(&mut self, signed: &SignedOrder) -> Result<Reply, Refused> {
        let (accounts, metrics) = (&self.service.accounts, &self.service.metrics);
        let (owner, account) = (signed.owner, signed.owner.id());
        let about = |registration: Option<RegistrationId>| About {
            account: Some(account),
            registration,
            guesses_left: None,
        };
        let Ok(order) = signed.verify(&self.exporter) else {
            Metrics::count(&metrics.bad_signatures_total);
            self.note_refusal(Event::BadSignature, about(None));
            return Err(Refused::BadSignature);
        };
        match order {
            Order::RegisterStart { registration, request } => {
                let started =
                    self.service.opaque.start_registration(&account, registration, request);
                let response = started.map_err(|error| self.unfit(&error))?;
                Ok(Reply::RegisterStarted { response })
            }
            Order::RegisterFinish { registration, upload } => {
                Opaque::check_upload(upload).map_err(|error| self.unfit(&error))?;
                let record = Record { registration: *registration, upload: *upload };
                let age = accounts.register(owner, &record).await;
                let age = age.map_err(|error| self.refused(error))?;
                Metrics::count(&metrics.registered_total);
                self.note(Event::Registered, about(Some(*registration)));
                Ok(Reply::Done { age })
            }
            Order::Commit { registration } => {
                let told = accounts.commit(owner, *registration).await;
                let told = told.map_err(|error| self.refused(error))?;
                self.note(Event::Committed, about(Some(*registration)));
                Ok(Reply::Done { age: told.age })
            }
            Order::Unregister => {
                let age = accounts.unregister(owner).await;
                let age: Age = age.map_err(|error| self.refused(error))?;
                self.note(Event::Unregistered, about(None));
                Ok(Reply::Done { age })
            }
        }
    }

    /// A log-in that got no last message. Its guess stays taken.
    fn break_off(&mut self) {
        if let Some(login) = self.login.take() {
            let about = About {
                account: Some(login.account),
                registration: Some(login.guess.record.registration),
                guesses_left: Some(login.guess.guesses_left),
            };
            self.note(Event::BrokenOff, about);
        }
    }

    fn note(&self, event: Event, about: About) {
        self.service.audit.note(event, self.address, about);
    }

    /// Who is refused anyway could have the log grow for ever.
    fn note_refusal(&self, event: Event, about: About) {
        match self.service.limits.take_note(self.address, Instant::now()) {
            true => self.note(event, about),
            false => self.service.audit.leave_out(),
        }
    }

    fn too_often(&self, wait: Duration) -> Refused {
        Metrics::count(&self.service.metrics.too_often_total);
        self.note_refusal(Event::TooOften, About::default());
        let wait_secs = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Refused::TooOften { wait_secs }
    }

    /// Clients are told what concerns them; what is wrong with the store is for who runs the server.
    fn refused(&self, error: AccountError) -> Refused {
        match error {
            AccountError::Refused(Refusal::Destroyed) => Refused::Destroyed,
            AccountError::Refused(Refusal::Gone) => Refused::Gone,
            AccountError::Store(error) => self.unavailable(&error),
            AccountError::Busy => Refused::TooOften { wait_secs: 1 },
        }
    }

    fn unfit(&self, error: &OpaqueError) -> Refused {
        match error {
            OpaqueError::Client(_) => {
                Metrics::count(&self.service.metrics.malformed_total);
                Refused::Malformed
            }
            OpaqueError::Seed(error) => self.unavailable(error),
        }
    }

    fn unavailable(&self, error: &dyn std::fmt::Display) -> Refused {
        log::error!("{error}");
        Metrics::count(&self.service.metrics.store_errors_total);
        Refused::Unavailable
    }
}
