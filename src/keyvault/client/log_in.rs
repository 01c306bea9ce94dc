//! A password tried: it never leaves this process, and a guess is taken for it.

use opaque_ke::errors::ProtocolError;
use opaque_ke::{ClientLogin, ClientLoginFinishParameters, CredentialResponse};

use crate::crypto::{Password, SecretKey, StretchParameters};
use crate::format::KeyVaultPlace;
use crate::keyvault::account::Standing;
use crate::keyvault::protocol::{
    Reply, Request, Stretching, Suite, SystemRandom, Told, login_context, message_bytes,
};

use super::connection::Connection;
use super::error::ClientError;
use super::first_half;

/// A log-in with the right password.
#[derive(Debug)]
pub struct LoggedIn {
    /// What opens the slot.
    pub export_key: SecretKey,
    /// What the key vault says now; or why it is not known whether the count was restored.
    pub told: Result<Told, ClientError>,
}

/// Asks what has become of the registration of a slot. Takes no guess.
///
/// # Errors
/// [`ClientError`].
pub fn status(place: &KeyVaultPlace) -> Result<Told, ClientError> {
    let mut connection = Connection::of(place)?;
    let (account, registration) = (place.account, place.registration);
    match connection.ask(&Request::Status { account, registration })? {
        Reply::Status(told) => Ok(told),
        _ => Err(connection.other("an answer to something else")),
    }
}

/// Tries a password on the registration of a slot.
///
/// # Errors
/// [`ClientError::WrongPassword`]; [`ClientError::Refused`] with `Gone`, `Destroyed` or `TooOften`, and no guess
/// was taken; any other, and one may have been.
pub fn log_in(
    place: &KeyVaultPlace,
    password: &Password,
    stretch: StretchParameters,
) -> Result<LoggedIn, ClientError> {
    let mut connection = Connection::of(place)?;
    let (account, registration) = (place.account, place.registration);
    let started = ClientLogin::<Suite>::start(&mut SystemRandom, password.bytes())
        .map_err(|error| connection.unfit(&error, stretch))?;
    let ke1 = message_bytes(&started.message.serialize());
    let reply = connection.ask(&Request::LoginStart { account, registration, ke1 })?;
    let Reply::LoginStarted { ke2, guesses_left } = reply else {
        return Err(connection.other("an answer to something else"));
    };
    let ke2 =
        CredentialResponse::deserialize(&ke2).map_err(|error| connection.unfit(&error, stretch))?;
    let context = login_context(&account, &registration, connection.exporter());
    let stretching = Stretching(stretch);
    let parameters = ClientLoginFinishParameters {
        context: Some(&context),
        ksf: Some(&stretching),
        ..ClientLoginFinishParameters::default()
    };
    let finished = started.state.finish(&mut SystemRandom, password.bytes(), ke2, parameters);
    let finished = finished.map_err(|error| match error {
        ProtocolError::InvalidLoginError => ClientError::WrongPassword { guesses_left },
        error => connection.unfit(&error, stretch),
    })?;
    let export_key = first_half(finished.export_key);
    let ke3 = message_bytes(&finished.message.serialize());
    let told = match connection.ask(&Request::LoginFinish { ke3 }) {
        Ok(Reply::LoggedIn { guesses_left, age }) => {
            Ok(Told { standing: Standing::Registered, guesses_left, age })
        }
        Ok(_) => Err(connection.other("an answer to something else")),
        Err(error) => Err(error),
    };
    Ok(LoggedIn { export_key, told })
}
