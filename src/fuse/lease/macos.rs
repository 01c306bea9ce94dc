//! macOS has no leases.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::marker::PhantomData;

use super::Leased;

/// Never had.
#[derive(Debug)]
pub struct ReadLease<'a> {
    never: Infallible,
    of: PhantomData<&'a File>,
}

/// It cannot be told.
///
/// # Errors
/// None.
pub fn lease(_: &File) -> io::Result<Leased<'_>> {
    Ok(Leased::Unknown)
}

impl ReadLease<'_> {
    /// Nobody has tried to open the file for writing since.
    pub fn is_whole(&self) -> bool {
        match self.never {}
    }
}
