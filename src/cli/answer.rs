//! What the daemon of a mount answers: attributes that hold JSON.

use std::io;
use std::path::Path;

use rustix::fs::getxattr;
use rustix::io::Errno;
use serde::de::DeserializeOwned;

/// No attribute's value is longer (`XATTR_SIZE_MAX`).
const VALUE_BYTES_MAX: usize = 65_536;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The system's error, or the daemon's.
    Refused(Errno),
    /// Another version's daemon says something else.
    NotUnderstood(serde_json::Error),
}

impl From<NoAnswer> for io::Error {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Refused(errno) => errno.into(),
            NoAnswer::NotUnderstood(error) => error.into(),
        }
    }
}

/// Reads an attribute of a mount, or of a file in one.
///
/// # Errors
/// [`NoAnswer`].
pub(super) fn answer<T: DeserializeOwned>(path: &Path, attribute: &str) -> Result<T, NoAnswer> {
    let mut json = vec![0; VALUE_BYTES_MAX];
    let length = getxattr(path, attribute, &mut json[..]).map_err(NoAnswer::Refused)?;
    serde_json::from_slice(&json[..length]).map_err(NoAnswer::NotUnderstood)
}
