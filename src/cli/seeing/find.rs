//! `hushfs find`: the files that are like this.

use crate::cli::error::Error;
use crate::cli::names::Names;
use crate::cli::output::show;
use crate::fs::FileKind;

use super::args::FindArgs;
use super::entry::{Entry, Told};
use super::lines::Lines;
use super::place::Place;

/// Tells of everything below a folder that is as asked for, each folder before what is in it.
///
/// # Errors
/// As for `hushfs ls`.
pub(crate) fn run(args: &FindArgs) -> Result<(), Error> {
    let place = Place::open(&args.place)?;
    let top = place.view.entry(&place.path)?;
    let (names, mut lines) = (Names::for_stdout(), Lines::new());
    let mut told: Vec<Told> = Vec::new();
    let mut found = match top.is_folder() {
        true => reversed(place.view.entries(&top)?),
        false => vec![top],
    };
    while let Some(entry) = found.pop() {
        if args.is_met_by(&entry) {
            match args.json {
                true => told.push(entry.told()),
                false => lines.write(&line(&entry, args, names))?,
            }
        }
        if !lines.is_read() {
            break;
        }
        if entry.is_folder() {
            found.extend(reversed(place.view.entries(&entry)?));
        }
    }
    lines.flush()?;
    drop(lines);
    if args.json {
        show(&told, true, String::new)?;
    }
    place.verdict()
}

/// The first one last, to be taken next.
fn reversed(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.reverse();
    entries
}

fn line(entry: &Entry, args: &FindArgs, names: Names) -> Vec<u8> {
    let mut line = match args.long {
        true => entry.long(&entry.path, names),
        // Whoever asks for NULs is no person at a terminal.
        false if args.print0 => entry.path.clone(),
        false => names.written(&entry.path).into_owned(),
    };
    line.push(if args.print0 { 0 } else { b'\n' });
    line
}

impl FindArgs {
    fn is_met_by(&self, entry: &Entry) -> bool {
        let (of, name) = (&entry.attributes, entry.name());
        let is_size = self.larger.is_none() && self.smaller.is_none() || of.kind == FileKind::File;
        (self.name.is_empty() || self.name.iter().any(|glob| glob.matches(name)))
            && self.newer.is_none_or(|time| of.mtime > time)
            && self.older.is_none_or(|time| of.mtime <= time)
            && is_size
            && self.larger.is_none_or(|bytes| of.size > bytes)
            && self.smaller.is_none_or(|bytes| of.size < bytes)
            && self.kind.is_none_or(|kind| kind.is_of(of.kind))
    }
}
