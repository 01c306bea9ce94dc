//! The server's end of TLS 1.3.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::format::ServerPin;
use crate::keyvault::pem::{PemError, certificates, private_key};
use crate::keyvault::protocol::{ALPN, pin_of};

use super::identity::Identity;

/// What a self-signed certificate says its server is called. Nobody looks at it: the key is pinned.
const NAME: &str = "hushfs-keyvault";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that holds none.
    #[error(transparent)]
    Unreadable(#[from] PemError),
    /// Certificate and key do not fit each other, or are of a kind that is not known.
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The key in the store is not what was stored.
    #[error("the TLS key in the store cannot be used: {0}")]
    StoredKey(#[from] rcgen::Error),
}

/// The certificate that a server shows, and its key.
#[derive(Debug)]
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl TlsIdentity {
    /// A self-signed certificate of the key in the store: the same pin on every server of that store.
    ///
    /// # Errors
    /// [`TlsError::StoredKey`].
    pub fn of_store(identity: &Identity) -> Result<Self, TlsError> {
        let der = PrivatePkcs8KeyDer::from(identity.tls_key.to_vec());
        let key = rcgen::KeyPair::try_from(&der)?;
        let certificate = rcgen::CertificateParams::new([NAME.to_owned()])?.self_signed(&key)?;
        Ok(Self { chain: vec![certificate.der().clone()], key: der.into() })
    }

    /// From files in PEM.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self { chain: certificates(certificate)?, key: private_key(key)? })
    }

    /// What slots pin.
    ///
    /// # Errors
    /// [`TlsError::Unusable`].
    pub fn pin(&self) -> Result<ServerPin, TlsError> {
        Ok(pin_of(&self.chain[0])?)
    }

    /// TLS 1.3 and nothing older, for this protocol and no other; nothing is resumed, so that every
    /// connection has an exporter's value of its own.
    ///
    /// # Errors
    /// [`TlsError::Unusable`].
    pub(super) fn config(self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Arc::new(config))
    }
}
