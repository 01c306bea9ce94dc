//! Why a machine of etcd does not answer, down to what went wrong first: what its client says by itself is
//! “transport error”.

use std::error::Error;

use crate::keyvault::store::StoreError;

/// Names the machine, and every cause.
pub(super) fn unanswered(machine: &str, error: &etcd_client::Error) -> StoreError {
    let (mut said, mut next): (String, Option<&dyn Error>) = match error {
        etcd_client::Error::GRpcStatus(status) => (status.message().to_owned(), status.source()),
        etcd_client::Error::TransportError(error) => (error.to_string(), error.source()),
        error => (error.to_string(), None),
    };
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    StoreError::Unavailable(format!("etcd at {machine}: {said}"))
}
