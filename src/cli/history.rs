//! `hushfs history`: the states of a vault, or the versions of some of its files.

use serde::Serialize;

use crate::fs::{Change, Changes, Told, Version, day_and_time, folder_name};

use super::args::HistoryArgs;
use super::error::Error;
use super::names::Shown as _;
use super::output::{say, show};
use super::past::open_history;
use super::restore::components;
use super::units::{bytes, counted};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Listed {
    /// The newest first.
    states: Vec<ListedState>,
    /// There were older states, which have been collected.
    older_collected: bool,
    /// There were others between these, which have been collected.
    between_collected: bool,
    /// What keeps the newest state from being the whole story.
    gaps: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ListedState {
    id: String,
    time: String,
    #[serde(skip)]
    day_and_time: (String, String),
    device: String,
    device_id: String,
    files: u64,
    bytes: u64,
    #[serde(flatten)]
    changes: Option<ListedChanges>,
    versions: Vec<ListedVersion>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct ListedChanges {
    added: u64,
    changed: u64,
    removed: u64,
    written_bytes: u64,
}

#[derive(Debug, Serialize)]
struct ListedVersion {
    path: String,
    change: &'static str,
    bytes: Option<u64>,
    time: String,
}

/// Lists the states, the newest first.
///
/// # Errors
/// [`Error`] if the vault does not open.
pub(super) fn run(args: &HistoryArgs) -> Result<(), Error> {
    let paths = args.paths.iter().map(|path| Ok(components(path)?.join(&b'/')));
    let paths = paths.collect::<Result<Vec<_>, Error>>()?;
    let history = open_history(&args.of.vault, &args.of.unlock)?;
    let mut states = Vec::new();
    history.walk(&paths, &mut |told| {
        let is_wanted = match paths.is_empty() {
            true => told.changes.is_none_or(|changes| !changes.is_nothing()),
            false => !told.versions.is_empty(),
        };
        if is_wanted {
            states.push(listed(told));
        }
    })?;
    states.reverse();
    let gaps = history.gaps().to_vec();
    let (older_collected, between_collected) =
        (history.history().is_cut(), history.history().is_thinned());
    let listed = Listed { states, older_collected, between_collected, gaps };
    for gap in &listed.gaps {
        say(&format!("the newest states may not be all: {gap}"));
    }
    show(&listed, args.of.json, || described(&listed))
}

fn listed(told: &Told<'_>) -> ListedState {
    let Told { state, files, content_bytes, changes, versions, .. } = told;
    ListedState {
        id: state.id(),
        time: folder_name(state.published, false),
        day_and_time: day_and_time(state.published),
        device: state.device_name.clone(),
        device_id: state.device.to_string(),
        files: *files,
        bytes: *content_bytes,
        changes: changes.map(|changes| {
            let Changes { added, changed, removed, written_bytes } = changes;
            ListedChanges { added, changed, removed, written_bytes }
        }),
        versions: versions.iter().map(version).collect(),
    }
}

fn version(version: &Version) -> ListedVersion {
    ListedVersion {
        path: String::from_utf8_lossy(&version.path).into_owned(),
        change: match version.change {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        },
        bytes: version.size,
        time: folder_name(version.mtime, false),
    }
}

/// A line for each state, or for each version of what was asked for, under the days.
fn described(listed: &Listed) -> String {
    let mut text = String::new();
    let mut day = "";
    for state in &listed.states {
        let (of_day, time) = &state.day_and_time;
        if day != of_day {
            text.push_str(&format!("{of_day}\n"));
            day = of_day;
        }
        let head = format!("  {time}  {}  {}", state.id, state.device.shown());
        if state.versions.is_empty() {
            let files = counted(state.files, "file", "files");
            let changes = changes(state.changes);
            text.push_str(&format!("{head}  {files}, {}  {changes}\n", bytes(state.bytes)));
        }
        for ListedVersion { path, change, bytes: size, time } in &state.versions {
            let size = size.map_or(String::new(), |size| format!("  {}, of {time}", bytes(size)));
            text.push_str(&format!("{head}  {change}  {}{size}\n", path.shown()));
        }
    }
    text.push_str(match (listed.older_collected, listed.between_collected) {
        (true, true) => "older states, and some between these, have been collected\n",
        (true, false) => "older states have been collected\n",
        (false, true) => "some states between these have been collected\n",
        (false, false) if listed.states.is_empty() => "no states\n",
        (false, false) => "",
    });
    text
}

fn changes(changes: Option<ListedChanges>) -> String {
    let Some(ListedChanges { added, changed, removed, written_bytes }) = changes else {
        return "(what led to it has been collected)".to_owned();
    };
    let parts = [(added, "added"), (changed, "changed"), (removed, "removed")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    if written_bytes > 0 {
        parts.push(format!("{} written", bytes(written_bytes)));
    }
    format!("({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(day: &str, time: &str, changes: Option<ListedChanges>) -> ListedState {
        ListedState {
            id: "c0ffee12".to_owned(),
            time: format!("{day}T{time}Z"),
            day_and_time: (day.to_owned(), time.to_owned()),
            device: "laptop".to_owned(),
            device_id: "00".to_owned(),
            files: 1200,
            bytes: 3_400_000,
            changes,
            versions: Vec::new(),
        }
    }

    #[test]
    fn states_are_listed_below_their_days_and_versions_with_what_became_of_them() {
        let some = ListedChanges { added: 12, changed: 0, removed: 1, written_bytes: 5000 };
        let version = ListedVersion {
            path: "a/b".to_owned(),
            change: "changed",
            bytes: Some(700),
            time: "2026-11-23T09:00:00Z".to_owned(),
        };
        let mut of_path = state("2026-11-23", "10:00:00", Some(some));
        of_path.versions.push(version);
        let states = vec![
            state("2026-11-24", "18:30:05", Some(some)),
            state("2026-11-24", "18:00:00", None),
            of_path,
        ];
        let listed =
            Listed { states, older_collected: true, between_collected: true, gaps: Vec::new() };
        let expected = "\
2026-11-24
  18:30:05  c0ffee12  laptop  1,200 files, 3.4 MB  (12 added, 1 removed, 5.0 kB written)
  18:00:00  c0ffee12  laptop  1,200 files, 3.4 MB  (what led to it has been collected)
2026-11-23
  10:00:00  c0ffee12  laptop  changed  a/b  700 bytes, of 2026-11-23T09:00:00Z
older states, and some between these, have been collected
";
        assert_eq!(described(&listed), expected);
    }
}
