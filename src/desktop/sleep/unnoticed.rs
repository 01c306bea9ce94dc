//! macOS tells of its sleep (`IORegisterForSystemPower`) only to who runs a loop of Core Foundation's and
//! calls it unsafely; no library that is looked after does that for others.

use super::{Prepared, SleepError};

/// There is none.
pub enum SleepNotice {}

impl SleepNotice {
    /// Refuses.
    ///
    /// # Errors
    /// [`SleepError::NotHere`].
    pub fn begin(_why: &'static str) -> Result<Self, SleepError> {
        Err(SleepError::NotHere)
    }

    /// Never to be called.
    ///
    /// # Errors
    /// None.
    pub fn call(
        self,
        _prepare: impl FnMut() -> Prepared + Send + 'static,
    ) -> Result<(), SleepError> {
        match self {}
    }
}
