//! From the command line to an exit code.

use std::ffi::OsString;

use clap::Parser;

use super::args::{Command, CommandLine};
use super::error::Error;
use super::exit::ExitCode;
use super::helper::{Invocation, as_invoked};
use super::names::{Shown as _, one_line, steers};
use super::output::say_error;
use super::{
    collect, completions, conflicts, diff, disable, enable, fetch, history, init, keys, lock,
    logger, mount, rekey, repair, restore, salvage, seeing, service, show, undelete, unmount,
    verify,
};
use crate::fuse::harden;

/// Carries out the process's command line; says on standard error why it failed.
pub fn run() -> std::process::ExitCode {
    harden::protect_memory();
    code_of(std::env::args_os().collect()).into()
}

fn code_of(arguments: Vec<OsString>) -> ExitCode {
    let Invocation { arguments, fake } = as_invoked(arguments);
    let given = arguments.clone();
    let parsed = match CommandLine::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version come as errors, which are none. A closed pipe is no news.
            let error = shown_error(error, &given);
            let _ = error.print();
            return match error.exit_code() {
                0 => ExitCode::Done,
                _ => ExitCode::Usage,
            };
        }
    };
    logger::start(parsed.verbose);
    if fake {
        return ExitCode::Done;
    }
    match dispatch(&parsed.command) {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            say_error(&error);
            told_code(&parsed.command, error.exit_code())
        }
    }
}

/// launchd starts again whatever failed, once a minute; each time a wrong password may use up a guess of a
/// key vault's.
fn told_code(command: &Command, code: ExitCode) -> ExitCode {
    match command {
        Command::Mount(args) if args.under_launchd && ExitCode::LASTING.contains(&code) => {
            ExitCode::Done
        }
        _ => code,
    }
}

/// What is wrong with arguments. It repeats them, and a shell may have put files' names among them.
fn shown_error(error: clap::Error, given: &[OsString]) -> clap::Error {
    let escaped = given.iter().map(|argument| argument.shown());
    if given.iter().all(|argument| !argument.to_string_lossy().chars().any(steers)) {
        return error;
    }
    CommandLine::try_parse_from(escaped).err().unwrap_or_else(|| {
        // What is wrong is what steers.
        let text = error.render().to_string();
        let text = text.trim().trim_start_matches("error: ");
        clap::Error::raw(error.kind(), one_line(text).into_owned() + "\n")
    })
}

fn dispatch(command: &Command) -> Result<(), Error> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Enable(args) => enable::run(args),
        Command::Disable(args) => disable::run(args),
        Command::Mount(args) => mount::run(args),
        Command::Unmount(args) => Ok(unmount::unmount(&args.mountpoint)?),
        Command::Status(args) => show::run(args),
        Command::Lock => lock::run(),
        Command::Collect(args) => collect::run(args),
        Command::Ls(args) => seeing::ls(args),
        Command::Cat(args) => seeing::cat(args),
        Command::Find(args) => seeing::find(args),
        Command::Du(args) => seeing::du(args),
        Command::History(args) => history::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Undelete(args) => undelete::run(args),
        Command::Conflicts(args) => conflicts::run(args),
        Command::Fetch(args) => fetch::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Key(args) => keys::run(args),
        Command::Passwd(args) => keys::passwd::run(args),
        Command::Remember(args) => keys::remember::run(args),
        Command::Forget(args) => keys::forget::run(args),
        Command::Service(args) => service::run(args),
        Command::Rekey(args) => rekey::run(args),
        #[cfg(feature = "keyvault")]
        Command::KeyVault(args) => super::keyvault::run(args),
        Command::Repair(args) => repair::run(args),
        Command::Salvage(args) => salvage::run(args),
        Command::Completions(args) => completions::completions(args),
        Command::Man(args) => completions::man(args),
    }
}
