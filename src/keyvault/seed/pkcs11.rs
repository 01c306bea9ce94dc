//! A seed in a PKCS#11 token, which gives an HMAC over what it is asked and never the seed itself: HKDF-Expand
//! of at most one hash is just that. Whoever copies the accounts cannot guess at them without the token.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::{OprfSeed, Pkcs11Uri, SEED_BYTES, SeedError};

/// A seed in a token.
pub struct Pkcs11Seed {
    uri: Pkcs11Uri,
    library: Pkcs11,
    slot: Slot,
    /// Sessions that nobody uses now. The first one is logged in, and with it all.
    idle: Mutex<Vec<Session>>,
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
        let seed = Self::log_in(uri)?;
        let session = seed.take_session()?;
        seed.check(&session, seed.find(&session)?)?;
        seed.give_back(session);
        Ok(seed)
    }

    /// Has the token make the key, of 64 bytes, which never leaves it.
    ///
    /// # Errors
    /// [`SeedError`], also if there is one of that name.
    pub fn make(uri: Pkcs11Uri) -> Result<Self, SeedError> {
        let seed = Self::log_in(uri)?;
        let session = seed.take_session()?;
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
        seed.check(&session, made.map_err(|error| seed.failed(error))?)?;
        seed.give_back(session);
        Ok(seed)
    }

    fn log_in(uri: Pkcs11Uri) -> Result<Self, SeedError> {
        let failed = |error: Error| SeedError(format!("{}: {error}", uri.module.display()));
        let library = Pkcs11::new(&uri.module).map_err(failed)?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error)),
        }
        let mut found = Vec::new();
        for slot in library.get_slots_with_initialized_token().map_err(failed)? {
            let token = library.get_token_info(slot).map_err(failed)?;
            let is_serial =
                uri.serial.as_ref().is_none_or(|serial| token.serial_number() == serial);
            if token.label() == uri.token && is_serial {
                found.push(slot);
            }
        }
        let slot = match found[..] {
            [slot] => slot,
            [] => return Err(SeedError(format!("there is no token “{}”", uri.token))),
            _ => {
                let said = format!("there are {} tokens “{}”: add serial=", found.len(), uri.token);
                return Err(SeedError(said));
            }
        };
        Ok(Self { uri, library, slot, idle: Mutex::default() })
    }

    /// A session that is logged in.
    fn take_session(&self) -> Result<Session, SeedError> {
        if let Some(session) = self.idle().pop() {
            return Ok(session);
        }
        let failed = |error: Error| self.failed(error);
        let session = self.library.open_rw_session(self.slot).map_err(failed)?;
        let said = |error| SeedError(format!("{}: {error}", self.uri.pin_file.display()));
        let text = Zeroizing::new(std::fs::read_to_string(&self.uri.pin_file).map_err(said)?);
        let pin = AuthPin::from(text.lines().next().unwrap_or_default());
        match session.login(UserType::User, Some(&pin)) {
            // One session's login counts for all of this program's.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(failed(error)),
        }
    }

    fn give_back(&self, session: Session) {
        self.idle().push(session);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // Pushing and popping leave nothing half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// A key that can leave the token would promise what it does not keep.
    fn check(&self, session: &Session, key: ObjectHandle) -> Result<(), SeedError> {
        let asked = [AttributeType::Extractable, AttributeType::Sensitive, AttributeType::ValueLen];
        let told = session.get_attributes(key, &asked).map_err(|error| self.failed(error))?;
        for attribute in told {
            match attribute {
                Attribute::Extractable(true) | Attribute::Sensitive(false) => {
                    return Err(
                        self.failed("the key can be copied out of the token: make another one")
                    );
                }
                Attribute::ValueLen(bytes) if *bytes < SEED_BYTES as u64 => {
                    return Err(self.failed("the key is shorter than 64 bytes"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn failed(&self, what: impl fmt::Display) -> SeedError {
        SeedError(format!("{} in {}: {what}", self.uri.object, self.uri.token))
    }

    fn mac(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SeedError> {
        let session = self.take_session()?;
        let key = self.find(&session)?;
        let mac = session.sign(&Mechanism::Sha512Hmac, key, message);
        let mac = Zeroizing::new(mac.map_err(|error| self.failed(error))?);
        self.give_back(session);
        Ok(mac)
    }
}

impl OprfSeed for Pkcs11Seed {
    fn expand(&self, info: &[&[u8]]) -> Result<[u8; 32], SeedError> {
        let message = [&info.concat()[..], &[1]].concat();
        let mac = self.mac(&message).or_else(|error| {
            // Sessions end when a token is pulled out or restarted.
            log::warn!("{error}; trying once more");
            self.idle().clear();
            self.mac(&message)
        })?;
        mac.first_chunk().copied().ok_or_else(|| self.failed("the token gives too few bytes"))
    }
}
