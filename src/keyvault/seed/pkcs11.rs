//! A seed in a PKCS#11 token, which gives an HMAC over what it is asked and never the seed itself: HKDF-Expand
//! of at most one hash is just that. Whoever copies the accounts cannot guess at them without the token.
//!
//! A token may be pulled out and come back, or another one in its place. Sessions are then opened anew,
//! and each is used only once its key has given what it gave at first: with another seed every right
//! password would be a wrong one, and ten of those destroy.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::{OprfSeed, Pkcs11Uri, SEED_BYTES, SeedError};

/// Sessions at a time: tokens have few of them, and are no faster for more.
const SESSIONS_MAX: usize = 8;
/// No PIN is longer.
const PIN_BYTES_MAX: u64 = 4096;
/// What a key is asked for, to know it again.
const KEY_CHECK: &[u8] = b"hushfs key vault 1 same key";

/// A seed in a token.
pub struct Pkcs11Seed {
    uri: Pkcs11Uri,
    library: Pkcs11,
    sessions: Mutex<Sessions>,
    /// One of the sessions is no longer in use.
    given_back: Condvar,
    /// The PIN that the token has refused. It is not tried again: a few wrong ones lock a token. Held
    /// while logging in.
    refused_pin: Mutex<Option<Zeroizing<String>>>,
    /// What the key gave for [`KEY_CHECK`] when it was used first.
    known: OnceLock<Zeroizing<Vec<u8>>>,
}

#[derive(Default)]
struct Sessions {
    /// Those that nobody uses now.
    idle: Vec<Ready>,
    in_use: usize,
}

/// A session that is logged in, and the key that was found and checked with it.
struct Ready {
    session: Session,
    key: ObjectHandle,
}

/// A session in use, or the right to open one. Idle again when dropped.
struct Taken<'s> {
    seed: &'s Pkcs11Seed,
    ready: Option<Ready>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut sessions = lock(&self.seed.sessions);
        sessions.in_use -= 1;
        sessions.idle.extend(self.ready.take());
        self.seed.given_back.notify_one();
    }
}

impl fmt::Debug for Pkcs11Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Seed({} in {})", self.uri.object, self.uri.token)
    }
}

impl Pkcs11Seed {
    /// Opens the token and looks whether the key is there, and cannot be copied from it.
    ///
    /// # Errors
    /// [`SeedError`].
    pub fn open(uri: Pkcs11Uri) -> Result<Self, SeedError> {
        let seed = Self::with_library(uri)?;
        drop(seed.take()?);
        Ok(seed)
    }

    /// Has the token make the key, of 64 bytes, which never leaves it.
    ///
    /// # Errors
    /// [`SeedError`], also if there is one of that name.
    pub fn make(uri: Pkcs11Uri) -> Result<Self, SeedError> {
        let seed = Self::with_library(uri)?;
        let session = seed.library.open_rw_session(seed.slot()?);
        let session = session.map_err(|error| seed.failed(error))?;
        seed.log_in(&session)?;
        if !seed.named_so(&session)?.is_empty() {
            return Err(seed.failed("there is such a key already"));
        }
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Label(seed.uri.object.clone().into_bytes()),
            Attribute::ValueLen((SEED_BYTES as u64).into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ];
        let made = session.generate_key(&Mechanism::GenericSecretKeyGen, &template);
        made.map_err(|error| seed.failed(error))?;
        drop(seed.take()?);
        Ok(seed)
    }

    fn with_library(uri: Pkcs11Uri) -> Result<Self, SeedError> {
        let failed =
            |error: Error| SeedError::Unusable(format!("{}: {error}", uri.module.display()));
        let library = Pkcs11::new(&uri.module).map_err(failed)?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(Self {
            uri,
            library,
            sessions: Mutex::default(),
            given_back: Condvar::new(),
            refused_pin: Mutex::default(),
            known: OnceLock::new(),
        })
    }

    /// Where the token is now: it may have been put into another slot.
    fn slot(&self) -> Result<Slot, SeedError> {
        let failed = |error: Error| self.failed(error);
        let uri = &self.uri;
        let mut found = Vec::new();
        for slot in self.library.get_slots_with_initialized_token().map_err(failed)? {
            let token = self.library.get_token_info(slot).map_err(failed)?;
            let is_serial =
                uri.serial.as_ref().is_none_or(|serial| token.serial_number() == serial);
            if token.label() == uri.token && is_serial {
                found.push(slot);
            }
        }
        match found[..] {
            [slot] => Ok(slot),
            [] => Err(SeedError::Unusable(format!("there is no token “{}”", uri.token))),
            _ => {
                let said = format!("there are {} tokens “{}”: add serial=", found.len(), uri.token);
                Err(SeedError::Unusable(said))
            }
        }
    }

    /// A session to use; one that waits if there are as many as may be.
    fn take(&self) -> Result<Taken<'_>, SeedError> {
        let mut sessions = lock(&self.sessions);
        while sessions.in_use >= SESSIONS_MAX {
            let waited = self.given_back.wait(sessions);
            sessions = waited.unwrap_or_else(PoisonError::into_inner);
        }
        sessions.in_use += 1;
        let ready = sessions.idle.pop();
        drop(sessions);
        let mut taken = Taken { seed: self, ready };
        if taken.ready.is_none() {
            taken.ready = Some(self.open_session()?);
        }
        Ok(taken)
    }

    fn open_session(&self) -> Result<Ready, SeedError> {
        let session = self.library.open_ro_session(self.slot()?);
        let session = session.map_err(|error| self.failed(error))?;
        self.log_in(&session)?;
        let key = self.find(&session)?;
        self.check(&session, key)?;
        let ready = Ready { session, key };
        let given = self.mac(&ready, KEY_CHECK)?;
        match *self.known.get_or_init(|| given.clone()) == given {
            true => Ok(ready),
            false => Err(self.failed("that is another key than it was before")),
        }
    }

    fn log_in(&self, session: &Session) -> Result<(), SeedError> {
        let mut refused = lock(&self.refused_pin);
        let pin = self.pin()?;
        let unfit = |why: &str| SeedError::Pin {
            token: self.uri.token.clone(),
            file: self.uri.pin_file.clone(),
            why: why.to_owned(),
        };
        if pin.is_empty() {
            return Err(unfit("there is none"));
        }
        if refused.as_ref() == Some(&pin) {
            return Err(unfit("the token has refused it, and too many tries would lock it"));
        }
        match session.login(UserType::User, Some(&AuthPin::from(pin.as_str()))) {
            // One session's login counts for all of this program's.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(
                error @ (RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked),
                _,
            )) => {
                *refused = Some(pin);
                Err(unfit(&error.to_string()))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The first line of its file.
    fn pin(&self) -> Result<Zeroizing<String>, SeedError> {
        let mut text = Zeroizing::new(String::with_capacity(PIN_BYTES_MAX as usize));
        let read = File::open(&self.uri.pin_file)
            .and_then(|file| file.take(PIN_BYTES_MAX).read_to_string(&mut text));
        read.map_err(|error| {
            SeedError::Unusable(format!("{}: {error}", self.uri.pin_file.display()))
        })?;
        Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    }

    fn named_so(&self, session: &Session) -> Result<Vec<ObjectHandle>, SeedError> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Label(self.uri.object.clone().into_bytes()),
        ];
        session.find_objects(&template).map_err(|error| self.failed(error))
    }

    fn find(&self, session: &Session) -> Result<ObjectHandle, SeedError> {
        match self.named_so(session)?[..] {
            [key] => Ok(key),
            [] => Err(self.failed("there is no such secret key")),
            _ => Err(self.failed("there is more than one such secret key")),
        }
    }

    /// A key that can leave the token would promise what it does not keep; so would one of which the token
    /// does not say that it cannot.
    fn check(&self, session: &Session, key: ObjectHandle) -> Result<(), SeedError> {
        let asked = [AttributeType::Extractable, AttributeType::Sensitive, AttributeType::ValueLen];
        let told = session.get_attributes(key, &asked).map_err(|error| self.failed(error))?;
        if !told.contains(&Attribute::Extractable(false))
            || !told.contains(&Attribute::Sensitive(true))
        {
            return Err(self.failed("the key can be copied out of the token: make another one"));
        }
        let is_short = |told: &Attribute| matches!(told, Attribute::ValueLen(bytes) if **bytes < SEED_BYTES as u64);
        match told.iter().any(is_short) {
            true => Err(self.failed("the key is shorter than 64 bytes")),
            false => Ok(()),
        }
    }

    fn failed(&self, what: impl fmt::Display) -> SeedError {
        SeedError::Unusable(format!("{} in {}: {what}", self.uri.object, self.uri.token))
    }

    fn mac(&self, ready: &Ready, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SeedError> {
        let mac = ready.session.sign(&Mechanism::Sha512Hmac, ready.key, message);
        mac.map(Zeroizing::new).map_err(|error| self.failed(error))
    }

    fn mac_by_any(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SeedError> {
        let mut taken = self.take()?;
        // It is there as long as nobody has taken it out, which is only done here.
        let Some(ready) = taken.ready.take() else { return Err(self.failed("no session")) };
        let mac = self.mac(&ready, message)?;
        taken.ready = Some(ready);
        Ok(mac)
    }

    fn expand_now(&self, info: &[&[u8]]) -> Result<[u8; 32], SeedError> {
        let message = [&info.concat()[..], &[1]].concat();
        let mac = self.mac_by_any(&message).or_else(|error| {
            // Sessions end when a token is pulled out or restarted.
            log::warn!("{error}; trying once more");
            let ended = std::mem::take(&mut lock(&self.sessions).idle);
            drop(ended);
            self.mac_by_any(&message)
        })?;
        mac.first_chunk().copied().ok_or_else(|| self.failed("the token gives too few bytes"))
    }
}

impl OprfSeed for Pkcs11Seed {
    fn expand(&self, info: &[&[u8]]) -> Result<[u8; 32], SeedError> {
        // A token takes its time; other connections go on.
        tokio::task::block_in_place(|| self.expand_now(info))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What they hold is right after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
