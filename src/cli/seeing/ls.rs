//! `hushfs ls`: what is in a folder.

use crate::cli::error::Error;
use crate::cli::names::Names;
use crate::cli::output::show;

use super::args::LsArgs;
use super::entry::{Entry, Told};
use super::lines::Lines;
use super::place::Place;

/// Lists a folder, or tells of one file.
///
/// # Errors
/// [`Error`] if it is not there or the vault does not open; [`Error::Damage`] or [`Error::NotArrived`] if
/// there may be more.
pub(crate) fn run(args: &LsArgs) -> Result<(), Error> {
    let place = Place::open(&args.place)?;
    let asked = place.view.entry(&place.path)?;
    let entries = match asked.is_folder() {
        true => place.view.entries(&asked)?,
        false => vec![asked],
    };
    if args.json {
        let told: Vec<Told> = entries.iter().map(Entry::told).collect();
        show(&told, true, String::new)?;
    } else {
        let (names, mut lines) = (Names::for_stdout(), Lines::new());
        for entry in &entries {
            let mut line = match args.long {
                true => entry.long(entry.name(), names),
                false => names.written(entry.name()).into_owned(),
            };
            line.push(b'\n');
            lines.write(&line)?;
        }
        lines.flush()?;
    }
    place.verdict()
}
