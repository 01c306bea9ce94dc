//! `hushfs unmount`: publishes, unmounts, and waits until everything is in the vault.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::Timespec;
use rustix::fs::{XattrFlags, setxattr};
use rustix::io::Errno;
use rustix::process::Pid;

use super::holders::{Holder, holders};
use super::names::Shown as _;
use super::status::{StatusError, status_of_mount, vault_mount};
use crate::fs::Status;
use crate::fuse::{self, MountError, PUBLISH_ATTRIBUTE, StillMounted};
use crate::store::StateFolder;
use crate::system::{End, has_ended_but_for_threads};

/// After so long a person wonders what is going on.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// How often a daemon is looked at that does not end.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// So many of the processes that are in the way are named.
const HOLDERS_SHOWN: usize = 10;

/// Why an unmount did not go well.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// The mount is another user's. Nothing has changed.
    #[error("{0}: another user has mounted this: only they and root can unmount it")]
    NotAllowed(PathBuf),
    /// There is no mount of a vault there, or it does not answer as it should. Nothing has
    /// changed.
    #[error(transparent)]
    Status(StatusError),
    /// The daemon is gone, and the mount it left cannot be taken away.
    #[error(transparent)]
    Dead(MountError),
    /// The vault did not take everything. It is still mounted, and nothing is lost.
    #[error("{path}: not everything could be written into the vault, so it stays mounted: {why}")]
    Publish {
        /// The path.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Programs use files in it. It is still mounted.
    #[error("{}: is in use{}", path.shown(), listed(holders))]
    Busy {
        /// The path.
        path: PathBuf,
        /// The programs; of other users' programs only root sees what they use.
        holders: Vec<Holder>,
    },
    /// The system refused. It is still mounted.
    #[error(transparent)]
    Refused(StillMounted),
    /// Unmounted, but the last part did not go well.
    #[error("{path}: unmounted, but {why}")]
    Ended {
        /// The path.
        path: PathBuf,
        /// What did not.
        why: String,
    },
}

/// Unmounts a vault; when this returns well, everything is in it.
///
/// # Errors
/// [`UnmountError`]; whether it is still mounted then, each case says.
pub fn unmount(mountpoint: &Path) -> Result<(), UnmountError> {
    let (path, top) = vault_mount(mountpoint).map_err(UnmountError::Status)?;
    if fuse::is_dead(&path) {
        fuse::remove_dead_mount(&path).map_err(UnmountError::Dead)?;
        eprintln!(
            "{}: its daemon had ended before; the mount is cleared away. \
             What was closed or synced is safe, and comes back at the next mount.",
            path.shown()
        );
        return Ok(());
    }
    step_out_of(&path);
    let status = status_of_mount(&path).map_err(of_status)?;
    let daemon = daemon_of(&status);
    publish(&path, &status)?;
    match fuse::unmount_path(&path, false) {
        Ok(()) => {}
        Err(StillMounted::Busy(path)) => {
            let holders = holders(&path, top.device);
            return Err(UnmountError::Busy { path, holders });
        }
        Err(error) => return Err(UnmountError::Refused(error)),
    }
    if let Some(daemon) = daemon {
        wait_for_end(&daemon, status.pid);
        read_end(&status).map_err(|why| UnmountError::Ended { path, why })?;
    }
    Ok(())
}

/// Not to be in the way ourselves: our working folder is the calling shell's, who will be told.
fn step_out_of(path: &Path) {
    if env::current_dir().is_ok_and(|folder| folder.starts_with(path)) {
        // If this is refused, the unmount is, and names us.
        let _ = env::set_current_dir("/");
    }
}

fn of_status(error: StatusError) -> UnmountError {
    match error {
        StatusError::NotAllowed(path) => UnmountError::NotAllowed(path),
        error => UnmountError::Status(error),
    }
}

/// The daemon, to be waited for; `None` if it is not to be seen from here (another container's).
fn daemon_of(status: &Status) -> Option<End> {
    End::of(Pid::from_raw(i32::try_from(status.pid).ok()?)?)
}

fn publish(path: &Path, before: &Status) -> Result<(), UnmountError> {
    match setxattr(path, PUBLISH_ATTRIBUTE, b"1", XattrFlags::empty()) {
        Ok(()) => Ok(()),
        // Mounted read-only: there is nothing to publish.
        Err(Errno::ROFS) if before.unpublished_operations == 0 => Ok(()),
        Err(error) => {
            let told = status_of_mount(path).ok();
            let why = told.and_then(|status| status.publish_error.or(status.read_only));
            Err(UnmountError::Publish {
                path: path.to_owned(),
                why: why.unwrap_or_else(|| error.to_string()),
            })
        }
    }
}

/// Waits without end: to stop waiting would be to say that all is well, or that it is not.
fn wait_for_end(daemon: &End, pid: u32) {
    let began = Instant::now();
    let mut is_told = !io::stderr().is_terminal();
    loop {
        match daemon.wait(Timespec::try_from(LOOK_EVERY).ok().as_ref()) {
            Ok(false) if has_ended_but_for_threads(pid) => return,
            Ok(false) if !is_told && began.elapsed() >= SILENCE_MAX => {
                eprintln!(
                    "waiting for the daemon (process {pid}): it still writes into the vault, \
                     or another container uses the mount …"
                );
                is_told = true;
            }
            Ok(false) | Err(Errno::INTR) => {}
            Ok(true) | Err(_) => return,
        }
    }
}

/// What the daemon left about its end; `Err` says what was not well.
fn read_end(status: &Status) -> Result<(), String> {
    if status.state_folder.is_empty() {
        // A read-only mount without a state folder has nothing to say.
        return Ok(());
    }
    let folder = Path::new(&status.state_folder);
    let unknown = "the daemon did not say how it ended (was it killed?); \
                   the next mount brings back what is not in the vault yet";
    let written = StateFolder::last_end_written(folder);
    let fresh = written.is_some_and(|written| written >= mounted_since(status));
    if !fresh {
        return Err(unknown.to_owned());
    }
    let end = StateFolder::last_end(folder).ok_or(unknown)?;
    if end.ok { Ok(()) } else { Err(end.message) }
}

fn mounted_since(status: &Status) -> SystemTime {
    let secs = u64::try_from(status.mounted_since).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(secs)
}

/// `: close these first` and a line for each.
fn listed(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return " by a program of another user, or as another mount's folder".to_owned();
    }
    let mut out = "; close these first:".to_owned();
    for holder in holders.iter().take(HOLDERS_SHOWN) {
        let Holder { pid, name, path } = holder;
        // Writing to a string cannot fail.
        let _ = write!(out, "\n  {} (process {pid}): {}", name.shown(), path.shown());
    }
    if holders.len() > HOLDERS_SHOWN {
        let _ = write!(out, "\n  and {} more", holders.len() - HOLDERS_SHOWN);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn status(folder: &Path, mounted_since: i64) -> Status {
        Status { state_folder: folder.display().to_string(), mounted_since, ..Status::default() }
    }

    #[test]
    fn the_daemons_last_words_are_believed_only_if_they_are_of_this_mount() {
        let folder = tempfile::tempdir().unwrap();
        let told = status(folder.path(), 0);
        assert!(read_end(&told).unwrap_err().contains("did not say"));
        let file = folder.path().join("last-end");
        fs::write(&file, r#"{"ok":true,"unpublished":false,"message":""}"#).unwrap();
        assert_eq!(read_end(&told), Ok(()));
        fs::write(&file, r#"{"ok":false,"unpublished":true,"message":"no space"}"#).unwrap();
        assert_eq!(read_end(&told), Err("no space".to_owned()));
        let later = status(folder.path(), i64::from(u32::MAX));
        assert!(read_end(&later).unwrap_err().contains("did not say"));
    }

    #[test]
    fn what_is_not_a_mount_point_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let error = unmount(folder.path()).unwrap_err();
        assert!(matches!(error, UnmountError::Status(StatusError::NotMountPoint(_))), "{error}");
        let error = unmount(Path::new("/dev")).unwrap_err();
        assert!(matches!(error, UnmountError::Status(StatusError::NotOurs { .. })), "{error}");
    }

    #[test]
    fn programs_in_the_way_are_named() {
        let holder = Holder { pid: 42, name: "vim".to_owned(), path: "/mnt/notes".into() };
        let text = listed(&vec![holder; 12]);
        assert!(text.contains("\n  vim (process 42): /mnt/notes"));
        assert!(text.ends_with("and 2 more"));
    }
}
