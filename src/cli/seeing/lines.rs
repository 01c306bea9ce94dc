//! Lines on standard output, for as long as somebody reads them.

use std::io::{self, BufWriter, StdoutLock, Write};

use crate::cli::error::Error;
use crate::cli::output::is_read;

/// Standard output. That nobody reads on, as with “| head”, is no error.
pub(super) struct Lines {
    out: BufWriter<StdoutLock<'static>>,
    is_read: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { out: BufWriter::new(io::stdout().lock()), is_read: true }
    }

    /// Whether there is still a reader.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Writes these bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if they are not taken.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.out.write_all(bytes);
        self.noted(written)
    }

    /// Everything is written when this returns.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not taken.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.out.flush();
        self.noted(flushed)
    }

    fn noted(&mut self, written: io::Result<()>) -> Result<(), Error> {
        self.is_read &= is_read(written)?;
        Ok(())
    }
}
