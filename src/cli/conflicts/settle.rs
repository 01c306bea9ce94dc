//! Settling one conflict: one version has the name afterwards, and the other is gone.

use serde::Serialize;

use crate::cli::args::Keep;
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::cli::restore::as_text;
use crate::tree::ConflictName;

use super::folder::Folder;

/// What was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Settled {
    /// The name that the kept version, or of both the copy, has now.
    pub(super) kept: String,
    /// What was removed, in words; `None` if nothing was.
    pub(super) removed: Option<String>,
}

/// A copy, and what it stands beside.
struct Pair {
    copy: Vec<u8>,
    /// The name that both would have.
    name: Vec<u8>,
}

/// Keeps what was chosen of a conflict copy and the file that has the name; `name` is either's.
///
/// # Errors
/// [`Error::Usage`] where there is no such conflict; [`Error::Incomplete`] where something would be
/// lost that was not asked for, or the file system refuses. Nothing has changed then.
pub(super) fn settle(
    folder: &dyn Folder,
    name: &[u8],
    keep: Keep,
    new_name: Option<&[u8]>,
) -> Result<Settled, Error> {
    let Pair { copy, name } = pair(folder, name)?;
    let not_there = || Error::Usage(format!("{}: this is not there", copy.shown()));
    let of_copy = folder.entry(&copy)?.ok_or_else(not_there)?;
    let named = folder.entry(&name)?;
    match (keep, named) {
        (Keep::A, None) => Err(Error::Incomplete(format!(
            "nothing is called “{}” any more: keep B, or remove the copy yourself",
            name.shown()
        ))),
        (Keep::A, Some(_)) => {
            if of_copy.is_folder && !of_copy.is_empty {
                return Err(not_empty(&copy, &name));
            }
            folder.remove(&copy, of_copy.is_folder)?;
            Ok(Settled { kept: as_text(&name), removed: Some("the copy".into()) })
        }
        (Keep::B, None) => {
            folder.rename(&copy, &name, false)?;
            Ok(Settled { kept: as_text(&name), removed: None })
        }
        // Renaming a name to another of the same file does nothing.
        (Keep::B, Some(named)) if named.ino == of_copy.ino => {
            folder.remove(&copy, false)?;
            Ok(Settled { kept: as_text(&name), removed: None })
        }
        (Keep::B, Some(named)) => {
            if named.is_folder != of_copy.is_folder {
                return Err(Error::Incomplete(format!(
                    "of “{}” and “{}” one is a folder: keep A, or both with a new name",
                    name.shown(),
                    copy.shown()
                )));
            }
            if named.is_folder && !named.is_empty {
                return Err(not_empty(&name, &copy));
            }
            folder.rename(&copy, &name, true)?;
            Ok(Settled { kept: as_text(&name), removed: Some("what had the name".into()) })
        }
        (Keep::Both, _) => {
            let new_name = new_name.filter(|name| !name.contains(&b'/'));
            let new_name = new_name.ok_or_else(|| {
                Error::Usage("--as takes a name in the same folder, without a slash".into())
            })?;
            folder.rename(&copy, new_name, false)?;
            Ok(Settled { kept: as_text(new_name), removed: None })
        }
    }
}

/// The copy that was meant, and what it stands beside.
fn pair(folder: &dyn Folder, name: &[u8]) -> Result<Pair, Error> {
    let names = folder.names()?;
    if let Some(told) = ConflictName::parse(name)
        && names.iter().any(|there| there == name)
    {
        let exact = names.contains(&told.name());
        let cut = names.iter().find(|there| !exact && told.may_be_cut_from(there));
        let beside = cut.cloned().unwrap_or_else(|| told.name());
        return Ok(Pair { copy: name.to_vec(), name: beside });
    }
    let is_of = |told: ConflictName| told.name() == name || told.may_be_cut_from(name);
    let mut copies: Vec<_> =
        names.iter().filter(|there| ConflictName::parse(there).is_some_and(is_of)).collect();
    copies.sort();
    match copies[..] {
        [copy] => Ok(Pair { copy: copy.clone(), name: name.to_vec() }),
        [] => Err(Error::Usage(format!("{}: there is no conflict copy of this", name.shown()))),
        _ => {
            let copies: Vec<_> =
                copies.into_iter().map(|copy| format!("“{}”", copy.shown())).collect();
            Err(Error::Usage(format!("say which copy: {}", copies.join(", "))))
        }
    }
}

fn not_empty(to_go: &[u8], to_stay: &[u8]) -> Error {
    let (to_go, to_stay) = (to_go.shown(), to_stay.shown());
    Error::Incomplete(format!(
        "the folder “{to_go}” is not empty, and nothing in it was changed: move what is to stay from \
         it into “{to_stay}”, remove the rest, and do this again"
    ))
}
