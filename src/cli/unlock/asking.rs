//! Where a password or key comes from: as arguments say, from the keyring, or from a person.

use crate::cli::args::UnlockArgs;
use crate::cli::ask::{Ask, Terminal};
use crate::cli::error::Error;
use crate::cli::remembered::open_remembered;
use crate::cli::secrets::{key_from_file, password_from_command, password_from_file};
use crate::crypto::VaultId;
#[cfg(feature = "keyvault")]
use crate::keyvault::client::ClientError;

use super::candidates::Candidates;
use super::error::{Tried, UnlockError};

/// How often a person may try.
const TRIES: u32 = 3;

/// Unlocks as `how` says with `open`, which tries what it is given. The keyring is asked for keys of
/// `vaults`, one of which it is.
pub(in crate::cli) fn open_as<T>(
    how: &UnlockArgs,
    vaults: &[VaultId],
    open: &dyn Fn(&Candidates) -> Result<T, UnlockError>,
) -> Result<T, Error> {
    let by_key_vault = how.wants_key_vault();
    let candidates = if let Some(file) = &how.password_file {
        Candidates::password(password_from_file(file)?)
    } else if let Some(command) = &how.password_command {
        Candidates::password(password_from_command(command)?)
    } else if let Some(file) = &how.key_file {
        Candidates::key(key_from_file(file)?)
    } else {
        if !how.no_keyring
            && !by_key_vault
            && let Some(opened) = open_remembered(vaults, open)?
        {
            return Ok(opened);
        }
        let Some(mut terminal) = Terminal::at_hand() else {
            return Err(Error::Usage(
                "there is no terminal to ask for the password at: pass --password-file, \
                 --password-command or --key-file"
                    .to_owned(),
            ));
        };
        return open_asking(&mut terminal, by_key_vault, open);
    };
    Ok(open(&Candidates { by_key_vault, ..candidates })?)
}

/// Asks until something opens, or [`TRIES`] times.
pub(super) fn open_asking<T>(
    ask: &mut dyn Ask,
    by_key_vault: bool,
    open: &dyn Fn(&Candidates) -> Result<T, UnlockError>,
) -> Result<T, Error> {
    let prompt = match by_key_vault {
        true => "Password of the key vault: ",
        false => "Password or 64-digit key: ",
    };
    let mut left = TRIES;
    loop {
        let typed = ask.secret(prompt)?;
        left -= 1;
        let opened = match Candidates::typed(typed) {
            Some(candidates) => open(&Candidates { by_key_vault, ..candidates }),
            None => Err(UnlockError::Wrong { tried: Tried::Either, hint: None }),
        };
        match opened {
            Err(error) if left > 0 && is_worth_another_try(&error) => {
                ask.say(&format!("{error}. Try again."))?;
            }
            opened => return Ok(opened?),
        }
    }
}

fn is_worth_another_try(error: &UnlockError) -> bool {
    match error {
        UnlockError::Wrong { .. } | UnlockError::SlotsDamaged { .. } => true,
        #[cfg(feature = "keyvault")]
        UnlockError::KeyVault(ClientError::WrongPassword { guesses_left }) => *guesses_left > 0,
        _ => false,
    }
}
