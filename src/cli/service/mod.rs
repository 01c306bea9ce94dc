//! `hushfs service`: vaults that are mounted at login.

mod install;
mod list;
mod manager;
mod units;

use super::args::{ServiceArgs, ServiceCommand};
use super::error::Error;

/// Does what was asked for.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &ServiceArgs) -> Result<(), Error> {
    match &args.command {
        ServiceCommand::Install(args) => install::install(args),
        ServiceCommand::Uninstall(args) => install::uninstall(args),
        ServiceCommand::Status(args) => list::run(args),
    }
}
