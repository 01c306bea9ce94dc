//! Mounting on macOS, by the program that comes with macFUSE.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::{MountError, MountOptions, source};
use crate::fuse::macfuse::{self, MacFuseError};
use crate::fuse::macfuse_words::options_of;
use crate::fuse::mount_info::source_of;
use crate::fuse::unmount::MountPoint;

/// The table of mounts cuts what is longer off (`MNAMELEN`, with its NUL).
const SOURCE_BYTES_MAX: usize = 1023;

pub(super) fn may_mount() -> Result<(), MountError> {
    match macfuse::is_installed() {
        true => Ok(()),
        false => Err(MountError::NoMacFuse),
    }
}

pub(super) fn mount(
    path: PathBuf,
    options: &MountOptions,
) -> Result<(OwnedFd, MountPoint), MountError> {
    let source = source_of(source(options));
    if source.len() > SOURCE_BYTES_MAX {
        let why = "the vault’s path is longer than macOS keeps of what is mounted".to_owned();
        return Err(MountError::Refused { path, why });
    }
    let started = macfuse::mount(&path, &options_of(&path, &source, options));
    let (device, helper) = started.map_err(|error| match error {
        MacFuseError::Missing => MountError::NoMacFuse,
        MacFuseError::NotLoaded => MountError::ExtensionNotAllowed,
        error => MountError::Refused { path: path.clone(), why: error.to_string() },
    })?;
    Ok((device, MountPoint::begun(path, helper)))
}
