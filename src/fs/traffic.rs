//! How much has been read and written, for whoever looks at how fast it goes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Content bytes since the vault was opened.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Traffic {
    pub(super) fn note_read(&self, bytes: u64) {
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn note_written(&self, bytes: u64) {
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Read and written.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let [read, written] =
            [&self.read_bytes, &self.written_bytes].map(|bytes| bytes.load(Ordering::Relaxed));
        (read, written)
    }
}
