//! Commands whose own files are not there yet. This file goes when they are.

use super::error::Error;

pub fn not_yet(command: &str) -> Result<(), Error> {
    Err(Error::Usage(format!("{command} is not built yet")))
}
