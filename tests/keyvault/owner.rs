//! An account without a vault: who has its key, and a password registered for it.

use hushfs::crypto::{AccountKey, MasterKey, Password, SecretKey, StretchParameters, VaultId};
use hushfs::format::{KeyVaultPlace, ServerPin};
use hushfs::keyvault::client::{
    ClientError, Registered, ServerAddress, commit, log_in, register, status,
};
use hushfs::keyvault::protocol::Told;
use zeroize::Zeroizing;

pub const COST: StretchParameters = StretchParameters::FLOOR;

/// Whoever has the account's key, and where a password of it is registered.
pub struct Owner {
    pub key: AccountKey,
    pub place: KeyVaultPlace,
    pub export_key: SecretKey,
}

pub fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

pub fn new_key() -> AccountKey {
    MasterKey::random().account_key(&VaultId::random())
}

impl Owner {
    /// Registers a password for a new account.
    pub fn register(address: &ServerAddress, pin: ServerPin, text: &str) -> Self {
        let key = new_key();
        let made = register(address, pin, &key, &password(text), COST).unwrap();
        commit(&made.place, &key).unwrap();
        Self { key, place: made.place, export_key: made.export_key }
    }

    /// Tries a password.
    pub fn try_password(&self, text: &str) -> Result<(SecretKey, Told), ClientError> {
        let logged_in = log_in(&self.place, &password(text), COST)?;
        Ok((logged_in.export_key, logged_in.told?))
    }

    /// The same; `None` where the password was right and the server did not say so any more.
    pub fn try_password_anyway(&self, text: &str) -> Result<Option<Told>, ClientError> {
        Ok(log_in(&self.place, &password(text), COST)?.told.ok())
    }

    /// Registers another password, and does not commit it.
    pub fn register_anew(
        &self,
        address: &ServerAddress,
        pin: ServerPin,
        text: &str,
    ) -> Result<Registered, ClientError> {
        register(address, pin, &self.key, &password(text), COST)
    }

    /// What the server says of it.
    pub fn told(&self) -> Told {
        status(&self.place).unwrap()
    }

    /// Guesses left.
    pub fn left(&self) -> u8 {
        self.told().guesses_left
    }
}
