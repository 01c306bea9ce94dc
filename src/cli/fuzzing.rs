//! What only the fuzz targets call: the parsers behind the commands, without the commands.
//!
//! Compiled where `cfg(fuzzing)` is set, and so in no build but theirs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use crate::fs::Status;

use super::args::{Command, CommandLine};
use super::ask::Ask;
use super::error::Error;
use super::helper::{Invocation, as_invoked};
pub use super::unlock::unlock_asking;
use super::{holders, init, restore, status};

/// Reads a command line and what its arguments mean.
pub fn command_line(arguments: Vec<OsString>) {
    let Invocation { arguments, .. } = as_invoked(arguments);
    match CommandLine::try_parse_from(arguments) {
        Ok(CommandLine { command: Command::Mount(args), .. }) => drop(args.resolved()),
        Ok(CommandLine { command: Command::Restore(args), .. }) => {
            args.paths.iter().for_each(|path| drop(restore::components(path)));
        }
        Ok(_) => {}
        Err(error) => drop(error.render().to_string()),
    }
}

/// The dialogue of `init`, from the first question to the last.
///
/// # Errors
/// [`Error::Ask`] or [`Error::Init`].
pub fn init_dialogue(ask: &mut dyn Ask) -> Result<(), Error> {
    init::ask_everything(ask)
}

/// A status as it is shown.
pub fn described(status: &Status, now: i64) -> String {
    status::described(status, now)
}

/// The first file of a file system in a list of mappings.
pub fn mapped(maps: &str, device: (u32, u32)) -> Option<PathBuf> {
    holders::mapped(maps, device)
}
