//! `hushfs diff`: what is different between two states of a vault.

use serde::Serialize;

use crate::fs::When;

use super::args::DiffArgs;
use super::error::Error;
use super::names::Shown as _;
use super::output::{say, show};
use super::past::open_history;
use super::restore::components;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Told {
    from: String,
    to: String,
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

/// Names what was added, changed and removed.
///
/// # Errors
/// [`Error`] if the vault does not open or there is no such state.
pub(super) fn run(args: &DiffArgs) -> Result<(), Error> {
    let path = match &args.path {
        Some(path) => components(path)?.join(&b'/'),
        None => Vec::new(),
    };
    let history = open_history(&args.of.vault, &args.of.unlock)?;
    let from = history.find(&args.from)?;
    let to = history.find(args.to.as_ref().unwrap_or(&When::Now))?;
    if let When::By(_) = args.from {
        say(&format!("from the state of {from}"));
    }
    if let Some(When::By(_)) = args.to {
        say(&format!("to the state of {to}"));
    }
    let diff = history.diff(from, to, &path)?;
    let as_text = |paths: &[Vec<u8>]| -> Vec<String> {
        paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    };
    let told = Told {
        from: from.id(),
        to: to.id(),
        added: as_text(&diff.added),
        changed: as_text(&diff.changed),
        removed: as_text(&diff.removed),
    };
    show(&told, args.of.json, || described(&told))
}

/// A line for each path, in the order of paths.
fn described(told: &Told) -> String {
    let marked = [("added", &told.added), ("changed", &told.changed), ("removed", &told.removed)];
    let marked = marked.into_iter();
    let mut lines: Vec<(&str, &str)> = marked
        .flat_map(|(mark, paths)| paths.iter().map(move |path| (path.as_str(), mark)))
        .collect();
    lines.sort_unstable();
    lines.into_iter().map(|(path, mark)| format!("{mark:7}  {}\n", path.shown())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_order_each_with_what_became_of_it() {
        let told = Told {
            from: String::new(),
            to: String::new(),
            added: vec!["b".into(), "d".into()],
            changed: vec!["c".into()],
            removed: vec!["a".into()],
        };
        assert_eq!(described(&told), "removed  a\nadded    b\nchanged  c\nadded    d\n");
    }
}
