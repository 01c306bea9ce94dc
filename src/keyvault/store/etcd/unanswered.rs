//! Why a machine of etcd does not answer, down to what went wrong first: what its client says by itself is
//! “transport error”.

use std::error::Error;
use std::io;

use crate::keyvault::store::StoreError;

use super::EtcdTls;

/// Names the machine, every cause, and what to do about it where that is known.
pub(super) fn unanswered(
    machine: &str,
    error: &etcd_client::Error,
    tls: Option<&EtcdTls>,
) -> StoreError {
    let (mut said, mut next): (String, Option<&dyn Error>) = match error {
        etcd_client::Error::GRpcStatus(status) => (status.message().to_owned(), status.source()),
        etcd_client::Error::TransportError(error) => (error.to_string(), error.source()),
        error => (error.to_string(), None),
    };
    let mut hint = None;
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        // Of an error inside another one `source` gives the source, and not the error.
        let inner = cause.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let of_tls = cause
            .downcast_ref::<rustls::Error>()
            .or_else(|| inner.and_then(|inner| inner.downcast_ref()));
        hint = hint.or_else(|| tls?.hint(of_tls?));
        next = cause.source();
    }
    // HTTP/2 keeps of the error that ended a connection its text alone.
    let is_alert = said.contains("received fatal alert");
    let hint = hint.or_else(|| tls.filter(|_| is_alert).map(EtcdTls::refused));
    StoreError::Unavailable(match hint {
        Some(hint) => format!("etcd at {machine}: {hint} ({said})"),
        None => format!("etcd at {machine}: {said}"),
    })
}
