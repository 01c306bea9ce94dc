//! Mounting and unmounting as an ordinary user, through the setuid program of the FUSE package.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::mount_helper::{Started, last_words, start};

/// What the program is called, the newer first.
const NAMES: [&str; 2] = ["fusermount3", "fusermount"];
/// Where it may be though `PATH` does not say so.
const FOLDERS: [&str; 2] = ["/usr/bin", "/bin"];

/// Why the program did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum FusermountError {
    /// It is not installed.
    #[error("fusermount3 is not installed: install the package fuse3 (or mount as root)")]
    Missing,
    /// It refused, in these words.
    #[error("{0}")]
    Refused(String),
    /// It could not be run, or not be talked to.
    #[error("fusermount3: {0}")]
    Io(#[from] io::Error),
}

fn program() -> Result<PathBuf, FusermountError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(FOLDERS.map(PathBuf::from)).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_absolute() && program.is_file())
        .ok_or(FusermountError::Missing)
}

/// Whether the program is there.
pub(super) fn is_installed() -> bool {
    program().is_ok()
}

/// Mounts, with the comma-separated options; gives the opened `/dev/fuse`.
pub(super) fn mount(mount_point: &Path, options: &str) -> Result<OwnedFd, FusermountError> {
    let Started { program, status: _status, device } =
        start(Command::new(program()?).args(["-o", options, "--"]).arg(mount_point))?;
    let output = program.wait_with_output()?;
    match device {
        Some(device) if output.status.success() => Ok(device),
        _ => Err(FusermountError::Refused(words(&output.stderr))),
    }
}

/// Unmounts; `lazy` even while files are open.
pub(super) fn unmount(mount_point: &Path, lazy: bool) -> Result<(), FusermountError> {
    let mut arguments: Vec<OsString> = vec!["-u".into()];
    if lazy {
        arguments.push("-z".into());
    }
    let output = Command::new(program()?)
        .args(arguments)
        .arg("--")
        .arg(mount_point)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(FusermountError::Refused(words(&output.stderr)))
    }
}

/// The program's last words, without its name before them.
pub(super) fn words(stderr: &[u8]) -> String {
    last_words(stderr, "fusermount").unwrap_or_else(|| "fusermount3 failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_name_is_not_repeated_to_the_user() {
        let said = b"fusermount3: user has no write access to mountpoint /x\n";
        assert_eq!(words(said), "user has no write access to mountpoint /x");
        assert_eq!(words(b"strange: words"), "strange: words");
        assert_eq!(words(b""), "fusermount3 failed");
    }
}
