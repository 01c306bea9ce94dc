//! A new password or 64-digit key: asked for, taken from where the command line says, or drawn.

use std::path::Path;

use crate::cli::args::NewPasswordArgs;
use crate::cli::ask::{Ask, Terminal};
use crate::cli::error::Error;
use crate::cli::init::{
    Place, affirms, new_key, new_password, stretch_parameters, weakness, write_new_key,
};
use crate::cli::secrets::{password_from_command, password_from_file};
use crate::cli::undo::Undo;
use crate::crypto::{Password, VaultId};
use crate::format::SlotWay;

use super::access::SlotAccess;
use super::error::KeyError;
use super::words::warning;

/// Somebody to ask, unless nothing is to be asked.
///
/// # Errors
/// [`Error::Usage`] if there is nobody.
pub(in crate::cli) fn somebody_to_ask(
    yes: bool,
    what_to_pass: &str,
) -> Result<Option<Terminal>, Error> {
    match (yes, Terminal::at_hand()) {
        (true, _) => Ok(None),
        (false, Some(terminal)) => Ok(Some(terminal)),
        (false, None) => {
            Err(Error::Usage(format!("there is no terminal to ask at: pass {what_to_pass}")))
        }
    }
}

/// A new password, stretched; affirmed to be saved, if there is somebody to ask.
///
/// # Errors
/// [`KeyError::Declined`], or why there is none.
pub(in crate::cli) fn password_way(
    vault: &VaultId,
    given: &NewPasswordArgs,
    ask: Option<&mut dyn Ask>,
) -> Result<SlotWay, Error> {
    let password = chosen_password(given, ask)?;
    let stretch = stretch_parameters().map_err(KeyError::Stretch)?;
    Ok(SlotWay::of_password(vault, &password, stretch).map_err(KeyError::Stretch)?)
}

/// A new password; affirmed to be saved, if there is somebody to ask.
///
/// # Errors
/// [`KeyError::Declined`], or why there is none.
pub(in crate::cli) fn chosen_password(
    given: &NewPasswordArgs,
    ask: Option<&mut dyn Ask>,
) -> Result<Password, Error> {
    let given = given_password(given)?;
    Ok(match (given, ask) {
        (Some(password), None) => {
            log::warn!("{}", warning("the password"));
            password
        }
        (None, None) => {
            return Err(Error::Usage(
                "with --yes, pass the new password with --new-password-file or \
                 --new-password-command"
                    .to_owned(),
            ));
        }
        (given, Some(ask)) => {
            let password = match given {
                Some(password) => password,
                None => new_password(ask)?,
            };
            affirm(ask, "the password")?;
            password
        }
    })
}

/// The new password that the command line names, if it does; warns of a weak one.
///
/// # Errors
/// [`Error::Secrets`].
pub(in crate::cli) fn given_password(given: &NewPasswordArgs) -> Result<Option<Password>, Error> {
    let password = match (&given.new_password_file, &given.new_password_command) {
        (Some(file), _) => password_from_file(file)?,
        (None, Some(command)) => password_from_command(command)?,
        (None, None) => return Ok(None),
    };
    if let Some(reason) = weakness(&password) {
        log::warn!("{reason}");
    }
    Ok(Some(password))
}

/// A new 64-digit key, in a file or shown; affirmed to be saved, if there is somebody to ask.
///
/// # Errors
/// [`KeyError::Declined`], or why there is none; `undo` takes the file back.
pub(in crate::cli) fn key_way(
    access: &SlotAccess,
    file: Option<&Path>,
    ask: Option<&mut dyn Ask>,
    undo: &mut Undo,
) -> Result<SlotWay, Error> {
    let key = match (file, ask) {
        (None, None) => {
            return Err(Error::Usage(
                "with --yes, say where to write the new key: --new-key-file".to_owned(),
            ));
        }
        (Some(file), ask) => {
            refuse_in_mount(file, access.mounted_at())?;
            let key = write_new_key(file, &Place::of_vault(&access.vault)?, undo)?;
            match ask {
                Some(ask) => affirm(ask, "the key")?,
                None => log::warn!("{}", warning("the key")),
            }
            key
        }
        (None, Some(ask)) => {
            let key = new_key(ask)?;
            affirm(ask, "the key")?;
            key
        }
    };
    Ok(SlotWay::of_key(access.id(), &key))
}

/// Refuses a place that is locked together with the vault.
pub(in crate::cli) fn refuse_in_mount(file: &Path, mount: Option<&Path>) -> Result<(), Error> {
    let folder = std::fs::canonicalize(crate::cli::init::parent_of(file));
    let is_within = mount.is_some_and(|mount| folder.is_ok_and(|at| at.starts_with(mount)));
    match is_within {
        true => Err(KeyError::InMount { path: file.to_owned() }.into()),
        false => Ok(()),
    }
}

fn affirm(ask: &mut dyn Ask, what: &str) -> Result<(), Error> {
    ask.say(&format!("\n{}\n", warning(what)))?;
    match affirms(ask, &format!("if {what} is saved"))? {
        true => Ok(()),
        false => Err(KeyError::Declined.into()),
    }
}
