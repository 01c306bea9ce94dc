//! `hushfs service`: vaults that are mounted at login.

mod install;
mod installed;
// Tested on every system.
#[cfg(any(target_os = "macos", test))]
mod launchd;
mod list;
mod manager;
#[cfg(not(target_os = "macos"))]
mod systemd;

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
