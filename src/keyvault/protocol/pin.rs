//! What a slot pins: the key of the server's certificate, whoever has issued that.

use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};

use crate::format::ServerPin;

/// SHA-256 of the certificate's public key (SubjectPublicKeyInfo, DER). A new certificate of the same key
/// has the same pin.
///
/// # Errors
/// [`rustls::Error`] if it is not a certificate.
pub fn pin_of(certificate: &CertificateDer<'_>) -> Result<ServerPin, rustls::Error> {
    let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    Ok(ServerPin(Sha256::digest(&key).into()))
}
