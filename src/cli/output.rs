//! What a command says on standard output.

use std::io::{self, Write};

use serde::Serialize;

use super::error::Error;
use super::names::{lines, one_line, steers};
use super::unmount::UnmountError;

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
            let json = serde_json::to_string_pretty(value).map_err(io::Error::from);
            escaped_json(&json.map_err(printing)?) + "\n"
        }
        false => lines(&in_words()).into_owned(),
    };
    print(io::stdout(), &text)
}

/// Writes a text to standard output or standard error. That nobody reads it is no error.
///
/// # Errors
/// [`Error::Io`] if it is not taken.
pub(super) fn print(mut to: impl Write, text: &str) -> Result<(), Error> {
    is_read(to.write_all(lines(text).as_bytes())).map(drop)
}

/// Says a sentence on standard error, beside what was asked for.
pub(super) fn say(sentence: &str) {
    eprintln!("hushfs: {}", one_line(sentence));
}

/// Says on standard error why something was not done.
pub(super) fn say_error(error: &Error) {
    match error {
        // It lists programs below each other, and escapes what it names.
        Error::Unmount(error @ UnmountError::Busy { .. }) => {
            eprintln!("hushfs: {}", lines(&error.to_string()))
        }
        error => say(&error.to_string()),
    }
}

/// Writes to standard output at once; says whether somebody reads it.
///
/// # Errors
/// [`Error::Io`] if it is not taken.
pub(super) fn print_at_once(bytes: &[u8]) -> Result<bool, Error> {
    let mut stdout = io::stdout().lock();
    is_read(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Whether what was written has a reader. With “| head” it has none any more, which is no error.
///
/// # Errors
/// [`Error::Io`] if it was not taken for another reason.
pub(super) fn is_read(written: io::Result<()>) -> Result<bool, Error> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(printing),
    }
}

/// Names may be at a terminal, and JSON lets most of what can steer one pass. It can only be within
/// strings here, where an escape means the same.
fn escaped_json(json: &str) -> String {
    let escape = |c: char| match c {
        '\n' => c.to_string(),
        // All of these are below U+10000: one unit.
        c if steers(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    match json.chars().any(|c| c != '\n' && steers(c)) {
        true => json.chars().map(escape).collect(),
        false => json.to_owned(),
    }
}

fn printing(source: io::Error) -> Error {
    Error::Io { doing: "printing".into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_and_steers_no_terminal() {
        let value = ["a\u{1b}b\n", "c\u{7f}\u{9b}d", "e\u{202e}f", "g"];
        let json = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!json.chars().any(|c| c != '\n' && steers(c)), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), value);
    }
}
