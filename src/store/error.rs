//! What can go wrong with a disk, with the path it went wrong on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::FormatError;

/// A call to disk, or what it gave, failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing of that name.
    #[error("{0} is missing")]
    Missing(PathBuf),
    /// The name is taken; objects are never replaced (I1).
    #[error("{0} exists already, and nothing in a vault is ever replaced")]
    Exists(PathBuf),
    /// The disk or the user's quota is full.
    #[error("no space left on the disk of {0}")]
    Full(PathBuf),
    /// Longer than what is asked for may be.
    #[error("{path} is {bytes} bytes long; at most {max_bytes} can be right")]
    TooLong {
        /// The object.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The bound.
        max_bytes: u64,
    },
    /// It was read, and is not what it should be.
    #[error("{path}: {source}")]
    Format {
        /// The object.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// The disk failed otherwise.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
}

impl StoreError {
    /// From what the system said of `action` on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.into()),
            io::ErrorKind::AlreadyExists => Self::Exists(path.into()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.into()),
            _ => Self::Io { action, path: path.into(), source: Arc::new(source) },
        }
    }

    /// A newer program wrote what was read: nothing is wrong with it.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Format { source: FormatError::Newer { .. }, .. })
    }

    /// From what is wrong with the bytes of `path`.
    pub fn format(path: &Path, source: FormatError) -> Self {
        Self::Format { path: path.into(), source }
    }
}
