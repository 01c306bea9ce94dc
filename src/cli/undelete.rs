//! `hushfs undelete`: brings back what was deleted or overwritten, in a mount or in a vault.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, setxattr};
use rustix::io::Errno;
use serde::Serialize;

use crate::crypto::ObjectId;
use crate::fs::{MountMode, Undeleted, When};
use crate::fuse::{UNDELETE_ATTRIBUTE, UndeleteAnswer, UndeleteRequest};

use super::answer::{NoAnswer, answer};
use super::args::UndeleteArgs;
use super::device::open_unmounted;
use super::error::Error;
use super::mounted::{mount_around, mount_point_of_vault};
use super::names::Shown as _;
use super::output::show;
use super::restore::components;
use super::units::{bytes, counted};

/// Brings back each path, and says where it is now.
///
/// # Errors
/// [`Error`] for the first path that cannot be brought back; [`Error::Incomplete`] if something of
/// one has been collected.
pub(super) fn run(args: &UndeleteArgs) -> Result<(), Error> {
    let done = match &args.vault {
        Some(vault) => in_vault(vault, args)?,
        None => in_mounts(args)?,
    };
    show(&done, args.json, || done.iter().map(described).collect())?;
    match done.iter().map(|done| done.undeleted.lacking_count).sum() {
        0 => Ok(()),
        lacking => {
            let files = counted(lacking, "file was", "files were");
            Err(Error::Incomplete(format!(
                "{files} left out, since content has been collected; “hushfs restore --at” gets \
                 what is left of it"
            )))
        }
    }
}

/// What came back, and below what its path is.
#[derive(Debug, Serialize)]
struct Done {
    root: String,
    #[serde(flatten)]
    undeleted: Undeleted,
}

fn in_vault(path: &Path, args: &UndeleteArgs) -> Result<Vec<Done>, Error> {
    let paths = args.paths.iter().map(|path| Ok(components(path)?.join(&b'/')));
    let paths = paths.collect::<Result<Vec<_>, Error>>()?;
    if let Some(mount_point) = mount_point_of_vault(path)? {
        let done = |path: &Vec<u8>| in_mount(&mount_point, path, args.at.as_ref());
        return paths.iter().map(done).collect();
    }
    let (state_dir, mode) = (args.state_dir.as_deref(), MountMode::ReadWrite);
    let files = open_unmounted(path, state_dir, &args.unlock, mode)?;
    let done: Result<Vec<_>, _> =
        paths.iter().map(|path| files.undelete(path, args.at.as_ref())).collect();
    files.shut_down()?;
    let root = String::new();
    Ok(done?.into_iter().map(|undeleted| Done { root: root.clone(), undeleted }).collect())
}

fn in_mounts(args: &UndeleteArgs) -> Result<Vec<Done>, Error> {
    let mut places = Vec::new();
    for path in &args.paths {
        let (mount_point, below) = mount_around(path)?.ok_or_else(|| {
            Error::Usage(format!(
                "{} is in no mount of a vault; for a vault that is not mounted, pass --vault",
                path.shown()
            ))
        })?;
        places.push((mount_point, components(&below)?.join(&b'/')));
    }
    let done = |(mount, path): &(PathBuf, Vec<u8>)| in_mount(mount, path, args.at.as_ref());
    places.iter().map(done).collect()
}

/// Asks the daemon of a mount.
fn in_mount(mount_point: &Path, path: &[u8], at: Option<&When>) -> Result<Done, Error> {
    let token = ObjectId::random().to_string();
    let request = UndeleteRequest { token, path: path.to_vec(), at: at.cloned() };
    let failed = |source: io::Error| Error::Io {
        doing: format!("asking the mount at {}", mount_point.shown()),
        source,
    };
    let refused = |error: Errno| match error {
        Errno::PERM => Error::Usage(format!(
            "{}: only root and who has mounted this can bring something back",
            mount_point.shown()
        )),
        error => failed(error.into()),
    };
    let json = serde_json::to_vec(&request).map_err(|error| failed(error.into()))?;
    setxattr(mount_point, UNDELETE_ATTRIBUTE, &json, XattrFlags::empty()).map_err(refused)?;
    let name = format!("{UNDELETE_ATTRIBUTE}.{}", request.token);
    let answered: UndeleteAnswer = answer(mount_point, &name).map_err(|error| match error {
        NoAnswer::Refused(errno) => refused(errno),
        error => failed(error.into()),
    })?;
    match answered {
        Ok(undeleted) => Ok(Done { root: mount_point.display().to_string(), undeleted }),
        Err(why) => Err(Error::Incomplete(why)),
    }
}

fn described(done: &Done) -> String {
    let Done { root, undeleted } = done;
    let mut text = String::new();
    for path in &undeleted.lacking {
        text.push_str(&format!("COLLECTED  {}\n", path.shown()));
    }
    let place = if root.is_empty() { String::new() } else { format!("{root}/") };
    let entries = counted(undeleted.entries, "entry", "entries");
    let size = bytes(undeleted.bytes);
    let Undeleted { path, state, .. } = undeleted;
    let path = format!("{place}{path}");
    text.push_str(&format!("{}: {entries}, {size}, as of {state}\n", path.shown()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_told_with_its_place_and_what_did_not_with_its_path() {
        let undeleted = Undeleted {
            path: "chats (restored 2026-11-24)".to_owned(),
            state: "2026-11-24T18:30:05Z".to_owned(),
            entries: 2,
            bytes: 5000,
            lacking: vec!["chats/b".to_owned()],
            lacking_count: 1,
            ..Undeleted::default()
        };
        let done = Done { root: "/home/ann/Chats".to_owned(), undeleted };
        let expected = "COLLECTED  chats/b\n/home/ann/Chats/chats (restored 2026-11-24): \
                        2 entries, 5.0 kB, as of 2026-11-24T18:30:05Z\n";
        assert_eq!(described(&done), expected);
    }
}
