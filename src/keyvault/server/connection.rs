//! One connection: TLS, then requests and answers until it ends, is idle for too long, or says something
//! that is no message.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::keyvault::protocol::{
    ALPN, EXPORTER_BYTES, EXPORTER_LABEL, LENGTH_BYTES, Request, body_bytes, decode, encode,
};
use crate::keyvault::store::Store;

use super::metrics::Metrics;
use super::session::{Service, Session};

/// TLS has to be done by then.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// A log-in may take so long between its messages: stretching is slow on small machines.
const LOGIN_MAX: Duration = Duration::from_secs(60);
/// How long log-ins may go on once the server is to end.
const CLOSING_MAX: Duration = Duration::from_secs(10);

/// Serves a connection to its end.
pub(super) async fn serve<S: Store>(
    service: &Service<S>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: IpAddr,
    idle: Duration,
    closing: watch::Receiver<bool>,
) {
    let mut exporter = [0; EXPORTER_BYTES];
    let accepted = timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
    let tls = accepted.map_err(io::Error::from).flatten().and_then(|tls| {
        let (_, connection) = tls.get_ref();
        if connection.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::other("not the protocol of a key vault"));
        }
        let exported = connection.export_keying_material(&mut exporter, EXPORTER_LABEL, None);
        exported.map(|_| tls).map_err(io::Error::other)
    });
    match tls {
        Ok(tls) => {
            let session = Session::new(service, address, exporter);
            if let Err(error) = talk(tls, session, &service.metrics, idle, closing).await {
                log::debug!("{address}: {error}");
            }
        }
        Err(error) => {
            Metrics::count(&service.metrics.handshakes_failed_total);
            log::debug!("{address}: {error}");
        }
    }
}

async fn talk<S: Store>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut session: Session<'_, S>,
    metrics: &Metrics,
    idle: Duration,
    mut closing: watch::Receiver<bool>,
) -> io::Result<()> {
    loop {
        let wait = if session.is_within_login() { LOGIN_MAX } else { idle };
        let received = tokio::select! {
            received = timeout(wait, read_request(&mut stream)) => received?,
            () = closed(&mut closing, session.is_within_login()) => return Ok(()),
        };
        let request = match received {
            Ok(Some(request)) => request,
            Ok(None) => break,
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    Metrics::count(&metrics.malformed_total);
                }
                return Err(error);
            }
        };
        let reply = encode(&session.answer(request).await).map_err(io::Error::other)?;
        let sent = timeout(idle, async {
            stream.write_all(&reply).await?;
            stream.flush().await
        });
        sent.await??;
    }
    timeout(idle, stream.shutdown()).await?
}

/// Returns when the server is to end, and has waited for a log-in if there is one.
async fn closed(closing: &mut watch::Receiver<bool>, is_within_login: bool) {
    // The sender lives as long as the server.
    let _ = closing.wait_for(|closing| *closing).await;
    if is_within_login {
        tokio::time::sleep(CLOSING_MAX).await;
    }
}

/// The next request; `None` at the connection's end. Nothing is allocated before its length was checked.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Request>> {
    let mut length = [0; LENGTH_BYTES];
    match stream.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut body = vec![0; body_bytes(length).map_err(invalid)?];
    stream.read_exact(&mut body).await?;
    decode(&body).map(Some).map_err(invalid)
}
