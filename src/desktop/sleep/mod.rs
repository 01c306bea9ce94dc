//! Notice of the machine's sleep.

#[cfg(target_os = "linux")]
mod logind;
#[cfg(target_os = "macos")]
mod unnoticed;

use std::io;

#[cfg(target_os = "linux")]
pub use logind::SleepNotice;
#[cfg(target_os = "macos")]
pub use unnoticed::SleepNotice;

/// Why there is no notice of sleep.
#[derive(Debug, thiserror::Error)]
pub enum SleepError {
    /// There is no system bus, or no logind on it.
    #[cfg(target_os = "linux")]
    #[error(
        "the machine’s sleep cannot be noticed, since logind does not answer ({0}); without \
         --lock-on-suspend it is mounted all the same"
    )]
    NoLogind(#[from] zbus::Error),
    /// This program does not notice it on this system.
    #[error(
        "hushfs does not notice the sleep of a Mac: leave out --lock-on-suspend. “--idle 10m” locks the \
         vault once nobody has used it for so long, “hushfs lock” at once"
    )]
    NotHere,
    /// No thread.
    #[error("the machine’s sleep cannot be noticed: {0}")]
    System(#[from] io::Error),
}

/// What became of the preparation for sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// Sleep may begin now, and is to be noticed again the next time.
    Ready,
    /// Sleep may begin once this process has ended, which it is about to do.
    Ending,
}

/// Whether there can be notice of it on this system at all, told before anything else is asked or done.
///
/// # Errors
/// [`SleepError::NotHere`].
pub fn sleep_can_be_noticed() -> Result<(), SleepError> {
    match cfg!(target_os = "macos") {
        true => Err(SleepError::NotHere),
        false => Ok(()),
    }
}
