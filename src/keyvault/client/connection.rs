//! A connection to a key vault, which has shown the key that the slot pins.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opaque_ke::errors::{InternalError, ProtocolError};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    StreamOwned,
};

use crate::crypto::{StretchError, StretchParameters};
use crate::format::{KeyVaultPlace, ServerPin};
use crate::keyvault::protocol::{
    ALPN, EXPORTER_BYTES, EXPORTER_LABEL, LENGTH_BYTES, Reply, Request, body_bytes, decode, encode,
    pin_of,
};

use super::address::ServerAddress;
use super::error::ClientError;

/// For each address that the host's name stands for.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// For each answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A connection on which requests are answered one after the other.
pub(super) struct Connection {
    address: String,
    stream: StreamOwned<ClientConnection, TcpStream>,
    exporter: [u8; EXPORTER_BYTES],
}

impl Connection {
    /// Connects to where a slot says that its other half is.
    ///
    /// # Errors
    /// [`ClientError::Address`], and those of [`Self::open`].
    pub(super) fn of(place: &KeyVaultPlace) -> Result<Self, ClientError> {
        let address = ServerAddress::parse(place.address());
        let address = address.ok_or_else(|| ClientError::Address(place.address().to_owned()))?;
        Self::open(&address, place.pin)
    }

    /// Connects, and sends nothing before the server has shown its key.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], [`ClientError::OtherServer`] or [`ClientError::NotAKeyVault`].
    pub(super) fn open(server: &ServerAddress, pin: ServerPin) -> Result<Self, ClientError> {
        let address = server.to_string();
        let unreachable = |source| ClientError::Unreachable { address: address.clone(), source };
        let other = |what: String| ClientError::NotAKeyVault { address: address.clone(), what };
        let mut tcp = connect(server).map_err(unreachable)?;
        let (config, verifier) = config(pin).map_err(|error| other(error.to_string()))?;
        let name = ServerName::try_from(server.host().to_owned())
            .map_err(|error| other(error.to_string()))?;
        let mut tls =
            ClientConnection::new(config, name).map_err(|error| other(error.to_string()))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).map_err(|error| match verifier.found.get() {
                Some(found) if *found != pin => {
                    ClientError::OtherServer { address: address.clone(), found: *found }
                }
                _ if error.kind() == io::ErrorKind::InvalidData => other(error.to_string()),
                _ => unreachable(error),
            })?;
        }
        if tls.alpn_protocol() != Some(ALPN) {
            return Err(other("it speaks another protocol".to_owned()));
        }
        let exporter = tls
            .export_keying_material([0; EXPORTER_BYTES], EXPORTER_LABEL, None)
            .map_err(|error| other(error.to_string()))?;
        Ok(Self { address, stream: StreamOwned::new(tls, tcp), exporter })
    }

    /// What TLS's exporter gives for this connection.
    pub(super) fn exporter(&self) -> &[u8; EXPORTER_BYTES] {
        &self.exporter
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if it is a refusal; [`ClientError::Unreachable`], and the request may have
    /// been carried out; [`ClientError::NotAKeyVault`].
    pub(super) fn ask(&mut self, request: &Request) -> Result<Reply, ClientError> {
        let body = self.exchange(request).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => self.other(&error.to_string()),
            _ => ClientError::Unreachable { address: self.address.clone(), source: error },
        })?;
        match decode(&body) {
            Ok(Reply::Refused(refused)) => Err(refused.into()),
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.other(&error.to_string())),
        }
    }

    /// What answers says something that does not belong here.
    pub(super) fn other(&self, what: &str) -> ClientError {
        ClientError::NotAKeyVault { address: self.address.clone(), what: what.to_owned() }
    }

    /// What OPAQUE does not go on with.
    pub(super) fn unfit(&self, error: &ProtocolError, stretch: StretchParameters) -> ClientError {
        match error {
            // Our own stretching fails for want of memory alone.
            ProtocolError::LibraryError(InternalError::KsfError) => {
                StretchError::OutOfMemory { memory_kib: stretch.memory_kib() }.into()
            }
            error => self.other(&error.to_string()),
        }
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        self.stream.write_all(&encode(request).map_err(invalid)?)?;
        self.stream.flush()?;
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; body_bytes(length).map_err(invalid)?];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

fn connect(server: &ServerAddress) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for address in (server.host(), server.port()).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                stream.set_write_timeout(Some(ANSWER_MAX))?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// TLS 1.3 and nothing older; whoever has the pinned key is the server, whatever its certificate says.
fn config(pin: ServerPin) -> Result<(Arc<ClientConfig>, Arc<PinnedKey>), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        Arc::new(PinnedKey { pin, provider: Arc::clone(&provider), found: OnceLock::new() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok((Arc::new(config), verifier))
}

/// Takes a certificate of one key, and notes which key there was.
#[derive(Debug)]
struct PinnedKey {
    pin: ServerPin,
    provider: Arc<CryptoProvider>,
    found: OnceLock<ServerPin>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = pin_of(certificate)?;
        self.found.get_or_init(|| found);
        match found == self.pin {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
