//! What may open a slot.

use crate::crypto::Password;
use crate::format::{KeyTextError, RecoveryKey};

use super::error::Tried;

/// What may open a slot.
pub(in crate::cli) struct Candidates {
    pub(super) password: Option<Password>,
    pub(super) key: Option<RecoveryKey>,
    pub(super) tried: Tried,
    pub(super) hint: Option<KeyTextError>,
    /// The password is tried with a key vault, and only so: that takes a guess.
    pub(super) by_key_vault: bool,
}

impl Candidates {
    pub(super) fn password(password: Password) -> Self {
        Self {
            password: Some(password),
            key: None,
            tried: Tried::Password,
            hint: None,
            by_key_vault: false,
        }
    }

    pub(in crate::cli) fn key(key: RecoveryKey) -> Self {
        Self { password: None, key: Some(key), tried: Tried::Key, hint: None, by_key_vault: false }
    }

    /// What a person typed: a password, and a key if it has the form of one. `None` if nothing
    /// was typed.
    pub(super) fn typed(typed: zeroize::Zeroizing<Vec<u8>>) -> Option<Self> {
        let text = std::str::from_utf8(&typed).unwrap_or_default();
        let (key, hint) = match RecoveryKey::parse(text) {
            Ok(key) => (Some(key), None),
            // Nobody types so many hex digits as a password.
            Err(error @ (KeyTextError::TooFew { digits: 40.. } | KeyTextError::TooMany { .. })) => {
                (None, Some(error))
            }
            Err(_) => (None, None),
        };
        let password = Some(Password::new(typed).ok()?);
        Some(Self { key, hint, password, tried: Tried::Either, by_key_vault: false })
    }
}
