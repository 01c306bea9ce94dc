//! The login keychain of macOS: a file of this Mac's that is open while its user is logged in, and that
//! iCloud does not synchronise. (Its other keychain, which iCloud does, is for signed apps alone.)
//!
//! The keychain is asked by a process of its own, this program started anew: Apple's frameworks do not work
//! in a process that was forked, as a mount in the background is. Which program may read an entry without
//! being asked about is told by its signature: after an update macOS may ask, in a window, and one at
//! another terminal is told that the keychain is locked.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Command, ExitCode, Stdio};

use security_framework::base::{Error, Result as Answer};
use security_framework::passwords::{
    PasswordOptions, delete_generic_password_options, generic_password,
    set_generic_password_options,
};
use zeroize::Zeroizing;

use super::KeyringError;
use super::keychain_answer::{NO_SUCH_ITEM, error_of, written};

pub(super) const NO_KEYRING: &str = "there is no keychain here";
pub(super) const NO_DEFAULT: &str =
    "there is no login keychain; “Keychain Access” makes one, and so does logging in again";
pub(super) const LOCKED: &str = "the keychain is locked, or would ask at the screen, where nobody is \
                                 logged in; “security unlock-keychain” opens it";

/// By this our entries are known to be ours.
const SERVICE: &str = "hushfs";
/// The first word of a process that asks.
const WORD: &str = "ask-the-keychain";
const SECRET: &str = "secret";
const KEEP: &str = "keep";
const REMOVE: &str = "remove";
const FOR_ITSELF: &str = "this is for hushfs itself";

/// The keyring.
pub struct Keyring(());

impl Keyring {
    /// Reaches it, whether it is locked or not.
    ///
    /// # Errors
    /// None here.
    pub fn connect() -> Result<Self, KeyringError> {
        Ok(Self(()))
    }

    /// The secret of an entry.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        ask(&[SECRET, name], b"")
    }

    /// Keeps a secret as the entry of this name, in the place of an earlier one; `label` is what people
    /// see of it.
    ///
    /// # Errors
    /// [`KeyringError`]; the earlier entry may be gone then, and after [`KeyringError::NotKept`] there may
    /// be a new one.
    pub fn keep(&self, name: &str, label: &str, secret: &[u8]) -> Result<(), KeyringError> {
        ask(&[KEEP, name, label], secret)?;
        match self.secret(name)?.as_slice() == secret {
            true => Ok(()),
            false => Err(KeyringError::NotKept),
        }
    }

    /// Removes the entry of this name. Fine if there is none.
    ///
    /// # Errors
    /// [`KeyringError`]; it may be there still.
    pub fn remove(&self, name: &str) -> Result<(), KeyringError> {
        ask(&[REMOVE, name], b"").map(drop)
    }
}

/// Starts the process that asks; what is secret goes over pipes.
fn ask(words: &[&str], secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let asked = || {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(WORD).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        // Dropped here, so that the process sees its end.
        let given = process.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(secret));
        let output = process.wait_with_output()?;
        given.map(|()| output)
    };
    let output = asked().map_err(|error| KeyringError::Refused(error.to_string()))?;
    match output.status.success() {
        true => Ok(Zeroizing::new(output.stdout)),
        false => Err(error_of(&String::from_utf8_lossy(&output.stderr))),
    }
}

/// If this process was started to ask the keychain, does so; `None` if not.
pub fn serve_if_asked(arguments: &[OsString]) -> Option<ExitCode> {
    let words: Vec<&str> = arguments.iter().skip(1).map_while(|word| word.to_str()).collect();
    let (word, words) = words.split_first()?;
    if *word != WORD {
        return None;
    }
    if io::stdout().is_terminal() {
        eprintln!("hushfs: {FOR_ITSELF}");
        return Some(ExitCode::FAILURE);
    }
    let mut given = Zeroizing::new(Vec::new());
    let read = io::stdin().read_to_end(&mut given).map_err(|error| error.to_string());
    let answered = read
        .and_then(|_| answer(words, &given))
        .and_then(|secret| io::stdout().write_all(&secret).map_err(|error| error.to_string()));
    Some(match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(said) => {
            eprintln!("{said}");
            ExitCode::FAILURE
        }
    })
}

/// What the keychain answers; `given` is what is to be kept.
fn answer(words: &[&str], given: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let refused = |error: Error| {
        written(error.code(), &error.message().unwrap_or_else(|| "refused".to_owned()))
    };
    let nothing = |()| Zeroizing::default();
    match *words {
        [SECRET, name] => generic_password(entry(name)).map(Zeroizing::new).map_err(refused),
        [KEEP, name, label] => {
            // To change an entry would leave it to whoever may read the old one.
            remove(name).map_err(refused)?;
            let mut entry = entry(name);
            entry.set_label(label);
            set_generic_password_options(given, entry).map(nothing).map_err(refused)
        }
        [REMOVE, name] => remove(name).map(nothing).map_err(refused),
        _ => Err(FOR_ITSELF.to_owned()),
    }
}

fn entry(name: &str) -> PasswordOptions {
    PasswordOptions::new_generic_password(SERVICE, name)
}

fn remove(name: &str) -> Answer<()> {
    match delete_generic_password_options(entry(name)) {
        Err(error) if error.code() == NO_SUCH_ITEM => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "a test of hushfs";

    #[test]
    #[ignore = "it writes into the login keychain of whoever runs it, and removes that again"]
    fn the_login_keychain_keeps_the_last_secret_until_it_is_removed() {
        let secret = || answer(&[SECRET, NAME], b"");
        answer(&[REMOVE, NAME], b"").unwrap();
        assert!(matches!(error_of(&secret().unwrap_err()), KeyringError::NoEntry));
        for (label, kept) in [("one", b"first"), ("two", b"other")] {
            answer(&[KEEP, NAME, label], kept).unwrap();
            assert_eq!(secret().unwrap().as_slice(), kept);
        }
        answer(&[REMOVE, NAME], b"").unwrap();
        answer(&[REMOVE, NAME], b"").unwrap();
        assert!(secret().is_err());
    }
}
