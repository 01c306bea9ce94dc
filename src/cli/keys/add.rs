//! `hushfs key add`.

use std::io;

use crate::cli::args::KeyAddArgs;
use crate::cli::ask::Ask;
use crate::cli::error::Error;
use crate::cli::output::print;
use crate::cli::undo::Undo;

use super::access::SlotAccess;
use super::new_way::{key_way, password_way, somebody_to_ask};
use super::words::{short_id, ways_left};

/// Adds a way to unlock.
///
/// # Errors
/// [`Error`]; nothing is changed then, unless the text says so.
pub(super) fn run(args: &KeyAddArgs) -> Result<(), Error> {
    let what_to_pass = "--yes, and --new-password-file, --new-password-command or --new-key-file";
    let mut terminal = somebody_to_ask(args.yes, what_to_pass)?;
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
    let access = SlotAccess::open(&args.vault, &args.unlock)?;
    let mut undo = Undo::default();
    let way = match args.password {
        true => password_way(access.id(), &args.new_password, ask)?,
        false => key_way(&access, args.new_key_file.as_deref(), ask, &mut undo)?,
    };
    let kind = way.kind();
    let id = access.add(way, &args.name, None)?;
    undo.keep();
    let text =
        format!("Slot {} is added: a {kind}.\n{}", short_id(id), ways_left(&access.slots()?));
    print(io::stdout(), &text)
}
