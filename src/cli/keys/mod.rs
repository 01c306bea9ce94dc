//! `hushfs key`, `passwd`, `remember` and `forget`: the ways to unlock a vault.

pub(super) mod access;
mod add;
mod error;
pub(super) mod forget;
mod list;
pub(super) mod new_way;
pub(super) mod passwd;
pub(super) mod remember;
mod remove;
mod sheet;
mod test;
pub(super) mod words;

pub use error::KeyError;
pub(super) use new_way::given_password;

use super::args::{KeyArgs, KeyCommand};
use super::error::Error;

/// Does what was asked for.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &KeyArgs) -> Result<(), Error> {
    match &args.command {
        KeyCommand::List(args) => list::run(args),
        KeyCommand::Add(args) => add::run(args),
        KeyCommand::Remove(args) => remove::run(args),
        KeyCommand::Sheet(args) => sheet::run(args),
        KeyCommand::Test(args) => test::run(args),
    }
}
