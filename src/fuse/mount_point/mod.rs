//! Our own mounting: as root of Linux by the system call, else through the program that comes with FUSE.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

use super::mount_info::mount_at;
use super::permissions::Permissions;
use super::unmount::{MountPoint, is_dead, unmount_path};

/// So many dead mounts of ours on top of each other are cleared away.
const DEAD_MOUNTS_MAX: usize = 16;

/// How to mount.
#[derive(Clone, Debug, Default)]
pub struct MountOptions {
    /// Other users get in as well, as far as permissions allow.
    pub allow_other: bool,
    /// Who checks permissions; only root if nobody else gets in.
    pub permissions: Permissions,
    /// The kernel refuses every change.
    pub read_only: bool,
    /// Set-user-id bits count; for root only.
    pub suid: bool,
    /// Device files work; for root only.
    pub dev: bool,
    /// Programs cannot be run.
    pub noexec: bool,
    /// What `mount` shows as the source: the vault's path. Empty: `hushfs`.
    pub source: String,
}

/// Why nothing was mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// FUSE is not there.
    #[error(
        "this system has no /dev/fuse: load the kernel module with `modprobe fuse`; \
         in a container, pass the device in (docker: --device /dev/fuse --cap-add SYS_ADMIN)"
    )]
    NoDevice,
    /// This user may not open it.
    #[error("this user may not use /dev/fuse: root can allow it with `chmod 666 /dev/fuse`")]
    DeviceNotAllowed,
    /// An ordinary user needs it.
    #[error("fusermount3 is not installed: install the package fuse3, or mount as root")]
    NoFusermount,
    /// macOS has no FUSE of its own.
    #[error(
        "macFUSE is not installed, which macOS needs to mount a vault: install it with `brew install \
         --cask macfuse`, allow its system extension when macOS asks, and restart; until then, `hushfs \
         restore`, `ls` and `cat` read a vault without a mount"
    )]
    NoMacFuse,
    /// It is installed, and the kernel does not have it.
    #[error(
        "macFUSE is installed, but macOS has not loaded its system extension: allow it in System \
         Settings, Privacy & Security, and restart (on Apple silicon, macOS says how to enable system \
         extensions first)"
    )]
    ExtensionNotAllowed,
    /// The mount point does not exist.
    #[error("{0}: there is no such folder to mount on: make it with mkdir first")]
    Missing(PathBuf),
    /// The mount point is no folder.
    #[error("{0}: is not a folder, so nothing can be mounted on it")]
    NotFolder(PathBuf),
    /// The mount point has entries.
    #[error(
        "{0}: is not empty; what is in it would be hidden while mounted: choose an empty folder"
    )]
    NotEmpty(PathBuf),
    /// One of our mounts is there.
    #[error("{0}: a vault is mounted here already")]
    AlreadyMounted(PathBuf),
    /// A mount whose daemon is gone is there, and cannot be cleared away.
    #[error("{path}: a mount is here whose daemon has ended, and it cannot be unmounted: {why}")]
    Dead {
        /// The mount point.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Only root may decide this.
    #[error(
        "letting other users in needs a line `user_allow_other` in /etc/fuse.conf, \
         which root must write"
    )]
    OtherUsersNotAllowed,
    /// The system refused, for another reason.
    #[error("{path}: cannot mount: {why}")]
    Refused {
        /// The mount point.
        path: PathBuf,
        /// Its words.
        why: String,
    },
}

/// Whether this user may mount at all, as far as it can be told without mounting anything.
///
/// # Errors
/// On Linux [`MountError::NoDevice`], [`MountError::DeviceNotAllowed`] or [`MountError::NoFusermount`]; on
/// macOS [`MountError::NoMacFuse`].
pub fn may_mount() -> Result<(), MountError> {
    system::may_mount()
}

/// Mounts on a folder; gives the connection to the kernel, over which it already waits for an
/// answer, and what is needed to unmount. A dead mount of ours in the way is cleared away first.
///
/// On macOS the mount is there only once the session has answered the kernel's first questions.
///
/// # Errors
/// [`MountError`]; nothing is mounted then.
pub fn mount(folder: &Path, options: &MountOptions) -> Result<(OwnedFd, MountPoint), MountError> {
    let path = absolute_path(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => MountError::Missing(folder.to_owned()),
        _ => MountError::Refused { path: folder.to_owned(), why: error.to_string() },
    })?;
    remove_dead_mount(&path)?;
    check_folder(&path)?;
    system::mount(path, options)
}

/// A mount point's path, absolute and free of symbolic links, also where a dead mount is.
///
/// # Errors
/// If a part of the path is not there, or may not be looked at.
pub fn absolute_path(mount_point: &Path) -> io::Result<PathBuf> {
    match (mount_point.parent(), mount_point.file_name()) {
        (Some(parent), Some(name)) if is_dead(mount_point) => {
            let here = Path::new(".");
            let parent = if parent == Path::new("") { here } else { parent };
            Ok(fs::canonicalize(parent)?.join(name))
        }
        _ => fs::canonicalize(mount_point),
    }
}

/// Unmounts what is at this path (absolute, free of symbolic links), if it is ours and its daemon
/// is gone. Tells whether there was any such mount.
///
/// # Errors
/// [`MountError::Dead`], if it is somebody else's.
pub fn remove_dead_mount(path: &Path) -> Result<bool, MountError> {
    let mut removed = false;
    for _ in 0..DEAD_MOUNTS_MAX {
        if !is_dead(path) {
            break;
        }
        let dead = |why: String| MountError::Dead { path: path.to_owned(), why };
        let top = mount_at(path).map_err(|error| dead(error.to_string()))?;
        match top {
            Some(top) if top.is_hushfs() => {}
            Some(top) => return Err(dead(format!("it is {}, not hushfs", top.fs_type))),
            None => return Err(dead("it is further up in the path".to_owned())),
        }
        unmount_path(path, true).map_err(|error| dead(error.to_string()))?;
        removed = true;
    }
    Ok(removed)
}

fn check_folder(path: &Path) -> Result<(), MountError> {
    let refused =
        |error: io::Error| MountError::Refused { path: path.to_owned(), why: error.to_string() };
    if !fs::metadata(path).map_err(refused)?.is_dir() {
        return Err(MountError::NotFolder(path.to_owned()));
    }
    if mount_at(path).map_err(refused)?.is_some_and(|mount| mount.is_hushfs()) {
        return Err(MountError::AlreadyMounted(path.to_owned()));
    }
    if fs::read_dir(path).map_err(refused)?.next().is_some() {
        return Err(MountError::NotEmpty(path.to_owned()));
    }
    Ok(())
}

fn source(options: &MountOptions) -> &str {
    if options.source.is_empty() { "hushfs" } else { &options.source }
}

/// A value among comma-separated options, as the programs read it.
pub(super) fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_path_with_a_comma_is_one_option() {
        assert_eq!(escape("/a,b\\c"), "/a\\,b\\\\c");
    }

    #[test]
    fn what_cannot_be_mounted_on_is_refused_in_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        let options = MountOptions::default();
        let error = mount(&folder.path().join("none"), &options).unwrap_err();
        assert!(matches!(error, MountError::Missing(_)), "{error}");
        fs::write(folder.path().join("file"), "").unwrap();
        let error = mount(&folder.path().join("file"), &options).unwrap_err();
        assert!(matches!(error, MountError::NotFolder(_)), "{error}");
        let error = mount(folder.path(), &options).unwrap_err();
        assert!(matches!(error, MountError::NotEmpty(_)), "{error}");
    }
}
