//! The questions of `init`, up to the answer that everything is saved.

use std::path::Path;

use crate::cli::ask::{Ask, answer};
use crate::cli::error::Error;
use crate::crypto::Password;
use crate::format::{KEY_GROUPS, RecoveryKey};

use super::error::InitError;
use super::run::Ways;
use super::strength::weakness;
use super::words;

/// Groups of a new key that have to be typed back.
const GROUPS_ASKED: usize = 3;

/// Says what is at stake.
///
/// # Errors
/// [`Error::Ask`].
pub fn introduce(ask: &mut dyn Ask, vault: &Path) -> Result<(), Error> {
    Ok(ask.say(&words::first_words(vault))?)
}

/// Asks which ways to unlock there shall be, and for a password or shows a key, as chosen.
///
/// # Errors
/// [`Error::Ask`].
pub fn choose_ways(ask: &mut dyn Ask) -> Result<Ways, Error> {
    ask.say(words::WHICH_WAY)?;
    let (password, key) = loop {
        match answer(&ask.line("1, 2 or 3: ")?) {
            "1" => break (true, false),
            "2" => break (false, true),
            "3" => break (true, true),
            _ => ask.say("Please type 1, 2 or 3.")?,
        }
    };
    let mut ways = Ways::default();
    if password {
        ways.password = Some(new_password(ask)?);
    }
    if key {
        ways.key = Some(new_key(ask)?);
    }
    Ok(ways)
}

/// Says again what is at stake, and takes nothing but “yes” for a yes.
///
/// # Errors
/// [`Error::Ask`], or [`Error::Init`] if the answer is no.
pub fn affirm_saved(ask: &mut dyn Ask, ways: &Ways) -> Result<(), Error> {
    ask.say(&format!("\n{}\n", words::warning(ways)))?;
    let saved = match (ways.password.is_some(), ways.key.is_some()) {
        (true, true) => "the password and the key are saved",
        (true, false) => "the password is saved",
        (false, _) => "the key is saved",
    };
    match affirms(ask, &format!("if {saved}"))? {
        true => Ok(()),
        false => Err(InitError::Declined.into()),
    }
}

/// Whether a person says yes to what is asked with “Type yes in full …”, in full.
///
/// # Errors
/// [`Error::Ask`].
pub fn affirms(ask: &mut dyn Ask, what: &str) -> Result<bool, Error> {
    loop {
        let typed = ask.line(&format!("Type yes in full {what}, or no to stop here: "))?;
        match answer(&typed).to_ascii_lowercase().as_str() {
            "yes" => return Ok(true),
            "no" | "n" => return Ok(false),
            _ => ask.say("Please type yes or no.")?,
        }
    }
}

/// Asks for a new password, twice; says where it is weak.
///
/// # Errors
/// [`Error::Ask`].
pub fn new_password(ask: &mut dyn Ask) -> Result<Password, Error> {
    loop {
        let Ok(password) = Password::new(ask.secret("New password: ")?) else {
            ask.say("An empty password protects nothing.")?;
            continue;
        };
        if let Some(reason) = weakness(&password) {
            ask.say(&reason)?;
            let typed = ask.line("Choose another one? (yes or no) [yes] ")?;
            match answer(&typed).to_ascii_lowercase().as_str() {
                "no" | "n" => {}
                _ => continue,
            }
        }
        let again = ask.secret("The same password again: ")?;
        if again.as_slice() == password.bytes() {
            return Ok(password);
        }
        ask.say("The two were not the same. Nothing is set yet; from the start:")?;
    }
}

/// Draws a key, shows it, and has some of its groups typed back.
///
/// # Errors
/// [`Error::Ask`].
pub fn new_key(ask: &mut dyn Ask) -> Result<RecoveryKey, Error> {
    let key = RecoveryKey::random();
    loop {
        ask.show_until_enter(&key_page(&key))?;
        ask.say("To be sure that the key is written down right, please type some of its groups:")?;
        if types_back(ask, &key)? {
            return Ok(key);
        }
    }
}

/// Whether groups picked at random are typed as they are in `key`.
fn types_back(ask: &mut dyn Ask, key: &RecoveryKey) -> Result<bool, Error> {
    let mut picked =
        rand::seq::index::sample(&mut rand::rng(), KEY_GROUPS, GROUPS_ASKED).into_vec();
    picked.sort_unstable();
    for index in picked {
        let number = index + 1;
        let typed = ask.line(&format!("Group {number} of {KEY_GROUPS}: "))?;
        if !answer(&typed).eq_ignore_ascii_case(&key.group(index)) {
            ask.say(&format!("That is not group {number}. Here is the whole key once more."))?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn key_page(key: &RecoveryKey) -> zeroize::Zeroizing<String> {
    let mut page = zeroize::Zeroizing::new(String::with_capacity(1024));
    page.push_str("The 64-digit key of this vault. Write it down or print it, all 16 groups:\n");
    for (line, digits) in key.four_lines().lines().enumerate() {
        let first = line * 4 + 1;
        page.push_str(&format!("\n    groups {first:>2} to {:>2}    ", first + 3));
        page.push_str(digits);
    }
    page.push_str("\n\nIt is not shown again later, and it is not kept on this device.");
    page
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
