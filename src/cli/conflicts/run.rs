//! Lists or settles, in a mount through the mount itself, else by opening the vault.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::cli::args::{ConflictsArgs, Keep};
use crate::cli::descriptor::is_vault;
use crate::cli::device::open_unmounted;
use crate::cli::error::Error;
use crate::cli::mounted::{is_in_mount, mount_point_of};
use crate::cli::output::show;
use crate::format::{Ino, Time};
use crate::fs::{FileSystem, FsError, MountMode};
use crate::store::{HostDisk, VaultFolder};

use super::folder::{MountedFolder, OpenFolder};
use super::list::{conflicts_of_mount, described};
use super::settle::{Settled, settle};
use crate::cli::names::Shown as _;

/// Lists conflict copies, or settles one.
///
/// # Errors
/// [`Error`]; then nothing is settled.
pub(in crate::cli) fn run(args: &ConflictsArgs) -> Result<(), Error> {
    match args.keep {
        None => list(args),
        Some(keep) => {
            let settled = settle_one(args, keep)?;
            show(&settled, args.json, || told(&settled))
        }
    }
}

fn list(args: &ConflictsArgs) -> Result<(), Error> {
    let (below, conflicts) = match mount_point_of(&args.place)? {
        Some(mount_point) => {
            let conflicts = conflicts_of_mount(&mount_point)?;
            (mount_point, conflicts)
        }
        None => {
            let files = open(args, MountMode::ReadOnly)?;
            let conflicts = files.conflicts(0, usize::MAX);
            files.shut_down()?;
            (PathBuf::new(), conflicts.map_err(|error| refused(&args.place, &error))?)
        }
    };
    show(&conflicts, args.json, || described(&conflicts, &below, Time::now().secs))
}

fn settle_one(args: &ConflictsArgs, keep: Keep) -> Result<Settled, Error> {
    let new_name = args.new_name.as_deref().map(OsStr::as_bytes);
    let mounted = match &args.path {
        Some(path) => mount_point_of(&args.place)?.map(|mount_point| {
            let within = path.strip_prefix("/").unwrap_or(path);
            mount_point.join(within)
        }),
        None if is_vault(&VaultFolder::new(Arc::new(HostDisk), &args.place)) => {
            return Err(Error::Usage("say which one, as a path in the vault".into()));
        }
        None => Some(args.place.clone()),
    };
    if let Some(path) = mounted {
        let (parent, name) = parted(&path)?;
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let metadata = std::fs::metadata(parent)
            .map_err(|source| Error::Io { doing: format!("reading {}", parent.shown()), source })?;
        if !is_in_mount(&metadata) {
            let path = path.shown();
            return Err(Error::Usage(format!(
                "{path}: this is in no mount of a vault; of one that is not mounted, name the \
                 vault's folder, then the path in it"
            )));
        }
        return settle(&MountedFolder::new(parent), name, keep, new_name);
    }
    let path = args.path.as_deref().unwrap_or(&args.place);
    let (parent, name) = parted(path)?;
    let files = open(args, MountMode::ReadWrite)?;
    let settled = match files.status().read_only {
        Some(reason) => Err(FsError::ReadOnly(reason).into()),
        None => folder_at(&files, parent)
            .and_then(|ino| settle(&OpenFolder::new(files.clone(), ino), name, keep, new_name)),
    };
    files.shut_down()?;
    settled
}

fn open(args: &ConflictsArgs, mode: MountMode) -> Result<Arc<FileSystem>, Error> {
    open_unmounted(&args.place, args.state_dir.as_deref(), &args.unlock, mode)
}

/// A path's folder and its last name.
fn parted(path: &Path) -> Result<(&Path, &[u8]), Error> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((parent, name.as_bytes())),
        _ => Err(Error::Usage(format!("{}: this names no file", path.shown()))),
    }
}

/// The folder at a path in an open vault.
fn folder_at(files: &FileSystem, path: &Path) -> Result<Ino, Error> {
    let mut ino = Ino::ROOT;
    for part in path.components() {
        ino = match part {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => files.lookup(ino, name.as_bytes()),
            _ => return Err(Error::Usage(format!("{}: leave out “..”", path.shown()))),
        }
        .map_err(|error| refused(path, &error))?
        .ino;
    }
    Ok(ino)
}

fn refused(path: &Path, error: &FsError) -> Error {
    Error::Incomplete(format!("{}: {error}", path.shown()))
}

fn told(settled: &Settled) -> String {
    match &settled.removed {
        Some(removed) => format!("kept “{}”, removed {removed}\n", settled.kept.shown()),
        None => format!("kept “{}”\n", settled.kept.shown()),
    }
}
