//! Authorities of a test's own, and certificates of theirs, in files.

use std::fs;
use std::path::{Path, PathBuf};

use hushfs::keyvault::store::{CertificateFiles, EtcdTls};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use crate::etcd::ServerTls;

/// Who signs certificates.
pub struct Authority {
    folder: PathBuf,
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// How long a certificate is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Good {
    Now,
    /// Until some years ago.
    Once,
}

impl Authority {
    /// Makes one; its files are in the folder.
    pub fn new(folder: &Path, name: &'static str) -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let distinguished = &mut parameters.distinguished_name;
        distinguished.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let authority =
            Self { folder: folder.to_owned(), name, issuer: Issuer::new(parameters, key) };
        fs::write(authority.file(), certificate.pem()).unwrap();
        authority
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Signs a certificate for somebody of that name or address.
    pub fn issue(&self, subject: &str, good: Good) -> Issued {
        let mut parameters = CertificateParams::new([subject.to_owned()]).unwrap();
        parameters.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if good == Good::Once {
            parameters.not_before = date_time_ymd(2001, 1, 1);
            parameters.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let signed = parameters.signed_by(&key, &self.issuer).unwrap();
        let when = if good == Good::Now { "now" } else { "once" };
        let place = |end: &str| self.folder.join(format!("{}-{subject}-{when}.{end}", self.name));
        let issued = Issued { certificate: place("pem"), key: place("key") };
        fs::write(&issued.certificate, signed.pem()).unwrap();
        fs::write(&issued.key, key.serialize_pem()).unwrap();
        issued
    }

    /// What a machine of etcd shows, if this authority's clients may speak to it.
    pub fn of_server(&self, shown: Issued) -> ServerTls {
        let client = self.issue("client", Good::Now);
        let files = CertificateFiles { certificate: &client.certificate, key: &client.key };
        let as_client = EtcdTls::from_files(&self.file(), Some(files)).unwrap();
        let Issued { certificate, key } = shown;
        ServerTls { certificate, key, clients: self.file(), as_client }
    }
}
