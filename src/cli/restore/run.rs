//! The command itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::args::RestoreArgs;
use crate::cli::error::Error;
use crate::cli::host::OPEN_FILES_MAX;
use crate::cli::past::open_as_of;
use crate::cli::progress::Progress;
use crate::format::Ino;
use crate::fs::FileSystem;
use crate::system::sync_volume;

use super::report::Report;
use super::target::TargetFolder;
use super::walk::{Restorer, Wanted, wanted_bytes};
use crate::cli::names::Shown as _;
use crate::cli::output::say;

/// Restores what was asked for, and says what was not.
///
/// # Errors
/// [`Error::Damage`] or [`Error::Incomplete`] if not everything was restored; or [`Error`] if the
/// vault does not open or the destination takes nothing.
pub fn run(args: &RestoreArgs) -> Result<(), Error> {
    refuse_within_vault(&args.vault, &args.destination)?;
    let paths =
        args.paths.iter().map(|path| components(path.as_path())).collect::<Result<Vec<_>, _>>()?;
    let (at, state_dir) = (args.at.as_ref(), args.state_dir.as_deref());
    let files = open_as_of(&args.vault, at, state_dir, &args.unlock, |state| {
        say(&format!("restoring the state of {state}"));
    })?;
    raise_file_limit();

    let status = files.status();
    for note in status.notes.iter().filter(|_| args.at.is_some()) {
        say(note);
    }
    let mut report = Report {
        vault_damage: status.damage,
        not_arrived: status.not_arrived,
        overwrite: args.overwrite,
        ..Report::default()
    };
    let mut wanted = Wanted::Only(BTreeMap::new());
    if paths.is_empty() {
        wanted = Wanted::All;
    }
    for path in &paths {
        if is_there(&files, path) {
            wanted.add(path);
        } else {
            let shown = path.join(&b'/');
            let shown = String::from_utf8_lossy(&shown);
            report.failed.push(format!("{shown}: there is no such file in the vault"));
        }
    }
    let (report, done) = restore_wanted(&files, &args.destination, wanted, false, report)?;
    eprint!("{}", report.problems());
    println!("{}", report.summary());
    done.and(report.verdict())
}

/// Restores everything, the attributes of the destination itself included, also where an earlier
/// run has begun; adds to the report. The second result is an error if the destination is full.
///
/// # Errors
/// [`Error::Io`] if the destination cannot be opened.
pub(in crate::cli) fn restore_all(
    files: &FileSystem,
    destination: &Path,
    report: Report,
) -> Result<(Report, Result<(), Error>), Error> {
    restore_wanted(files, destination, Wanted::All, true, report)
}

fn restore_wanted(
    files: &FileSystem,
    destination: &Path,
    wanted: Wanted,
    with_root: bool,
    report: Report,
) -> Result<(Report, Result<(), Error>), Error> {
    let opening = |source| Error::Io { doing: format!("opening {}", destination.shown()), source };
    let (root, is_fresh) = TargetFolder::open_root(destination).map_err(opening)?;
    let target = root.again().map_err(opening)?;
    let progress = Progress::of("restoring", wanted_bytes(files, &wanted)?);
    let with_root = with_root || is_fresh && wanted == Wanted::All;
    let mut restorer = Restorer {
        files,
        root: &root,
        progress: &progress,
        report,
        first_names: HashMap::new(),
        damaged_names: HashSet::new(),
    };
    let done = restorer.run(target, wanted, with_root);
    let report = restorer.report;
    drop(progress);
    let synced = sync_volume(root.descriptor()).map_err(|source| Error::Io {
        doing: format!("bringing {} to the disk", destination.shown()),
        source,
    });
    Ok((report, done.and(synced)))
}

/// As many open files as the system lets this process have: many systems start programs with less. A deep tree
/// keeps a folder open for each of its levels.
pub(in crate::cli) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.into_iter().chain(OPEN_FILES_MAX).min();
    let raised = setrlimit(Resource::Nofile, Rlimit { current: most, ..limit });
    raised.unwrap_or_else(|error| {
        log::warn!("the limit of open files stays at {:?}: {error}", limit.current)
    });
}

/// A destination in the vault would be uploaded in the clear.
///
/// # Errors
/// [`Error::Usage`].
pub(in crate::cli) fn refuse_within_vault(vault: &Path, destination: &Path) -> Result<(), Error> {
    let resolved = |path: &Path| {
        let mut existing = path.ancestors();
        existing.find_map(|path| std::fs::canonicalize(path).ok()).unwrap_or_default()
    };
    let absolute = std::path::absolute(destination).unwrap_or_else(|_| destination.to_owned());
    let Ok(vault_path) = std::fs::canonicalize(vault) else { return Ok(()) };
    if resolved(&absolute).starts_with(&vault_path) {
        return Err(Error::Usage(format!(
            "{} is in the vault, and would be uploaded unencrypted: name a folder elsewhere",
            destination.shown()
        )));
    }
    Ok(())
}

/// The names that a path in the vault consists of.
pub(in crate::cli) fn components(path: &Path) -> Result<Vec<&[u8]>, Error> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.as_bytes()),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Error::Usage(format!(
                    "{}: a path in the vault starts at its root and has no “..”",
                    path.shown()
                )));
            }
        }
    }
    Ok(names)
}

fn is_there(files: &FileSystem, path: &[&[u8]]) -> bool {
    let found = path.iter().try_fold(Ino::ROOT, |folder, name| {
        files.lookup(folder, name).map(|attributes| attributes.ino)
    });
    found.is_ok()
}
