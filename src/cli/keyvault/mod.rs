//! `hushfs keyvault`: registering with a key vault, unlocking with one, and running one.

pub(super) mod args;
mod open;
mod register;
#[cfg(feature = "keyvault-server")]
mod serve;
mod slots;
mod status;
#[cfg(feature = "keyvault-server")]
mod store_place;
#[cfg(feature = "keyvault-server")]
mod stored;
mod unregister;

pub(super) use open::{open_any, tell_of_guesses};

use self::args::{KeyVaultArgs, KeyVaultCommand};
use super::error::Error;

/// Does what was asked for.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &KeyVaultArgs) -> Result<(), Error> {
    match &args.command {
        KeyVaultCommand::Register(args) => register::register(args),
        KeyVaultCommand::Reset(args) => register::reset(args),
        KeyVaultCommand::Status(args) => status::run(args),
        KeyVaultCommand::Unregister(args) => unregister::run(args),
        #[cfg(feature = "keyvault-server")]
        KeyVaultCommand::Serve(args) => serve::run(args),
        #[cfg(feature = "keyvault-server")]
        KeyVaultCommand::Backup(args) => stored::back_up(args),
        #[cfg(feature = "keyvault-server")]
        KeyVaultCommand::Restore(args) => stored::restore(args),
    }
}
