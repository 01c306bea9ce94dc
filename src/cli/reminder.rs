//! Asks whoever mounts with a key file, now and then, for what they would need without it: the
//! password, or a group of the key as it is written down elsewhere. So a loss is found while there is a
//! way in, and not on the worst day.
//!
//! Whoever types a password or key to mount has just shown that they have it. With a key file the key is
//! at hand, so a group can be checked with nothing of it being stored; a password is tried on its slots.

use std::path::Path;

use rand::RngExt;

use crate::crypto::{ClassKeys, Password};
use crate::format::{KEY_GROUPS, RecoveryKey, Time};
use crate::fs::{SlotEntry, list_slots};
use crate::store::{Reminder, StateFolder, VaultFolder};

use super::ask::{Ask, AskError, answer};
use super::error::Error;
use super::init::quoted;
use super::secrets::key_from_file;
use super::unlock::opens_with_password;

const DAY_SECS: i64 = 24 * 60 * 60;
/// Days until the next question, by how often in a row the answer was right.
const DAYS: [i64; 6] = [2, 7, 14, 28, 60, 120];
/// How often a person may try.
const TRIES: u32 = 3;

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Right,
    Wrong,
    /// Nothing was typed, or what was cannot be checked.
    Skipped,
}

/// Asks, if it is time to; whatever the answer, the vault is mounted.
///
/// # Errors
/// [`Error::Ask`] if it is interrupted.
pub(super) fn remind(
    ask: &mut dyn Ask,
    vault: &VaultFolder,
    state: &StateFolder,
    keys: &ClassKeys,
    key_file: &Path,
) -> Result<(), Error> {
    let now = Time::now().secs;
    // What cannot be read is started anew: nothing hangs on it.
    let last = state.reminder(keys).ok().flatten();
    let next = match last.filter(|last| is_likely(*last, now)) {
        None => after(0, now),
        Some(last) if now < last.due_secs => return Ok(()),
        Some(last) => match question(ask, vault, key_file, last.went_well)? {
            Answer::Right => after(last.went_well.saturating_add(1), now),
            Answer::Wrong => after(0, now),
            Answer::Skipped => Reminder { went_well: last.went_well, ..after(0, now) },
        },
    };
    let noted = state.set_reminder(keys, next);
    noted.unwrap_or_else(|error| log::warn!("when to ask next is not noted: {error}"));
    Ok(())
}

/// When to ask next.
fn after(went_well: u32, now: i64) -> Reminder {
    let step = usize::try_from(went_well).unwrap_or(usize::MAX).min(DAYS.len() - 1);
    Reminder { due_secs: now + DAYS[step] * DAY_SECS, went_well }
}

/// Whether a clock that is right can have led to this: none is so far ahead.
fn is_likely(last: Reminder, now: i64) -> bool {
    last.due_secs <= after(u32::MAX, now).due_secs
}

fn question(
    ask: &mut dyn Ask,
    vault: &VaultFolder,
    key_file: &Path,
    went_well: u32,
) -> Result<Answer, Error> {
    let has_password =
        list_slots(vault, None).is_ok_and(|slots| slots.iter().any(SlotEntry::is_password));
    let answered = match has_password && went_well.is_multiple_of(2) {
        true => about_password(ask, vault),
        false => match key_from_file(key_file) {
            Ok(key) => about_key(ask, vault.root(), &key),
            Err(_) => Ok(Answer::Skipped),
        },
    };
    match answered {
        Err(error @ AskError::Interrupted) => Err(error.into()),
        Err(_) => Ok(Answer::Skipped),
        Ok(answer) => Ok(answer),
    }
}

fn about_password(ask: &mut dyn Ask, vault: &VaultFolder) -> Result<Answer, AskError> {
    ask.say(
        "The key file opens this vault. So that the password is not found lost on the worst day, \
         please type it (Enter skips it).",
    )?;
    for _ in 0..TRIES {
        let Ok(password) = Password::new(ask.secret("Password: ")?) else {
            return Ok(Answer::Skipped);
        };
        match opens_with_password(vault.root(), vault, password) {
            Some(true) => {
                ask.say("That is right.")?;
                return Ok(Answer::Right);
            }
            Some(false) => ask.say("That does not open it.")?,
            None => return Ok(Answer::Skipped),
        }
    }
    let vault = quoted(vault.root());
    ask.say(&format!(
        "The vault is mounted all the same. If the password is forgotten, this sets a new one while \
         the vault is mounted:\n\n    hushfs passwd --forgotten {vault}\n"
    ))?;
    Ok(Answer::Wrong)
}

fn about_key(ask: &mut dyn Ask, vault: &Path, key: &RecoveryKey) -> Result<Answer, AskError> {
    ask.say(
        "The key file opens this vault. So that what you have besides this file is not found lost on \
         the worst day, please type a group of the 64-digit key from paper (Enter skips it).",
    )?;
    let group = rand::rng().random_range(0..KEY_GROUPS);
    for _ in 0..TRIES {
        let typed = ask.line(&format!("Group {} of {KEY_GROUPS}: ", group + 1))?;
        match answer(&typed) {
            "" => return Ok(Answer::Skipped),
            typed if typed.eq_ignore_ascii_case(&key.group(group)) => {
                ask.say("That is right.")?;
                return Ok(Answer::Right);
            }
            _ => ask.say("That is not this group.")?,
        }
    }
    let vault = quoted(vault);
    ask.say(&format!(
        "The vault is mounted all the same. If the key is nowhere but in this file, this writes a page \
         to print with a new one:\n\n    hushfs key sheet {vault} FILE.pdf\n"
    ))?;
    Ok(Answer::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_rarer_as_it_goes_well_and_a_clock_that_was_wrong_is_forgotten() {
        let days: Vec<i64> = (0..8).map(|well| after(well, 0).due_secs / DAY_SECS).collect();
        assert_eq!(days, [2, 7, 14, 28, 60, 120, 120, 120]);
        assert!(is_likely(after(9, 1000), 1000));
        assert!(!is_likely(after(9, 1000 + 2 * DAY_SECS), 1000));
        assert!(is_likely(Reminder { due_secs: i64::MIN, went_well: 0 }, 1000));
    }
}
