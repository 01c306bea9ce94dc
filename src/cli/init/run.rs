//! The command itself.

use std::path::PathBuf;

use crate::cli::args::InitArgs;
use crate::cli::ask::{Ask, Terminal};
use crate::cli::error::Error;
use crate::cli::secrets::{password_from_command, password_from_file};
use crate::cli::undo::Undo;
use crate::crypto::Password;
use crate::format::RecoveryKey;

use super::begun::{Begun, clear_leftover};
use super::error::InitError;
use super::place::Place;
use super::strength::weakness;
use super::{dialogue, key_file, make, words};

/// The ways to unlock that a new vault gets.
#[derive(Debug, Default)]
pub struct Ways {
    /// With this password.
    pub password: Option<Password>,
    /// With this key.
    pub key: Option<RecoveryKey>,
    /// Where the key was written to.
    pub key_file: Option<PathBuf>,
}

/// Makes a vault.
///
/// # Errors
/// Any but those of unlocking; what was begun is taken back.
pub fn run(args: &InitArgs) -> Result<(), Error> {
    let ways = make_new(args)?;
    println!("{}", words::last_words(&args.vault, &ways));
    Ok(())
}

/// Makes a vault, and does not say what comes next.
///
/// # Errors
/// As for [`run`].
pub(in crate::cli) fn make_new(args: &InitArgs) -> Result<Ways, Error> {
    match (args.yes, Terminal::at_hand()) {
        (true, _) => run_with(args, None),
        (false, Some(mut terminal)) => run_with(args, Some(&mut terminal)),
        (false, None) => Err(Error::Usage(
            "there is no terminal to ask at: pass --yes, and --password-file, \
             --password-command or --key-file"
                .to_owned(),
        )),
    }
}

/// As [`make_new`], with somebody to ask or nobody.
fn run_with(args: &InitArgs, mut ask: Option<&mut dyn Ask>) -> Result<Ways, Error> {
    let nothing_given =
        args.password_file.is_none() && args.password_command.is_none() && args.key_file.is_none();
    if nothing_given && ask.is_none() {
        return Err(Error::Usage(
            "with --yes, say how the vault is to be unlocked: --password-file, \
             --password-command, --key-file, or a password and a key file"
                .to_owned(),
        ));
    }
    let place = match Place::check(&args.vault) {
        Err(Error::Init(InitError::Unfinished { .. })) if clear_leftover(&args.vault)? => {
            Place::check(&args.vault)?
        }
        place => place?,
    };
    // Before the key file is: dropped after what is taken back.
    let mut begun = Begun::note(&place, args.key_file.as_deref());
    if let Some(ask) = &mut ask {
        dialogue::introduce(*ask, &args.vault)?;
    }
    let mut undo = Undo::default();
    let ways = match &mut ask {
        Some(ask) if nothing_given => dialogue::choose_ways(*ask)?,
        _ => given_ways(args, &place, &mut begun, &mut undo)?,
    };
    match &mut ask {
        Some(ask) => dialogue::affirm_saved(*ask, &ways)?,
        None => log::warn!("{}", words::warning(&ways)),
    }
    make::make_vault(&place, begun.vault, &ways, args.chunk_size, &mut undo)?;
    undo.keep();
    begun.finish();
    Ok(ways)
}

/// The ways that the command line names.
fn given_ways(
    args: &InitArgs,
    place: &Place,
    begun: &mut Begun,
    undo: &mut Undo,
) -> Result<Ways, Error> {
    let password = match (&args.password_file, &args.password_command) {
        (Some(file), _) => Some(password_from_file(file)?),
        (None, Some(command)) => Some(password_from_command(command)?),
        (None, None) => None,
    };
    if let Some(reason) = password.as_ref().and_then(weakness) {
        log::warn!("{reason}");
    }
    let key = match &args.key_file {
        Some(file) if begun.has_made(file) => Some(key_file::take_key(file)?),
        Some(file) => Some(key_file::write_new_key(file, place, undo)?),
        None => None,
    };
    Ok(Ways { password, key, key_file: args.key_file.clone() })
}
