//! Mounting through macFUSE's own program, as its library does: the program opens a device, hands it back
//! over a socket, and mounts. It ends when the mount is there, for which the kernel has questions first.
//!
//! Not through its library, which a program would have to be linked with: without macFUSE nothing at all
//! would run then, not even what needs no mount.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};

use super::macfuse_words::{NotMounted, outcome};
use super::mount_helper::{Started, start};

const PROGRAM: &str = "/Library/Filesystems/macfuse.fs/Contents/Resources/mount_macfuse";
/// Tells the program that it is not called by hand, …
const CALLED_VARIABLE: &str = "_FUSE_CALL_BY_LIB";
/// … which program has the device, …
const DAEMON_VARIABLE: &str = "_FUSE_DAEMON_PATH";
/// … and that it may send how the mount went.
const VERSION_VARIABLE: &str = "_FUSE_COMMVERS";
const VERSION: &str = "2";

/// Why there is no mount.
#[derive(Debug, thiserror::Error)]
pub(super) enum MacFuseError {
    /// It is not installed.
    #[error("macFUSE is not installed")]
    Missing,
    /// Its part in the kernel is missing.
    #[error("macOS has not loaded macFUSE’s system extension")]
    NotLoaded,
    /// It refused, in these words.
    #[error("{0}")]
    Refused(String),
    /// It could not be run, or not be talked to.
    #[error("mount_macfuse: {0}")]
    Io(#[from] io::Error),
}

impl From<NotMounted> for MacFuseError {
    fn from(why: NotMounted) -> Self {
        match why {
            NotMounted::NotLoaded => Self::NotLoaded,
            NotMounted::Refused(words) => Self::Refused(words),
        }
    }
}

/// The program, which mounts meanwhile.
pub(super) struct Helper {
    program: Child,
    status: UnixStream,
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helper").field("pid", &self.program.id()).finish_non_exhaustive()
    }
}

/// Whether the program is there.
pub(super) fn is_installed() -> bool {
    Path::new(PROGRAM).is_file()
}

/// Begins to mount, with the comma-separated options; gives the kernel's connection, and what tells when
/// the mount is there.
pub(super) fn mount(path: &Path, options: &str) -> Result<(OwnedFd, Helper), MacFuseError> {
    if !is_installed() {
        return Err(MacFuseError::Missing);
    }
    let mut command = Command::new(PROGRAM);
    command
        .args(["-o", options])
        .arg(path)
        .env(CALLED_VARIABLE, "1")
        .env(VERSION_VARIABLE, VERSION);
    let Started { program, status, device } =
        start(command.env(DAEMON_VARIABLE, std::env::current_exe()?))?;
    let helper = Helper { program, status: status.into() };
    match device {
        Some(device) => Ok((device, helper)),
        None => {
            helper.wait()?;
            Err(MacFuseError::Refused("mount_macfuse ended without handing a device over".into()))
        }
    }
}

impl Helper {
    /// Whether it mounts no more, for better or worse.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.program.try_wait(), Ok(None))
    }

    /// Waits until the mount is there. Somebody has to answer the kernel meanwhile.
    pub(super) fn wait(mut self) -> Result<(), MacFuseError> {
        let output = self.program.wait_with_output()?;
        self.status.set_nonblocking(true)?;
        let (mut sent, mut length) = ([0; 4], 0);
        while length < sent.len() {
            match self.status.read(&mut sent[length..]) {
                Ok(more) if more > 0 => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It may send none.
                Ok(_) | Err(_) => break,
            }
        }
        Ok(outcome(output.status.success(), &sent[..length], &output.stderr)?)
    }
}
