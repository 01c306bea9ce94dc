//! Conflicts as a mount tells of them, and in words.

use std::path::Path;

use rustix::fs::{XattrFlags, setxattr};

use crate::cli::answer::{NoAnswer, answer};
use crate::cli::error::Error;
use crate::cli::host::NO_XATTR;
use crate::cli::names::Shown as _;
use crate::cli::status::StatusError;
use crate::cli::units::{ago, bytes, counted};
use crate::fs::{Conflict, ConflictSide, Conflicts};
use crate::fuse::{CONFLICTS_ATTRIBUTE, PUBLISH_ATTRIBUTE};

/// Asks the daemon of a mount for all of them.
///
/// # Errors
/// [`Error::Status`] or [`Error::Io`].
pub(super) fn conflicts_of_mount(mount_point: &Path) -> Result<Conflicts, Error> {
    // Only what is published says who has written it; where nothing can be, it is unknown.
    let _ = setxattr(mount_point, PUBLISH_ATTRIBUTE, b"1", XattrFlags::empty());
    let mut all = Conflicts::default();
    loop {
        let attribute = format!("{CONFLICTS_ATTRIBUTE}{}", all.conflicts.len());
        let more: Conflicts = answer(mount_point, &attribute).map_err(|error| match error {
            NoAnswer::NotUnderstood(_) | NoAnswer::Refused(NO_XATTR) => {
                StatusError::NotUnderstood(mount_point.to_owned()).into()
            }
            NoAnswer::Refused(error) => {
                let doing = format!("asking {} for conflicts", mount_point.shown());
                Error::Io { doing, source: error.into() }
            }
        })?;
        let is_last = more.conflicts.is_empty();
        all.conflicts.extend(more.conflicts);
        if is_last || all.conflicts.len() as u64 >= more.total {
            all.total = all.conflicts.len() as u64;
            return Ok(all);
        }
    }
}

/// All of them for people to read; paths are `below` that folder.
pub(super) fn described(conflicts: &Conflicts, below: &Path, now: i64) -> String {
    if conflicts.conflicts.is_empty() {
        return "no conflict copies\n".to_owned();
    }
    let mut text = String::new();
    for Conflict { named, copy } in &conflicts.conflicts {
        text.push_str(&format!("{}\n", below.join(&copy.path).shown()));
        let a = match named {
            Some(named) => format!("“{}”: {}", last_name(&named.path).shown(), facts(named, now)),
            None => "nothing has the name any more".to_owned(),
        };
        text.push_str(&format!("  A  {a}\n  B  this copy: {}\n", facts(copy, now)));
    }
    let copies = counted(conflicts.total, "conflict copy", "conflict copies");
    text + &format!("{copies}; “hushfs conflicts --keep A|B” with a path settles one\n")
}

fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn facts(version: &ConflictSide, now: i64) -> String {
    let what = match (&*version.kind, version.entries) {
        ("file", _) => bytes(version.bytes),
        ("folder", Some(entries)) => {
            format!("folder with {}", counted(entries, "entry", "entries"))
        }
        (kind, _) => kind.to_owned(),
    };
    let from = match (&version.device, &version.date) {
        (Some(device), Some(date)) => format!("from {}, {date}", device.shown()),
        _ => "from where is unknown".to_owned(),
    };
    format!("{what}, changed {}, {from}", ago(version.modified, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(path: &str, kind: &str) -> ConflictSide {
        ConflictSide {
            path: path.to_owned(),
            kind: kind.to_owned(),
            bytes: 30_000,
            entries: (kind == "folder").then_some(2),
            modified: 1000,
            device: Some("phone".to_owned()),
            date: Some("2026-11-24".to_owned()),
        }
    }

    #[test]
    fn either_version_is_told_in_a_line() {
        let unknown = ConflictSide { device: None, date: None, ..version("in/a.txt", "file") };
        let conflicts = vec![
            Conflict { named: Some(unknown), copy: version("in/a (conflict …).txt", "file") },
            Conflict { named: None, copy: version("b (conflict …)", "folder") },
        ];
        let told = described(&Conflicts { total: 2, conflicts }, Path::new("/m"), 1060);
        let expected = "\
/m/in/a (conflict …).txt
  A  “a.txt”: 30 kB, changed 1 minute ago, from where is unknown
  B  this copy: 30 kB, changed 1 minute ago, from phone, 2026-11-24
/m/b (conflict …)
  A  nothing has the name any more
  B  this copy: folder with 2 entries, changed 1 minute ago, from phone, 2026-11-24
2 conflict copies; “hushfs conflicts --keep A|B” with a path settles one
";
        assert_eq!(told, expected);
        assert_eq!(described(&Conflicts::default(), Path::new(""), 0), "no conflict copies\n");
    }
}
