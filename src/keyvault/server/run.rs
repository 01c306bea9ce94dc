//! A server from its start to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::format::ServerPin;
use crate::keyvault::seed::OprfSeed;
use crate::keyvault::store::{Store, StoreError};

use super::audit::Audit;
use super::identity::{Identity, IdentityError};
use super::limits::Rates;
use super::metrics::Metrics;
use super::session::Service;
use super::tls::{TlsError, TlsIdentity};
use super::{connection, http};

/// Before taking connections again after an error, such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store does not open, or not any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It has no keys, or others.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It has no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The files for TLS to the store cannot be used.
    #[cfg(feature = "keyvault-etcd")]
    #[error(transparent)]
    EtcdTls(#[from] crate::keyvault::store::EtcdTlsError),
    /// An address is not to be had.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// How to serve.
#[derive(Debug)]
pub struct ServeOptions {
    /// Where clients connect to.
    pub listen: SocketAddr,
    /// Where health and metrics are told.
    pub metrics: Option<SocketAddr>,
    /// A certificate and key in PEM, instead of those of the store.
    pub tls: Option<TlsIdentity>,
    /// How much is allowed to whom.
    pub rates: Rates,
    /// Connections at a time.
    pub connections_max: usize,
    /// A connection on which nothing happens ends after so long.
    pub idle: Duration,
    /// What is noted.
    pub audit: Audit,
    /// The server's keys, instead of those of the store.
    pub secrets: Option<Zeroizing<Vec<u8>>>,
}

/// What a server says once it takes connections.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// Where, with the port that it was given.
    pub address: SocketAddr,
    /// Where health and metrics are told.
    pub metrics: Option<SocketAddr>,
    /// What slots pin.
    pub pin: ServerPin,
}

/// Serves until SIGTERM or SIGINT, then lets log-ins come to their end.
///
/// # Errors
/// [`ServeError`]; nobody was served then.
pub async fn serve<S: Store>(
    store: S,
    token: Option<Box<dyn OprfSeed>>,
    options: ServeOptions,
    started: impl FnOnce(Listening),
) -> Result<(), ServeError> {
    let secrets = match options.secrets {
        Some(secrets) => secrets,
        None => {
            let fresh = Identity::fresh(token.as_deref())?;
            Zeroizing::new(store.identity(&fresh).await?)
        }
    };
    let identity = Identity::open(&secrets, token)?;
    let tls = match options.tls {
        Some(tls) => tls,
        None => TlsIdentity::of_store(&identity)?,
    };
    let pin = tls.pin()?;
    let acceptor = TlsAcceptor::from(tls.config()?);
    let service = Arc::new(Service::new(store, identity, options.rates, options.audit)?);

    let (listener, address) = listen(options.listen).await?;
    let told = match options.metrics {
        Some(metrics) => Some(listen(metrics).await?),
        None => None,
    };
    let signals = |source| ServeError::Io { doing: "waiting for signals", source };
    let mut terminated = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(signals)?;
    // Without a log to open again it ends the server, as ever.
    let mut hung_up = match service.audit.is_on() {
        true => Some(signal(SignalKind::hangup()).map_err(signals)?),
        false => None,
    };
    started(Listening { address, metrics: told.as_ref().map(|(_, address)| *address), pin });
    let telling =
        told.map(|(listener, _)| tokio::spawn(http::serve(Arc::clone(&service), listener)));

    let (close, closing) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if connections.len() < options.connections_max => {
                    let (service, acceptor) = (Arc::clone(&service), acceptor.clone());
                    let (closing, idle) = (closing.clone(), options.idle);
                    connections.spawn(async move {
                        take(&service, acceptor, stream, peer, idle, closing).await;
                    });
                }
                Ok(_) => Metrics::count(&service.metrics.connections_refused_total),
                Err(error) => {
                    log::warn!("taking a connection: {error}");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = hangup(&mut hung_up) => service.audit.open_again(),
            _ = terminated.recv() => break,
            _ = interrupted.recv() => break,
        }
    }
    drop(listener);
    log::info!("{} connections come to their end", connections.len());
    close.send_replace(true);
    while connections.join_next().await.is_some() {}
    if let Some(telling) = telling {
        telling.abort();
        let _ = telling.await;
    }
    Ok(())
}

async fn hangup(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn take<S: Store>(
    service: &Service<S>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    idle: Duration,
    closing: watch::Receiver<bool>,
) {
    let metrics = &service.metrics;
    let Some(_connected) = service.limits.connect(peer.ip()) else {
        Metrics::count(&metrics.connections_refused_total);
        return;
    };
    // Messages are small, and each one is waited for.
    let _ = stream.set_nodelay(true);
    Metrics::count(&metrics.connections_total);
    Metrics::count(&metrics.connections);
    let _open = Open(metrics);
    connection::serve(service, acceptor, stream, peer.ip(), idle, closing).await;
}

/// A connection that counts as open until this is dropped.
struct Open<'m>(&'m Metrics);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}
