//! A password registered, in two phases: the record waits beside the one before until the slot that belongs
//! to it is in the vault. Whatever is cut off in between, one of the two opens.

use opaque_ke::{ClientRegistration, ClientRegistrationFinishParameters, RegistrationResponse};

use crate::crypto::{AccountKey, Password, RegistrationId, SecretKey, StretchParameters};
use crate::format::{KeyVaultPlace, ServerPin};
use crate::keyvault::protocol::{
    Age, Order, Reply, Request, SignedOrder, Stretching, Suite, SystemRandom, message_bytes,
};

use super::address::ServerAddress;
use super::connection::Connection;
use super::error::ClientError;
use super::first_half;

/// A registration that waits for its slot.
#[derive(Debug)]
pub struct Registered {
    /// What the slot has to name.
    pub place: KeyVaultPlace,
    /// What wraps the slot.
    pub export_key: SecretKey,
}

/// Registers a password. It opens nothing before a slot is made of what this returns, and the registration
/// before stays as it is until [`commit`] or a log-in.
///
/// # Errors
/// [`ClientError`]; a record that nobody can use may be at the server then, until the next registration.
pub fn register(
    server: &ServerAddress,
    pin: ServerPin,
    key: &AccountKey,
    password: &Password,
    stretch: StretchParameters,
) -> Result<Registered, ClientError> {
    let account = key.public_key().id();
    let registration = RegistrationId::random();
    let place = KeyVaultPlace::new(&server.to_string(), pin, account, registration)
        .map_err(|_| ClientError::Address(server.to_string()))?;
    let mut connection = Connection::open(server, pin)?;
    let started = ClientRegistration::<Suite>::start(&mut SystemRandom, password.bytes())
        .map_err(|error| connection.unfit(&error, stretch))?;
    let request = message_bytes(&started.message.serialize());
    let order = Order::RegisterStart { registration, request };
    let Reply::RegisterStarted { response } = ordered(&mut connection, key, order)? else {
        return Err(connection.other("an answer to something else"));
    };
    let response = RegistrationResponse::deserialize(&response)
        .map_err(|error| connection.unfit(&error, stretch))?;
    let stretching = Stretching(stretch);
    let parameters = ClientRegistrationFinishParameters {
        ksf: Some(&stretching),
        ..ClientRegistrationFinishParameters::default()
    };
    let finished = started.state.finish(&mut SystemRandom, password.bytes(), response, parameters);
    let finished = finished.map_err(|error| connection.unfit(&error, stretch))?;
    let upload = message_bytes(&finished.message.serialize());
    done(&mut connection, key, Order::RegisterFinish { registration, upload })?;
    Ok(Registered { place, export_key: first_half(finished.export_key) })
}

/// Says that the slot is in the vault: the record before is erased. Doing it again does no harm.
///
/// # Errors
/// [`ClientError::Refused`] if another registration took its place or guesses have destroyed it; any other,
/// and it may have been done. A log-in does it as well.
pub fn commit(place: &KeyVaultPlace, key: &AccountKey) -> Result<Age, ClientError> {
    let order = Order::Commit { registration: place.registration };
    done(&mut Connection::of(place)?, key, order)
}

/// Has every record of the account erased. Doing it again does no harm.
///
/// # Errors
/// [`ClientError`]; it may have been done.
pub fn unregister(place: &KeyVaultPlace, key: &AccountKey) -> Result<Age, ClientError> {
    done(&mut Connection::of(place)?, key, Order::Unregister)
}

fn done(connection: &mut Connection, key: &AccountKey, order: Order) -> Result<Age, ClientError> {
    match ordered(connection, key, order)? {
        Reply::Done { age } => Ok(age),
        _ => Err(connection.other("an answer to something else")),
    }
}

fn ordered(
    connection: &mut Connection,
    key: &AccountKey,
    order: Order,
) -> Result<Reply, ClientError> {
    let signed = SignedOrder::sign(key, connection.exporter(), order);
    connection.ask(&Request::Order(signed))
}
