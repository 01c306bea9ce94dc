//! What a command says on standard output.

use std::io::{self, Write};

use serde::Serialize;

use super::error::Error;

/// Says something as JSON for programs, or in words.
///
/// # Errors
/// [`Error::Io`] if standard output does not take it.
pub(super) fn show(
    value: &impl Serialize,
    json: bool,
    in_words: impl FnOnce() -> String,
) -> Result<(), Error> {
    let text = match json {
        true => {
            serde_json::to_string_pretty(value).map_err(io::Error::from).map_err(printing)? + "\n"
        }
        false => in_words(),
    };
    print(io::stdout(), &text)
}

/// Writes a text to standard output or standard error.
///
/// # Errors
/// [`Error::Io`] if it is not taken.
pub(super) fn print(mut to: impl Write, text: &str) -> Result<(), Error> {
    to.write_all(text.as_bytes()).map_err(printing)
}

fn printing(source: io::Error) -> Error {
    Error::Io { doing: "printing".into(), source }
}
