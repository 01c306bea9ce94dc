//! Our own mounting, as root by the system call, else through `fusermount3`.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::process::{getgid, getuid};

use super::fusermount::{self, FusermountError};
use super::mount_info::{FUSE_TYPE, mount_at};
use super::permissions::Permissions;
use super::unmount::{MountPoint, is_dead, unmount_path};

const FUSE_DEVICE: &str = "/dev/fuse";
const FUSE_CONFIGURATION: &str = "/etc/fuse.conf";
/// The kernel's largest request.
const READ_BYTES_MAX: u32 = 1 << 20;
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
/// [`MountError::NoDevice`], [`MountError::DeviceNotAllowed`] or [`MountError::NoFusermount`].
pub fn may_mount() -> Result<(), MountError> {
    let opened = fs::File::options().read(true).write(true).open(FUSE_DEVICE);
    match opened.map_err(|error| error.kind()) {
        Err(io::ErrorKind::PermissionDenied) => return Err(MountError::DeviceNotAllowed),
        Err(_) => return Err(MountError::NoDevice),
        Ok(_) => {}
    }
    match rustix::process::geteuid().is_root() || fusermount::is_installed() {
        true => Ok(()),
        false => Err(MountError::NoFusermount),
    }
}

/// Mounts on a folder; gives the connection to the kernel, over which it already waits for an
/// answer, and what is needed to unmount. A dead mount of ours in the way is cleared away first.
///
/// # Errors
/// [`MountError`]; nothing is mounted then.
pub fn mount(folder: &Path, options: &MountOptions) -> Result<(OwnedFd, MountPoint), MountError> {
    let path = absolute_path(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => MountError::Missing(folder.to_owned()),
        _ => MountError::Refused { path: folder.to_owned(), why: error.to_string() },
    })?;
    let refused = |why: String| MountError::Refused { path: path.clone(), why };
    remove_dead_mount(&path)?;
    check_folder(&path)?;
    if !Path::new(FUSE_DEVICE).exists() {
        return Err(MountError::NoDevice);
    }
    let device = if rustix::process::geteuid().is_root() {
        match mount_as_root(&path, options) {
            // Root of a container, say, that may not mount by itself.
            Err(Errno::PERM) => mount_as_user(&path, options)?,
            Err(Errno::NOENT | Errno::NXIO | Errno::NODEV) => return Err(MountError::NoDevice),
            mounted => mounted.map_err(|error| refused(error.to_string()))?,
        }
    } else {
        mount_as_user(&path, options)?
    };
    match MountPoint::find(path.clone(), &device) {
        Ok(Some(mount_point)) => Ok((device, mount_point)),
        Ok(None) => Err(refused("the mount is gone already".to_owned())),
        Err(error) => {
            let _ = unmount_path(&path, true);
            Err(refused(error.to_string()))
        }
    }
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

fn mount_as_root(path: &Path, options: &MountOptions) -> Result<OwnedFd, Errno> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open(FUSE_DEVICE)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let data = format!(
        "fd={},rootmode=40000,user_id={},group_id={},{}",
        device.as_raw_fd(),
        getuid().as_raw(),
        getgid().as_raw(),
        common_options(options)
    );
    let data = CString::new(data).map_err(|_| Errno::INVAL)?;
    let mut flags = MountFlags::empty();
    for (flag, is_set) in [
        (MountFlags::NOSUID, !options.suid),
        (MountFlags::NODEV, !options.dev),
        (MountFlags::NOEXEC, options.noexec),
        (MountFlags::RDONLY, options.read_only),
    ] {
        flags.set(flag, is_set);
    }
    rustix::mount::mount(source(options), path, FUSE_TYPE, flags, &*data)?;
    Ok(device.into())
}

fn mount_as_user(path: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    if options.allow_other && !getuid().is_root() {
        let configuration = fs::read(FUSE_CONFIGURATION).unwrap_or_default();
        if !allows_other(&configuration) {
            return Err(MountError::OtherUsersNotAllowed);
        }
    }
    let access = if options.read_only { "ro" } else { "rw" };
    let noexec = if options.noexec { ",noexec" } else { "" };
    let options = format!(
        "{access},nosuid,nodev{noexec},subtype=hushfs,fsname={},{}",
        escape(source(options)),
        common_options(options)
    );
    fusermount::mount(path, &options).map_err(|error| match error {
        FusermountError::Missing => MountError::NoFusermount,
        FusermountError::Refused(_) if !may_open_device() => MountError::DeviceNotAllowed,
        error => MountError::Refused { path: path.to_owned(), why: error.to_string() },
    })
}

fn may_open_device() -> bool {
    let both = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    rustix::fs::access(FUSE_DEVICE, both).is_ok()
}

fn source(options: &MountOptions) -> &str {
    if options.source.is_empty() { "hushfs" } else { &options.source }
}

fn common_options(options: &MountOptions) -> String {
    let checks = match options.permissions {
        Permissions::Checked => "default_permissions,",
        Permissions::RootOnly => "",
    };
    let others = if options.allow_other { ",allow_other" } else { "" };
    format!("{checks}max_read={READ_BYTES_MAX}{others}")
}

/// Whether `/etc/fuse.conf` lets users let other users in.
fn allows_other(configuration: &[u8]) -> bool {
    configuration.split(|&b| b == b'\n').any(|line| line.trim_ascii() == b"user_allow_other")
}

/// A value among comma-separated options, as `fusermount3` reads it.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_what_the_kernel_reads() {
        let options = MountOptions::default();
        assert_eq!(common_options(&options), "default_permissions,max_read=1048576");
        assert_eq!(source(&options), "hushfs");
        let root_only = MountOptions { permissions: Permissions::RootOnly, ..options.clone() };
        assert_eq!(common_options(&root_only), "max_read=1048576");
        let others = MountOptions { allow_other: true, ..options };
        assert!(common_options(&others).ends_with(",allow_other"));
    }

    #[test]
    fn a_vault_path_with_a_comma_is_one_option() {
        assert_eq!(escape("/a,b\\c"), "/a\\,b\\\\c");
    }

    #[test]
    fn other_users_are_allowed_only_by_a_line_of_its_own() {
        assert!(!allows_other(b"#user_allow_other\n# user_allow_other\n"));
        assert!(allows_other(b"# x\n user_allow_other \n"));
        assert!(allows_other(b"user_allow_other"));
        assert!(!allows_other(b""));
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
