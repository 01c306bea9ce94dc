//! `hushfs keyvault backup` and `restore`.

use std::io;

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::cli::output::print;
use crate::keyvault::account::RESTORED_GUESSES;
use crate::keyvault::server::ServeError;
use crate::keyvault::store;

use super::args::{BackupArgs, RestoreArgs};

/// Copies a store.
///
/// # Errors
/// [`Error::Serve`]; the backup is then of no use.
pub(super) fn back_up(args: &BackupArgs) -> Result<(), Error> {
    let count = store::back_up(&args.store, &args.backup).map_err(ServeError::Store)?;
    let text = format!(
        "{count} accounts are in {}, and the server's keys: guard it as the store.\n",
        args.backup.shown()
    );
    print(io::stdout(), &text)
}

/// Makes a store of a backup.
///
/// # Errors
/// [`Error::Serve`]; the store is then of no use.
pub(super) fn restore(args: &RestoreArgs) -> Result<(), Error> {
    let count = store::restore(&args.backup, &args.store).map_err(ServeError::Store)?;
    let text = format!(
        "{count} accounts are in {}. Each has {RESTORED_GUESSES} guesses at most until the right \
         password, and clients are told that the key vault was restored.\n",
        args.store.shown()
    );
    print(io::stdout(), &text)
}
