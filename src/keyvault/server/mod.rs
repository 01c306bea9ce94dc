//! The server of a key vault: what it tells whom, how much of it, and how it runs.

mod audit;
mod connection;
mod http;
mod identity;
mod limits;
mod metrics;
mod opaque;
mod run;
mod session;
mod tls;

pub use crate::keyvault::pem::PemError;
pub use audit::Audit;
pub use identity::{Identity, IdentityError};
pub use limits::{Bucket, Limits, Rates};
pub use metrics::Metrics;
pub use run::{Listening, ServeError, ServeOptions, serve};
pub use session::{Service, Session};
pub use tls::{TlsError, TlsIdentity};
