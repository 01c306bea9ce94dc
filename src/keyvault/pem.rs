//! Certificates and their keys in files, as PEM.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a file gives no certificate, or no key.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read, or holds something else.
    #[error("{} holds no {what} in PEM: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why.
        source: Error,
    },
    /// There is no certificate in it.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
}

/// At least one certificate.
///
/// # Errors
/// [`PemError`].
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|source| unreadable(path, "certificate", source))?;
    match certificates.is_empty() {
        true => Err(PemError::NoCertificate(path.to_owned())),
        false => Ok(certificates),
    }
}

/// The first private key.
///
/// # Errors
/// [`PemError::Unreadable`].
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| unreadable(path, "private key", source))
}

fn unreadable(path: &Path, what: &'static str, source: Error) -> PemError {
    PemError::Unreadable { path: path.to_owned(), what, source }
}
