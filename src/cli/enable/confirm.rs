//! The last question before something is deleted.

use std::io;

use crate::cli::ask::{Ask, AskError, Terminal, answer};
use crate::cli::error::Error;

/// Refuses to begin where the question could not be asked.
///
/// # Errors
/// [`Error::Usage`].
pub(in crate::cli) fn refuse_without_answer(yes: bool) -> Result<(), Error> {
    match yes || Terminal::at_hand().is_some() {
        true => Ok(()),
        false => Err(Error::Usage(
            "there is no terminal to ask at before something is deleted: pass --yes".to_owned(),
        )),
    }
}

/// Asks at the terminal, unless the answer is there; takes nothing but “yes” for a yes, and going away
/// for a no.
///
/// # Errors
/// [`Error::Ask`].
pub(in crate::cli) fn may_delete(yes: bool, what: &str) -> Result<bool, Error> {
    if yes {
        return Ok(true);
    }
    let mut terminal = Terminal::at_hand().ok_or_else(|| {
        Error::Ask(io::Error::new(io::ErrorKind::NotConnected, "it is gone").into())
    })?;
    match ask(&mut terminal, what) {
        Err(AskError::Ended | AskError::Interrupted) => Ok(false),
        answered => Ok(answered?),
    }
}

fn ask(ask: &mut dyn Ask, what: &str) -> Result<bool, AskError> {
    ask.say(what)?;
    loop {
        let typed = ask.line("Type yes in full to delete this, or no to keep it: ")?;
        match answer(&typed).to_ascii_lowercase().as_str() {
            "yes" => return Ok(true),
            "no" | "n" => return Ok(false),
            _ => ask.say("Please type yes or no.")?,
        }
    }
}
