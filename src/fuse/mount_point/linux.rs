//! Mounting on Linux.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::process::{getgid, getuid};

use super::{MountError, MountOptions, escape, source};
use crate::fuse::fusermount::{self, FusermountError};
use crate::fuse::mount_info::FUSE_TYPE;
use crate::fuse::permissions::Permissions;
use crate::fuse::unmount::{MountPoint, unmount_path};

const FUSE_DEVICE: &str = "/dev/fuse";
const FUSE_CONFIGURATION: &str = "/etc/fuse.conf";
/// The kernel's largest request.
const READ_BYTES_MAX: u32 = 1 << 20;

pub(super) fn may_mount() -> Result<(), MountError> {
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

pub(super) fn mount(
    path: PathBuf,
    options: &MountOptions,
) -> Result<(OwnedFd, MountPoint), MountError> {
    let refused = |why: String| MountError::Refused { path: path.clone(), why };
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

fn common_options(options: &MountOptions) -> String {
    let checks = match options.permissions {
        Permissions::Checked => "default_permissions,",
        Permissions::Unchecked => "",
    };
    let others = if options.allow_other { ",allow_other" } else { "" };
    format!("{checks}max_read={READ_BYTES_MAX}{others}")
}

/// Whether `/etc/fuse.conf` lets users let other users in.
fn allows_other(configuration: &[u8]) -> bool {
    configuration.split(|&b| b == b'\n').any(|line| line.trim_ascii() == b"user_allow_other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_what_the_kernel_reads() {
        let options = MountOptions::default();
        assert_eq!(common_options(&options), "default_permissions,max_read=1048576");
        assert_eq!(source(&options), "hushfs");
        let root_only = MountOptions { permissions: Permissions::Unchecked, ..options.clone() };
        assert_eq!(common_options(&root_only), "max_read=1048576");
        let others = MountOptions { allow_other: true, ..options };
        assert!(common_options(&others).ends_with(",allow_other"));
    }

    #[test]
    fn other_users_are_allowed_only_by_a_line_of_its_own() {
        assert!(!allows_other(b"#user_allow_other\n# user_allow_other\n"));
        assert!(allows_other(b"# x\n user_allow_other \n"));
        assert!(allows_other(b"user_allow_other"));
        assert!(!allows_other(b""));
    }
}
