//! From what the command line names to something that can be looked at.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::answer::answer;
use crate::cli::descriptor::is_vault;
use crate::cli::error::Error;
use crate::cli::mounted::{mount_around, mount_point_of_vault};
use crate::cli::output::say;
use crate::cli::past::open_as_of;
use crate::cli::restore::components;
use crate::fs::{FileSystem, When, folder_name};
use crate::fuse::{STATE_ATTRIBUTE, StateAnswer, is_dead};
use crate::store::{HostDisk, VaultFolder};

use super::args::PlaceArgs;
use super::view::View;

/// What is looked at, and where in it.
pub(super) struct Place {
    pub(super) view: View,
    /// The path from the root of the vault.
    pub(super) path: Vec<u8>,
    /// Whether all that the vault has is there.
    whole: Result<(), Error>,
}

impl Place {
    /// Finds what is meant, and says which state it is of where one was asked for.
    ///
    /// # Errors
    /// [`Error`] if it does not open.
    pub(super) fn open(args: &PlaceArgs) -> Result<Self, Error> {
        let below = args.path.as_deref().unwrap_or(Path::new(""));
        let below = components(below)?.join(&b'/');
        let PlaceArgs { vault, at, .. } = args;
        if is_vault(&VaultFolder::new(Arc::new(HostDisk), vault)) {
            let mounted = mount_point_of_vault(vault)?.filter(|mount_point| !is_dead(mount_point));
            let view = mounted.map(|mount_point| of_mount(mount_point, at.as_ref())).transpose()?;
            return match view.flatten() {
                Some(view) => Ok(Self { view, path: below, whole: Ok(()) }),
                None => Self::unlocked(vault, args, below),
            };
        }
        let Some((mount_point, inside)) = mount_around(vault)? else {
            // It says what is wrong with it.
            return Self::unlocked(vault, args, below);
        };
        let inside = inside.as_os_str().as_bytes();
        let path = match (inside, &below[..]) {
            (inside, b"") => inside.to_vec(),
            (b"", below) => below.to_vec(),
            (inside, below) => [inside, below].join(&b'/'),
        };
        match of_mount(mount_point.clone(), at.as_ref())? {
            Some(view) => Ok(Self { view, path, whole: Ok(()) }),
            None => Self::unlocked(&mount_point, args, path),
        }
    }

    fn unlocked(vault: &Path, args: &PlaceArgs, path: Vec<u8>) -> Result<Self, Error> {
        let (at, state_dir) = (args.at.as_ref(), args.state_dir.as_deref());
        let files = open_as_of(vault, at, state_dir, &args.unlock, |state| {
            tell_state(&state.to_string());
        })?;
        Ok(Self { whole: wholeness(&files), view: View::Vault(files), path })
    }

    /// How it went as a whole, once what was asked for is shown.
    ///
    /// # Errors
    /// [`Error::Damage`] or [`Error::NotArrived`] if there may be more than what was shown.
    pub(super) fn verdict(self) -> Result<(), Error> {
        self.whole
    }
}

/// A mount's files, as they are or were; `None` if it does not show what was.
fn of_mount(mount_point: PathBuf, at: Option<&When>) -> Result<Option<View>, Error> {
    let Some(when) = at else {
        let root = mount_point.clone();
        return Ok(Some(View::Mount { mount_point, root, is_past: false }));
    };
    let when = match when {
        When::By(time) => folder_name(*time, true),
        When::Id(id) => id.clone(),
        When::Now => "now".to_owned(),
    };
    // Who may not ask the mount, or asks one of another version, can still unlock the vault.
    let Ok(answer) = answer::<StateAnswer>(&mount_point, &format!("{STATE_ATTRIBUTE}{when}"))
    else {
        return Ok(None);
    };
    let Some(folder) = answer.map_err(Error::Incomplete)? else { return Ok(None) };
    tell_state(folder.rsplit('/').next().unwrap_or_default());
    let root = mount_point.join(folder);
    Ok(Some(View::Mount { mount_point, root, is_past: true }))
}

fn tell_state(state: &str) {
    say(&format!("this is the state of {state}"));
}

/// Says what of a vault is not there.
fn wholeness(files: &FileSystem) -> Result<(), Error> {
    let status = files.status();
    let lacking = status.damage.iter().chain(&status.notes).chain(&status.not_arrived);
    for sentence in lacking {
        say(sentence);
    }
    match (status.damage.len(), status.not_arrived.len()) {
        (0, 0) => Ok(()),
        (0, _) => {
            Err(Error::NotArrived("not everything has arrived in the vault folder yet".to_owned()))
        }
        _ => Err(Error::Damage(
            "the vault or its state folder is damaged or lacks something: “hushfs verify” says more"
                .to_owned(),
        )),
    }
}
