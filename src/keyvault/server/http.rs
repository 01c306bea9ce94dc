//! Health and metrics, by plain HTTP on an address of their own. They tell nothing of accounts.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::keyvault::store::Store;

use super::session::Service;

/// Requests at a time.
const CONNECTIONS_MAX: usize = 16;
const HEADERS_MAX: Duration = Duration::from_secs(5);
const CONNECTION_MAX: Duration = Duration::from_secs(60);
/// Before taking connections again after an error, such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Answers until it is dropped.
pub(super) async fn serve<S: Store>(service: Arc<Service<S>>, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::warn!("metrics: {error}");
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            }
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(&service, request));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX);
            let served = server.keep_alive(false).serve_connection(TokioIo::new(stream), answer);
            let _ = tokio::time::timeout(CONNECTION_MAX, served).await;
            drop(permit);
        });
    }
}

async fn answer<S: Store>(
    service: &Service<S>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => match service.is_healthy().await {
            true => (StatusCode::OK, "ok\n".to_owned()),
            false => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n".to_owned()),
        },
        (&Method::GET, "/metrics") => (StatusCode::OK, service.metrics.text()),
        _ => (StatusCode::NOT_FOUND, "there are /health and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    Ok(response)
}
