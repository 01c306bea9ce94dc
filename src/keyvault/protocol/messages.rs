//! What client and server say to each other.
//!
//! What only the owner may ask for is signed by the account's key. The signature covers the value that
//! TLS's exporter gives for this one connection. To that the server has contributed a fresh share, so it
//! is the challenge: what was signed for one connection fits no other.

use serde::{Deserialize, Serialize};

use crate::crypto::{
    AccountId, AccountKey, AccountPublicKey, BadSignature, RegistrationId, SIGNATURE_BYTES,
};
use crate::keyvault::account::{RECORD_BYTES, Standing};

/// Bytes that TLS's exporter gives for a connection.
pub const EXPORTER_BYTES: usize = 32;

/// What is signed is this, then the exporter's value, then the order.
const ORDER_LABEL: &[u8] = b"hushfs key vault 1 order";
/// OPAQUE's context is this, then the account, the registration and the exporter's value.
const LOGIN_LABEL: &[u8] = b"hushfs key vault 1 login";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// What has become of a registration. Takes no guess.
    Status {
        /// Whose.
        account: AccountId,
        /// Which.
        registration: RegistrationId,
    },
    /// The first message of a log-in. Takes a guess.
    LoginStart {
        /// Whose.
        account: AccountId,
        /// Which.
        registration: RegistrationId,
        /// OPAQUE's KE1.
        #[serde(with = "serde_bytes")]
        ke1: [u8; 96],
    },
    /// The last message of a log-in, after [`Reply::LoginStarted`] on the same connection.
    LoginFinish {
        /// OPAQUE's KE3.
        #[serde(with = "serde_bytes")]
        ke3: [u8; 64],
    },
    /// What only the owner may ask for.
    Order(SignedOrder),
}

/// What only the owner may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// The first message of a registration. Changes nothing.
    RegisterStart {
        /// Drawn by the client.
        registration: RegistrationId,
        /// OPAQUE's registration request.
        #[serde(with = "serde_bytes")]
        request: [u8; 32],
    },
    /// The record, to be kept beside the one that there is.
    RegisterFinish {
        /// As in [`Order::RegisterStart`].
        registration: RegistrationId,
        /// OPAQUE's registration upload.
        #[serde(with = "serde_bytes")]
        upload: [u8; RECORD_BYTES],
    },
    /// The slot is in the vault: the record takes the place of the one before, which is erased.
    Commit {
        /// As in [`Order::RegisterFinish`].
        registration: RegistrationId,
    },
    /// Everything of the account is erased.
    Unregister,
}

/// An order and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// Who has signed.
    pub owner: AccountPublicKey,
    /// What is ordered.
    pub order: Order,
    /// By the owner's key.
    #[serde(with = "serde_bytes")]
    pub signature: [u8; SIGNATURE_BYTES],
}

/// The bytes that a signature covers.
#[derive(Debug)]
pub struct SignedPart(Vec<u8>);

impl SignedPart {
    /// `ORDER_LABEL` ‖ exporter's value ‖ order.
    pub fn new(exporter: &[u8; EXPORTER_BYTES], order: &Order) -> Self {
        let start = [ORDER_LABEL, exporter].concat();
        Self(postcard::to_extend(order, start).expect("a vector takes as much as there is"))
    }
}

impl SignedOrder {
    /// Signs an order for one connection.
    pub fn sign(key: &AccountKey, exporter: &[u8; EXPORTER_BYTES], order: Order) -> Self {
        let signature = key.sign(&SignedPart::new(exporter, &order).0);
        Self { owner: key.public_key(), order, signature }
    }

    /// The order, if its owner has signed it for this connection.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, exporter: &[u8; EXPORTER_BYTES]) -> Result<&Order, BadSignature> {
        self.owner.verify(&SignedPart::new(exporter, &self.order).0, &self.signature)?;
        Ok(&self.order)
    }
}

/// What shows a client that a server went back: to a state of its store from before, or to a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Age {
    /// How many changes the account has had.
    pub generation: u64,
    /// How often the store was restored from a backup.
    pub restores: u32,
}

/// What a key vault has of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What has become of it.
    pub standing: Standing,
    /// Wrong guesses until it is destroyed.
    pub guesses_left: u8,
    /// How old the account is.
    pub age: Age,
}

impl Told {
    /// Why no password can be tried at it, if none can.
    pub fn refusal(&self) -> Option<Refused> {
        match self.standing {
            Standing::Registered | Standing::Pending => None,
            Standing::Gone => Some(Refused::Gone),
            Standing::Destroyed => Some(Refused::Destroyed),
        }
    }
}

/// What a server answers.
#[expect(clippy::large_enum_variant, reason = "a connection has one at a time")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Told),
    /// To [`Request::LoginStart`]: a guess was taken.
    LoginStarted {
        /// OPAQUE's KE2.
        #[serde(with = "serde_bytes")]
        ke2: [u8; 320],
        /// Guesses left without this one.
        guesses_left: u8,
    },
    /// To [`Request::LoginFinish`]: the password was right.
    LoggedIn {
        /// Guesses left now.
        guesses_left: u8,
        /// How old the account is.
        age: Age,
    },
    /// To [`Order::RegisterStart`].
    RegisterStarted {
        /// OPAQUE's registration response.
        #[serde(with = "serde_bytes")]
        response: [u8; 64],
    },
    /// To every other order: it is done, and durable.
    Done {
        /// How old the account is.
        age: Age,
    },
    /// It was not done.
    Refused(Refused),
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refused {
    /// There is no such registration, or none any more.
    #[error(
        "the key vault has nothing for this slot (any more): another registration has taken its place, or \
         it was taken back. Other ways to unlock still do"
    )]
    Gone,
    /// Too many wrong guesses.
    #[error(
        "the key vault has destroyed its key after too many wrong guesses: this slot opens nothing any \
         more. Other ways to unlock still do, and with one “hushfs keyvault reset” registers anew"
    )]
    Destroyed,
    /// The proof that the password was right does not fit.
    #[error("wrong password")]
    WrongPassword,
    /// The order is not signed by its owner for this connection.
    #[error("the key vault does not take the signature")]
    BadSignature,
    /// A message that OPAQUE does not take, or not now.
    #[error("the key vault does not take what this program says")]
    Malformed,
    /// Too many requests from this address or for this account; no guess was taken.
    #[error("too many requests: try again in {wait_secs} s")]
    TooOften {
        /// Seconds.
        wait_secs: u32,
    },
    /// The server cannot tell or change anything now; a guess may have been taken.
    #[error("the key vault is not working just now: try again later")]
    Unavailable,
}

/// OPAQUE's context: what both sides must agree on for a log-in to succeed. It ties the log-in to the
/// connection, so nobody can stand between two of them.
pub fn login_context(
    account: &AccountId,
    registration: &RegistrationId,
    exporter: &[u8; EXPORTER_BYTES],
) -> Vec<u8> {
    [LOGIN_LABEL, &account.0, &registration.0, exporter].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{FRAME_BYTES_MAX, decode, encode};
    use super::*;
    use crate::crypto::{MasterKey, VaultId};

    #[test]
    fn an_order_holds_for_its_connection_its_content_and_its_owner() {
        let key = MasterKey::random().account_key(&VaultId::random());
        let order = Order::Commit { registration: RegistrationId([1; 16]) };
        let signed = SignedOrder::sign(&key, &[7; 32], order.clone());
        assert_eq!(signed.verify(&[7; 32]), Ok(&order));
        assert_eq!(signed.verify(&[8; 32]), Err(BadSignature));
        let other = SignedOrder { order: Order::Unregister, ..signed.clone() };
        assert_eq!(other.verify(&[7; 32]), Err(BadSignature));
        let stranger = MasterKey::random().account_key(&VaultId::random()).public_key();
        let other = SignedOrder { owner: stranger, ..signed };
        assert_eq!(other.verify(&[7; 32]), Err(BadSignature));
    }

    #[test]
    fn the_longest_messages_fit_into_a_frame_with_room_to_spare() {
        let key = MasterKey::random().account_key(&VaultId::random());
        let order =
            Order::RegisterFinish { registration: RegistrationId([1; 16]), upload: [2; 192] };
        let request = Request::Order(SignedOrder::sign(&key, &[7; 32], order));
        let frame = encode(&request).unwrap();
        assert!(frame.len() < FRAME_BYTES_MAX / 16);
        assert_eq!(decode(&frame[4..]), Ok(request));
        let reply = Reply::LoginStarted { ke2: [3; 320], guesses_left: 9 };
        let frame = encode(&reply).unwrap();
        assert!(frame.len() < FRAME_BYTES_MAX / 16);
        assert_eq!(decode(&frame[4..]), Ok(reply));
    }
}
