//! `hushfs du`: what folders hold, and what of it is stored once for several.

use serde::Serialize;

use crate::cli::error::Error;
use crate::cli::names::Names;
use crate::cli::output::show;
use crate::cli::units::bytes;
use crate::fs::Usage;

use super::args::DuArgs;
use super::entry::{Entry, text_and_hex};
use super::lines::Lines;
use super::place::Place;

/// What `--json` prints of a folder.
#[derive(Debug, Serialize)]
struct Told {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(flatten)]
    usage: Usage,
}

/// Tells of the folders below one, each after what is in it, and of that one last.
///
/// # Errors
/// As for `hushfs ls`.
pub(crate) fn run(args: &DuArgs) -> Result<(), Error> {
    let place = Place::open(&args.place)?;
    let top = place.view.entry(&place.path)?;
    let mut folders: Vec<(Entry, usize)> = Vec::new();
    let mut found = vec![(top, 0)];
    while let Some((entry, depth)) = found.pop() {
        if depth < args.depth && entry.is_folder() {
            let below = place.view.entries(&entry)?.into_iter().filter(Entry::is_folder);
            found.extend(below.map(|entry| (entry, depth + 1)));
        }
        folders.push((entry, depth));
    }
    // Taken from the last to the first, and each before what is in it.
    folders.reverse();
    let mut used = Vec::with_capacity(folders.len());
    for (folder, _) in folders {
        let usage = place.view.usage(&folder)?;
        used.push((folder, usage));
    }
    if args.json {
        let told = |(Entry { path, .. }, usage): &(Entry, Usage)| {
            let (path, path_hex) = text_and_hex(path);
            Told { path, path_hex, usage: *usage }
        };
        show(&used.iter().map(told).collect::<Vec<_>>(), true, String::new)?;
    } else {
        let (names, mut lines) = (Names::for_stdout(), Lines::new());
        lines.write(b"     holds      stored     files  folder\n")?;
        for (folder, usage) in &used {
            lines.write(&line(&folder.path, usage, names))?;
        }
        lines.flush()?;
    }
    place.verdict()
}

fn line(path: &[u8], usage: &Usage, names: Names) -> Vec<u8> {
    let Usage { files, held_bytes, shared_bytes, .. } = usage;
    let (holds, stored) = (bytes(*held_bytes), bytes(held_bytes.saturating_sub(*shared_bytes)));
    let mut line = format!("{holds:>10}  {stored:>10}  {files:>8}  ").into_bytes();
    line.extend_from_slice(if path.is_empty() { b"/" } else { b"" });
    line.extend_from_slice(&names.written(path));
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_held_and_what_is_stored_for_it() {
        let usage = Usage {
            files: 12,
            folders: 1,
            size_bytes: 9_000_000,
            held_bytes: 3_400_000,
            shared_bytes: 1_400_000,
        };
        let text = |path| String::from_utf8(line(path, &usage, Names::Escaped)).unwrap();
        assert_eq!(text(b"a"), "    3.4 MB      2.0 MB        12  a\n");
        assert_eq!(text(b""), "    3.4 MB      2.0 MB        12  /\n");
    }
}
