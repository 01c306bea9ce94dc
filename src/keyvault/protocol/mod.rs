//! What client and server of a key vault have in common: the cipher suite, the messages, their frames.

mod frame;
mod messages;
mod pin;
mod suite;

pub use frame::{FRAME_BYTES_MAX, FrameError, LENGTH_BYTES, body_bytes, decode, encode};
pub use messages::{
    Age, EXPORTER_BYTES, Order, Refused, Reply, Request, SignedOrder, SignedPart, Told,
    login_context,
};
pub use pin::pin_of;
pub use suite::{Stretching, Suite, SystemRandom, message_bytes};

/// TLS's name for this protocol (ALPN).
pub const ALPN: &[u8] = b"hushfs-keyvault/1";
/// What TLS's exporter is asked for: a value that only the two ends of this one connection have.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-hushfs-keyvault-1";
/// Where a key vault listens if no port is named.
pub const PORT: u16 = 4797;
