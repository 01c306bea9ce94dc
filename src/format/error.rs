//! What can be wrong with bytes from disk.

use crate::crypto::NotAuthentic;

/// Bytes that are not what they should be (I8). Nothing was taken from them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The object is shorter than its fixed parts, or cut inside one.
    #[error("cut short: {have_bytes} bytes where at least {need_bytes} belong")]
    CutShort {
        /// Bytes there are.
        have_bytes: u64,
        /// Bytes there must be at least.
        need_bytes: u64,
    },
    /// The first bytes are not this kind of object's.
    #[error("not a hushfs object of this kind")]
    NotThisKind,
    /// A newer program wrote this.
    #[error("written by a newer hushfs (format {found}; this one reads up to {known})")]
    Newer {
        /// The version in the object.
        found: u16,
        /// The newest version this program reads.
        known: u16,
    },
    /// The tag does not fit: changed, moved, or sealed with another key (I2).
    #[error(transparent)]
    NotAuthentic(#[from] NotAuthentic),
    /// The object belongs to another vault, or stands under another object's name.
    #[error("stands where another object belongs")]
    Misplaced,
    /// Authentic, but not well-formed; the text says what.
    #[error("not well-formed: {0}")]
    Malformed(&'static str),
}

impl From<postcard::Error> for FormatError {
    fn from(_: postcard::Error) -> Self {
        Self::Malformed("a field cannot be decoded")
    }
}
