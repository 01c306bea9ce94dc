//! `hushfs completions` and `hushfs man`: what shells and man(1) know of the commands, made from the command
//! line's own words.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::CommandLine;
use super::error::Error;
use super::names::Shown as _;
use super::output::print_at_once;

const PROGRAM: &str = "hushfs";

/// `hushfs completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that they are for
    pub shell: Shell,
}

/// `hushfs man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder to write the pages to; made if it is missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Prints a shell's completions.
///
/// # Errors
/// [`Error::Io`] if standard output takes nothing.
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Error> {
    let program = CommandLine::command();
    // Bash would be offered what is hidden as well.
    let mut shown = Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .args(program.get_arguments().cloned())
        .subcommands(shown(&program).cloned());
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut shown, PROGRAM, &mut script);
    print_at_once(&script).map(drop)
}

/// Writes a page for the program and one for each command.
///
/// # Errors
/// [`Error::Io`] if the folder takes them not.
pub(super) fn man(args: &ManArgs) -> Result<(), Error> {
    let making = |source| Error::Io { doing: format!("making {}", args.folder.shown()), source };
    fs::create_dir_all(&args.folder).map_err(making)?;
    let program = CommandLine::command();
    write_page(&args.folder, &program, PROGRAM.to_owned())?;
    for command in shown(&program) {
        write_page(&args.folder, command, format!("{PROGRAM}-{}", command.get_name()))?;
    }
    Ok(())
}

/// The commands that the help shows.
fn shown(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|command| !command.is_hide_set())
}

fn write_page(folder: &Path, command: &Command, name: String) -> Result<(), Error> {
    let version = env!("CARGO_PKG_VERSION");
    let command = command
        .clone()
        .display_name(&name)
        .bin_name(name.replacen('-', " ", 1))
        .version(version)
        // It would be a page of its own, of little use.
        .disable_help_subcommand(true);
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    let rendered = Man::new(command).manual("hushfs").source(format!("hushfs {version}"));
    rendered
        .render(&mut page)
        .and_then(|()| fs::write(&path, page))
        .map_err(|source| Error::Io { doing: format!("writing {}", path.shown()), source })
}
