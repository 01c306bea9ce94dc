//! TLS to etcd: whose certificate its machines have to show, and which one is shown to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcd_client::{Identity, TlsOptions};
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, RootCertStore};

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
    pub(super) options: TlsOptions,
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
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots
                .add(certificate)
                .map_err(|source| EtcdTlsError::Authority { path: authority.to_owned(), source })?;
        }
        let mut options = TlsOptions::new().trust_anchors(roots.roots.iter().cloned());
        if let Some(files) = shown {
            options = options.identity(identity(files, roots)?);
        }
        Ok(Self { options, shows_certificate: shown.is_some() })
    }

    /// What to do about an error of TLS, if that is what went wrong.
    pub(super) fn hint(&self, error: &rustls::Error) -> Option<&'static str> {
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
            ) => Some(self.refused()),
            _ => None,
        }
    }

    /// What to do if the other side has ended the connection with an alert. With TLS 1.3 it looks at
    /// the certificate only after the handshake.
    pub(super) fn refused(&self) -> &'static str {
        match self.shows_certificate {
            true => {
                "it does not take the certificate of --etcd-cert: of another authority, or expired?"
            }
            false => "it wants to see a certificate: pass --etcd-cert and --etcd-key",
        }
    }
}

/// What is shown, once it was seen to be of use: etcd's own refusals name no reason.
fn identity(
    files: CertificateFiles<'_>,
    authorities: RootCertStore,
) -> Result<Identity, EtcdTlsError> {
    let unusable =
        |source| EtcdTlsError::Certificate { path: files.certificate.to_owned(), source };
    let chain = certificates(files.certificate)?;
    let key = private_key(files.key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    CertifiedKey::from_der(chain.clone(), key, &provider).map_err(unusable)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
    if let (Ok(verifier), [own, rest @ ..]) = (verifier.build(), &chain[..])
        && let Err(rustls::Error::InvalidCertificate(error)) =
            verifier.verify_client_cert(own, rest, UnixTime::now())
        && is_expired(&error)
    {
        return Err(EtcdTlsError::Expired(files.certificate.to_owned()));
    }
    let bytes = |path: &Path, what| {
        std::fs::read(path).map_err(|error| PemError::Unreadable {
            path: path.to_owned(),
            what,
            source: rustls::pki_types::pem::Error::Io(error),
        })
    };
    let key = zeroize::Zeroizing::new(bytes(files.key, "private key")?);
    Ok(Identity::from_pem(bytes(files.certificate, "certificate")?, &*key))
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
