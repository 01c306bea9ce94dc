//! A client that says whatever a test wants it to say.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use hushfs::keyvault::protocol::{
    ALPN, EXPORTER_LABEL, LENGTH_BYTES, Reply, Request, body_bytes, decode, encode,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// TLS with whatever server answers.
pub fn config(alpn: &[u8]) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

pub struct Raw {
    stream: StreamOwned<ClientConnection, TcpStream>,
    pub exporter: [u8; 32],
}

impl Raw {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_speaking(address, ALPN)
    }

    /// With another protocol's name.
    pub fn connect_speaking(address: SocketAddr, alpn: &[u8]) -> io::Result<Self> {
        let mut tcp = TcpStream::connect(address)?;
        let name = ServerName::try_from("x").unwrap();
        let mut tls = ClientConnection::new(config(alpn), name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let exporter = tls.export_keying_material([0; 32], EXPORTER_LABEL, None).unwrap();
        Ok(Self { stream: StreamOwned::new(tls, tcp), exporter })
    }

    pub fn ask(&mut self, request: &Request) -> io::Result<Reply> {
        self.say(&encode(request).unwrap())?;
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; body_bytes(length).unwrap()];
        self.stream.read_exact(&mut body)?;
        Ok(decode(&body).unwrap())
    }

    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The server ends the connection, and says nothing more.
    pub fn is_ended(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 64]), Ok(0) | Err(_))
    }
}

#[derive(Debug)]
struct AnyKey;

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        unreachable!("TLS 1.3 alone is offered")
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
