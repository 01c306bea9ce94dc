//! OPAQUE as the server does it, with the seed elsewhere. Nothing here counts guesses.

use opaque_ke::errors::ProtocolError;
use opaque_ke::key_exchange::group::Group;
use opaque_ke::key_exchange::tripledh::DiffieHellman;
use opaque_ke::keypair::{KeyPair, PrivateKey};
use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload,
    Ristretto255, ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};

use crate::crypto::{AccountId, RegistrationId};
use crate::keyvault::account::{RECORD_BYTES, Record};
use crate::keyvault::protocol::{Suite, SystemRandom, message_bytes};
use crate::keyvault::seed::{OprfSeed, SeedError, oprf_key_material};

/// Stands for a seed that OPAQUE's own code never sees.
#[derive(Clone, Copy, Debug)]
struct SeedElsewhere;

type Scalar = <Ristretto255 as Group>::Sk;
type Setup = ServerSetup<Suite, Scalar, SeedElsewhere>;

/// Why OPAQUE does not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpaqueError {
    /// What the client says is none of its messages, or does not fit.
    #[error("{0}")]
    Client(#[from] ProtocolError),
    /// The seed does not answer.
    #[error(transparent)]
    Seed(#[from] SeedError),
}

/// A server's part of OPAQUE.
pub(super) struct Opaque {
    setup: Setup,
    seed: Box<dyn OprfSeed>,
}

/// A first message of a log-in that was looked at, with the key that it is to be evaluated with. It took no
/// guess so far: what can fail without one has not failed.
pub(super) struct CheckedLogin {
    request: CredentialRequest<Suite>,
    material: [u8; 32],
}

/// A log-in that waits for its last message.
pub(super) struct WaitingLogin {
    login: ServerLogin<Suite>,
    context: Vec<u8>,
}

impl Opaque {
    /// # Errors
    /// [`OpaqueError::Client`] if that is no key.
    pub(super) fn new(
        exchange_key: &[u8; 32],
        seed: Box<dyn OprfSeed>,
    ) -> Result<Self, OpaqueError> {
        let public = PrivateKey::<Ristretto255>::deserialize(exchange_key)?.public_key();
        let key = Ristretto255::deserialize_take_sk(&mut &exchange_key[..])?;
        let pair = KeyPair::new(key, public);
        let setup = Setup::new_with_key_pair_and_seed(&mut SystemRandom, pair, SeedElsewhere);
        Ok(Self { setup, seed })
    }

    /// Answers the first message of a registration. Only for an owner whose signature was seen: this
    /// evaluates a password, and takes no guess.
    pub(super) fn start_registration(
        &self,
        account: &AccountId,
        registration: &RegistrationId,
        request: &[u8; 32],
    ) -> Result<[u8; 64], OpaqueError> {
        let request = RegistrationRequest::deserialize(request)?;
        let material = oprf_key_material(&*self.seed, account, registration)?;
        let started =
            ServerRegistration::start_with_key_material(&self.setup, material.into(), request)?;
        Ok(message_bytes(&started.message.serialize()))
    }

    /// Whether these bytes are a record that a password can be tried on.
    pub(super) fn check_upload(upload: &[u8; RECORD_BYTES]) -> Result<(), OpaqueError> {
        Ok(RegistrationUpload::<Suite>::deserialize(upload).map(drop)?)
    }

    /// Looks at the first message of a log-in, and asks the seed for the registration's key: a token that does
    /// not answer must cost no guess.
    pub(super) fn check_login(
        &self,
        account: &AccountId,
        registration: &RegistrationId,
        ke1: &[u8; 96],
    ) -> Result<CheckedLogin, OpaqueError> {
        let request = CredentialRequest::deserialize(ke1)?;
        let material = oprf_key_material(&*self.seed, account, registration)?;
        Ok(CheckedLogin { request, material })
    }

    /// Answers the first message of a log-in at the registration that it was checked for. The guess is taken,
    /// and durably.
    pub(super) fn start_login(
        &self,
        record: &Record,
        CheckedLogin { request, material }: CheckedLogin,
        context: Vec<u8>,
    ) -> Result<([u8; 320], WaitingLogin), OpaqueError> {
        let stored = ServerRegistration::deserialize(&record.upload)?;
        let builder = ServerLogin::builder_with_key_material(
            &mut SystemRandom,
            &self.setup,
            material.into(),
            Some(stored),
            request,
            parameters(&context),
        )?;
        let key: &Scalar = self.setup.keypair().private();
        let shared =
            DiffieHellman::<Ristretto255>::diffie_hellman(key, builder.data().to_group_type());
        let started = builder.build(shared)?;
        let ke2 = message_bytes(&started.message.serialize());
        Ok((ke2, WaitingLogin { login: started.state, context }))
    }
}

impl WaitingLogin {
    /// Whether the last message shows that the password was right.
    pub(super) fn proves_right(self, ke3: &[u8; 64]) -> bool {
        let Self { login, context } = self;
        CredentialFinalization::deserialize(ke3)
            .and_then(|ke3| login.finish(ke3, parameters(&context)))
            .is_ok()
    }
}

fn parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(context), ..ServerLoginParameters::default() }
}
