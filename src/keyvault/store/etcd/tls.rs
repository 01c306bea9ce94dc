//! TLS to etcd: whose certificate its machines have to show, and which one is shown to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcd_client::{Identity, TlsOptions};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::keyvault::pem::{PemError, certificates, private_key};

/// Why the files for TLS to etcd cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EtcdTlsError {
    /// A file that does not hold what it should.
    #[error(transparent)]
    Unreadable(#[from] PemError),
    /// A certificate that can be no authority's.
    #[error("{} is no certificate of an authority: {source}", path.display())]
    Authority {
        /// In which file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Certificate and key do not fit each other, or are of a kind that is not known.
    #[error("{} and its key cannot be used: {source}", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// etcd would refuse it.
    #[error("the certificate in {} has expired, or is not valid yet: get a new one", .0.display())]
    Expired(PathBuf),
}

/// A certificate and its key, in files (PEM).
#[derive(Clone, Copy, Debug)]
pub struct CertificateFiles<'p> {
    /// The certificate, then what it was signed with, if that is not the authority.
    pub certificate: &'p Path,
    /// Its key.
    pub key: &'p Path,
}

/// What TLS to etcd is made with. No authority of the system is trusted.
#[derive(Clone, Debug)]
pub struct EtcdTls {
    /// For etcd's client.
    pub(super) options: TlsOptions,
    /// The same, to find out what etcd's client does not tell.
    config: Arc<ClientConfig>,
    shows_certificate: bool,
}

impl EtcdTls {
    /// From the certificates of the authorities that the machines' certificates come from, and what is
    /// shown to machines that want to know who asks. Files that are changed later are not read again.
    ///
    /// # Errors
    /// [`EtcdTlsError`].
    pub fn from_files(
        authority: &Path,
        shown: Option<CertificateFiles<'_>>,
    ) -> Result<Self, EtcdTlsError> {
        let no_authority = |source| EtcdTlsError::Authority { path: authority.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots.add(certificate).map_err(no_authority)?;
        }
        let mut options = TlsOptions::new().trust_anchors(roots.roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(no_authority)?
            .with_root_certificates(roots.clone());
        let mut config = match shown {
            None => config.with_no_client_auth(),
            Some(files) => {
                let chain = certificates(files.certificate)?;
                let key = private_key(files.key)?;
                let path = files.certificate.to_owned();
                if is_expired_chain(&chain, roots, provider) {
                    return Err(EtcdTlsError::Expired(path));
                }
                let config = config.with_client_auth_cert(chain, key);
                let config = config.map_err(|source| EtcdTlsError::Certificate { path, source })?;
                let key = Zeroizing::new(read(files.key)?);
                options = options.identity(Identity::from_pem(read(files.certificate)?, &*key));
                config
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { options, config: Arc::new(config), shows_certificate: shown.is_some() })
    }

    /// Why a machine and this server do not take each other, if TLS is what keeps them apart. With TLS 1.3 a
    /// machine looks at the certificate that it is shown after the handshake, and whoever writes meanwhile
    /// hears of a broken pipe: here nothing is written.
    pub(super) async fn refusal(&self, machine: &str) -> Option<String> {
        let authority = machine.strip_prefix("https://")?;
        let (host, _port) = authority.rsplit_once(':')?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).ok()?;
        let stream = TcpStream::connect(authority).await.ok()?;
        let shaken = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await;
        let ended = match shaken {
            Err(error) => error,
            Ok(mut stream) => stream.read(&mut [0]).await.err()?,
        };
        let error = ended.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(match self.hint(error) {
            Some(hint) => format!("etcd at {machine}: {hint} ({error})"),
            None => format!("etcd at {machine}: {error}"),
        })
    }

    /// What to do about an error of TLS.
    fn hint(&self, error: &rustls::Error) -> Option<&'static str> {
        use rustls::Error::{AlertReceived, InvalidCertificate};
        match error {
            InvalidCertificate(CertificateError::UnknownIssuer) => {
                Some("its certificate is not by the authority that --etcd-ca names")
            }
            InvalidCertificate(error) if is_expired(error) => {
                Some("its certificate has expired, or is not valid yet")
            }
            InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Some("its certificate is for another name than --store has"),
            AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) => Some(match self.shows_certificate {
                true => {
                    "it does not take the certificate of --etcd-cert: of another authority, or expired?"
                }
                false => "it wants to see a certificate: pass --etcd-cert and --etcd-key",
            }),
            _ => None,
        }
    }
}

/// etcd's own refusals name no reason. Of whatever authority it is: that is for etcd to judge.
fn is_expired_chain(
    chain: &[CertificateDer<'_>],
    authorities: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> bool {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
    let (Ok(verifier), [own, rest @ ..]) = (verifier.build(), chain) else { return false };
    let verified = verifier.verify_client_cert(own, rest, UnixTime::now());
    matches!(verified, Err(rustls::Error::InvalidCertificate(error)) if is_expired(&error))
}

fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    std::fs::read(path).map_err(|error| PemError::Unreadable {
        path: path.to_owned(),
        what: "certificate or key",
        source: rustls::pki_types::pem::Error::Io(error),
    })
}

fn is_expired(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}
