//! The keyring of a session by the Secret Service, which GNOME Keyring and others offer.
//!
//! It is never asked to unlock itself: that would open a window that somebody at another terminal does
//! not see, and wait for it.

use std::collections::HashMap;

use secret_service::EncryptionType;
use secret_service::blocking::{Item, SecretService};
use zeroize::Zeroizing;

use super::KeyringError;
use crate::desktop::bus;

/// By this our entries are known to be ours.
const APPLICATION: (&str, &str) = ("application", "hushfs");
const NAME: &str = "vault";
const CONTENT_TYPE: &str = "text/plain";
/// What D-Bus answers where nobody offers a service, nor can be started to.
const NOBODY: [&str; 3] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Spawn.",
];

pub(super) const NO_KEYRING: &str =
    "no program offers a keyring here (the Secret Service), as GNOME Keyring does";
pub(super) const NO_DEFAULT: &str =
    "there is no default keyring yet; make one, as with “Passwords and Keys”, or log in again";
pub(super) const LOCKED: &str =
    "the keyring is locked; it opens with your login, or in the program that shows it";

impl From<secret_service::Error> for KeyringError {
    fn from(error: secret_service::Error) -> Self {
        use secret_service::Error;
        match error {
            Error::Locked => Self::Locked,
            Error::Unavailable => Self::NoKeyring,
            Error::Zbus(zbus::Error::MethodError(name, ..))
                if NOBODY.iter().any(|nobody| name.as_str().starts_with(nobody)) =>
            {
                Self::NoKeyring
            }
            error => Self::Refused(error.to_string()),
        }
    }
}

/// The keyring. What goes over the bus is encrypted.
pub struct Keyring {
    service: SecretService<'static>,
}

impl Keyring {
    /// Reaches it, whether it is locked or not.
    ///
    /// # Errors
    /// [`KeyringError::NoBus`], [`KeyringError::NoKeyring`] or [`KeyringError::Refused`].
    pub fn connect() -> Result<Self, KeyringError> {
        let bus = bus::session().map_err(|error| KeyringError::NoBus(error.to_string()))?;
        Ok(Self { service: SecretService::connect_with_existing(EncryptionType::Dh, bus)? })
    }

    /// The secret of an entry.
    ///
    /// # Errors
    /// [`KeyringError::Locked`] if it may be there, but is locked; [`KeyringError::NoEntry`];
    /// [`KeyringError::Refused`].
    pub fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let (entries, is_locked) = self.entries(name)?;
        match entries.first() {
            Some(entry) => Ok(Zeroizing::new(entry.get_secret()?)),
            None if is_locked => Err(KeyringError::Locked),
            None => Err(KeyringError::NoEntry),
        }
    }

    /// Keeps a secret as the entry of this name, in the place of an earlier one; `label` is what people
    /// see of it.
    ///
    /// # Errors
    /// [`KeyringError`]; after [`KeyringError::NotKept`] there may be an entry.
    pub fn keep(&self, name: &str, label: &str, secret: &[u8]) -> Result<(), KeyringError> {
        let keyring = self.service.get_default_collection().map_err(|error| match error {
            secret_service::Error::NoResult => KeyringError::NoDefault,
            error => error.into(),
        })?;
        keyring.ensure_unlocked()?;
        keyring.create_item(label, attributes(name), secret, true, CONTENT_TYPE)?;
        match self.secret(name)?.as_slice() == secret {
            true => Ok(()),
            false => Err(KeyringError::NotKept),
        }
    }

    /// Removes the entry of this name. Fine if there is none.
    ///
    /// # Errors
    /// [`KeyringError::Locked`] or [`KeyringError::Refused`]; it may be there still.
    pub fn remove(&self, name: &str) -> Result<(), KeyringError> {
        let (entries, is_locked) = self.entries(name)?;
        for entry in &entries {
            entry.delete()?;
        }
        match is_locked {
            true => Err(KeyringError::Locked),
            false => Ok(()),
        }
    }

    /// The entries of this name that can be read, and whether there may be others that are locked.
    fn entries(&self, name: &str) -> Result<(Vec<Item<'_>>, bool), KeyringError> {
        let found = self.service.search_items(attributes(name))?;
        // Some keyrings do not tell what they have while they are locked.
        let hides = || {
            let default = self.service.get_default_collection();
            default.is_ok_and(|keyring| keyring.is_locked().unwrap_or(false))
        };
        let is_locked = !found.locked.is_empty() || (found.unlocked.is_empty() && hides());
        Ok((found.unlocked, is_locked))
    }
}

fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([APPLICATION, (NAME, name)])
}
