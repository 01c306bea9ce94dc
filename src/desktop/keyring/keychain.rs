//! The login keychain of macOS: a file of this Mac's that is open while its user is logged in, and that
//! iCloud does not synchronise. (Its other keychain, which iCloud does, is for signed apps alone.)
//!
//! Which program may read an entry without being asked about is told by its signature: after an update
//! macOS may ask, in a window; one at another terminal is told that the keychain is locked. Nothing here
//! works in a process that was forked (`fuse::daemon`).

use security_framework::base::Error;
use security_framework::passwords::{
    PasswordOptions, delete_generic_password_options, generic_password,
    set_generic_password_options,
};
use zeroize::Zeroizing;

use super::KeyringError;
use super::keychain_status::error_of;

pub(super) const NO_KEYRING: &str = "there is no keychain here";
pub(super) const NO_DEFAULT: &str =
    "there is no login keychain; “Keychain Access” makes one, and so does logging in again";
pub(super) const LOCKED: &str = "the keychain is locked, or would ask at the screen, where nobody is \
                                 logged in; “security unlock-keychain” opens it";

/// By this our entries are known to be ours.
const SERVICE: &str = "hushfs";

impl From<Error> for KeyringError {
    fn from(error: Error) -> Self {
        error_of(error.code(), error.message())
    }
}

/// The keyring.
pub struct Keyring(());

impl Keyring {
    /// Reaches it, whether it is locked or not.
    ///
    /// # Errors
    /// None here.
    pub fn connect() -> Result<Self, KeyringError> {
        Ok(Self(()))
    }

    /// The secret of an entry.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        Ok(Zeroizing::new(generic_password(entry(name))?))
    }

    /// Keeps a secret as the entry of this name, in the place of an earlier one; `label` is what people
    /// see of it.
    ///
    /// # Errors
    /// [`KeyringError`]; the earlier entry may be gone then, and after [`KeyringError::NotKept`] there may
    /// be a new one.
    pub fn keep(&self, name: &str, label: &str, secret: &[u8]) -> Result<(), KeyringError> {
        // To change an entry would leave it to whoever may read the old one.
        self.remove(name)?;
        let mut entry = entry(name);
        entry.set_label(label);
        set_generic_password_options(secret, entry)?;
        match self.secret(name)?.as_slice() == secret {
            true => Ok(()),
            false => Err(KeyringError::NotKept),
        }
    }

    /// Removes the entry of this name. Fine if there is none.
    ///
    /// # Errors
    /// [`KeyringError`]; it may be there still.
    pub fn remove(&self, name: &str) -> Result<(), KeyringError> {
        match delete_generic_password_options(entry(name)).map_err(KeyringError::from) {
            Err(KeyringError::NoEntry) => Ok(()),
            removed => removed,
        }
    }
}

fn entry(name: &str) -> PasswordOptions {
    PasswordOptions::new_generic_password(SERVICE, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "a test of hushfs";

    #[test]
    #[ignore = "it writes into the login keychain of whoever runs it, and removes that again"]
    fn the_login_keychain_keeps_the_last_secret_until_it_is_removed() {
        let keyring = Keyring::connect().unwrap();
        keyring.remove(NAME).unwrap();
        assert!(matches!(keyring.secret(NAME), Err(KeyringError::NoEntry)));
        for (label, kept) in [("one", b"first"), ("two", b"other")] {
            keyring.keep(NAME, label, kept).unwrap();
            assert_eq!(keyring.secret(NAME).unwrap().as_slice(), kept);
        }
        keyring.remove(NAME).unwrap();
        keyring.remove(NAME).unwrap();
        assert!(matches!(keyring.secret(NAME), Err(KeyringError::NoEntry)));
    }
}
