//! What a slot of kind key vault says besides, in the clear: which server has the other half, and under
//! which name. It is part of the slot's header, and so of what the seal binds.

use std::fmt;

use crate::crypto::{AccountId, RegistrationId};

use super::error::FormatError;
use super::frame::array;

const ACCOUNT_AT: usize = 0;
const REGISTRATION_AT: usize = ACCOUNT_AT + 32;
const PIN_AT: usize = REGISTRATION_AT + 16;
const ADDRESS_LEN_AT: usize = PIN_AT + 32;
const ADDRESS_AT: usize = ADDRESS_LEN_AT + 1;

/// Bytes of all that; always as many.
pub(super) const KEY_VAULT_BYTES: usize = 336;
/// The longest address: any host name (255 bytes at most) would fit with a shorter port.
pub const ADDRESS_BYTES_MAX: usize = KEY_VAULT_BYTES - ADDRESS_AT;

/// The key that a server has to show: SHA-256 of its SubjectPublicKeyInfo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServerPin(pub [u8; 32]);

impl ServerPin {
    /// From 64 hex digits in any case; colons and a “sha256:” before them are passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        let digits: Vec<u32> =
            text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
        let pair = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).ok();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(pair).collect::<Option<_>>()?;
        let is_whole = digits.len() == 64;
        bytes.try_into().ok().filter(|_| is_whole).map(Self)
    }
}

impl fmt::Display for ServerPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ServerPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerPin({self})")
    }
}

/// Where a slot's other half is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVaultPlace {
    /// `HOST:PORT`.
    address: String,
    /// The key that the server has to show.
    pub pin: ServerPin,
    /// The vault's account there.
    pub account: AccountId,
    /// The registration that belongs to the slot.
    pub registration: RegistrationId,
}

impl KeyVaultPlace {
    /// # Errors
    /// [`FormatError::Malformed`] if the address is empty, longer than [`ADDRESS_BYTES_MAX`], or has other
    /// characters than visible ones of ASCII.
    pub fn new(
        address: &str,
        pin: ServerPin,
        account: AccountId,
        registration: RegistrationId,
    ) -> Result<Self, FormatError> {
        let is_address = (1..=ADDRESS_BYTES_MAX).contains(&address.len())
            && address.bytes().all(|byte| byte.is_ascii_graphic());
        match is_address {
            true => Ok(Self { address: address.to_owned(), pin, account, registration }),
            false => Err(FormatError::Malformed("not the address of a key vault")),
        }
    }

    /// `HOST:PORT`, for people and for the connection.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn to_bytes(&self) -> [u8; KEY_VAULT_BYTES] {
        let mut out = [0; KEY_VAULT_BYTES];
        out[ACCOUNT_AT..REGISTRATION_AT].copy_from_slice(&self.account.0);
        out[REGISTRATION_AT..PIN_AT].copy_from_slice(&self.registration.0);
        out[PIN_AT..ADDRESS_LEN_AT].copy_from_slice(&self.pin.0);
        out[ADDRESS_LEN_AT] =
            u8::try_from(self.address.len()).expect("an address has at most 255 bytes");
        out[ADDRESS_AT..ADDRESS_AT + self.address.len()].copy_from_slice(self.address.as_bytes());
        out
    }

    /// # Errors
    /// [`FormatError::Malformed`] if the address is none.
    pub(super) fn parse(bytes: &[u8; KEY_VAULT_BYTES]) -> Result<Self, FormatError> {
        let address = bytes[ADDRESS_AT..].get(..usize::from(bytes[ADDRESS_LEN_AT]));
        let address = address.and_then(|address| std::str::from_utf8(address).ok());
        Self::new(
            address.unwrap_or_default(),
            ServerPin(array(bytes, PIN_AT)),
            AccountId(array(bytes, ACCOUNT_AT)),
            RegistrationId(array(bytes, REGISTRATION_AT)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_back_in_the_spellings_that_programs_print() {
        let pin = ServerPin(std::array::from_fn(|at| u8::try_from(at).unwrap() * 7));
        let plain = pin.to_string();
        assert_eq!(ServerPin::parse(&plain), Some(pin));
        assert_eq!(ServerPin::parse(&format!(" sha256:{}\n", plain.to_uppercase())), Some(pin));
        let pairs: Vec<&str> = (0..32).map(|at| &plain[2 * at..2 * at + 2]).collect();
        assert_eq!(ServerPin::parse(&pairs.join(":")), Some(pin));
        for text in ["", "00", &plain[1..], &format!("{plain}0"), &plain.replace('0', "g")] {
            assert_eq!(ServerPin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_visible_ascii_and_never_too_long() {
        let place = |address: &str| {
            KeyVaultPlace::new(
                address,
                ServerPin([1; 32]),
                AccountId([2; 32]),
                RegistrationId([3; 16]),
            )
        };
        let longest = "a".repeat(ADDRESS_BYTES_MAX);
        for address in ["keys.example:4797", "[::1]:4797", &longest] {
            let place = place(address).unwrap();
            assert_eq!(KeyVaultPlace::parse(&place.to_bytes()), Ok(place));
        }
        for address in ["", "a b", "a\u{1b}", "ä:1", &format!("{longest}a")] {
            assert!(place(address).is_err(), "{address}");
        }
        let mut bytes = place("a:1").unwrap().to_bytes();
        bytes[ADDRESS_LEN_AT] = 255;
        assert!(KeyVaultPlace::parse(&bytes).is_err());
    }
}
