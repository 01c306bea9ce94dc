//! Who starts what mounts at login: systemd's manager of this user, or launchd on macOS.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::error::Error;
use crate::desktop::{Service, ServiceError, ServicePlaces};

/// The one of this system.
#[cfg(not(target_os = "macos"))]
pub(super) type Ours = super::systemd::Systemd;
/// The one of this system.
#[cfg(target_os = "macos")]
pub(super) type Ours = super::launchd::Launchd;

/// What is said of a service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServiceState {
    /// Whether it is started at login, in a word.
    pub(super) enabled: String,
    /// Whether it runs, in a word.
    pub(super) active: String,
}

/// Starts services, where it is there; each is a file in a folder of the user's.
pub(super) trait Manager: Sized {
    /// What it is called.
    const NAME: &'static str;
    /// What is said once it has started one: whether it has waited until that was ready.
    const MOUNTED_NOW: &'static str;
    /// What its services pass to `hushfs mount` besides.
    const MOUNT_FLAGS: &'static [&'static str];

    /// The folder of this user's services.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is not known where that is.
    fn folder() -> Result<PathBuf, Error>;
    /// The name of a service's file.
    fn file_name(service: &Service) -> String;
    /// Whether a file of this name may be one of ours.
    fn may_be_ours(file_name: &str) -> bool;
    /// What a service's file says. What the service needs besides is made.
    ///
    /// # Errors
    /// [`Error::Usage`] if it cannot be said, [`Error`].
    fn text(service: &Service) -> Result<String, Error>;
    /// What a file of ours says; `None` if it is none.
    fn places(text: &str) -> Option<ServicePlaces>;
    /// `None` where nobody answers: there is no such manager, or no login of this user, as under `sudo`.
    fn reach() -> Option<Self>;
    /// Has what a file says started at each login, and `now` as well; `Err` is what the manager says.
    fn add(&self, file: &Path, now: bool) -> Result<(), String>;
    /// Has it started no more. What is mounted stays so.
    fn remove(&self, file: &Path, is_mounted: bool) -> Result<(), String>;
    /// Has it notice that files are gone.
    fn notice_removal(&self) -> Result<(), String>;
    /// What it says of a service.
    fn state(&self, file_name: &str) -> ServiceState;
    /// What to type where it could not be reached, once it can be; `None` if nothing.
    fn command_for_later(file_name: &str) -> Option<String>;
    /// Where it is said why a service does not start.
    fn where_it_says_why(file: &Path) -> String;
}

/// As what is passed to a command wrongly.
pub(super) fn usage(error: ServiceError) -> Error {
    Error::Usage(error.to_string())
}

/// Standard output of a program; `Err` if it fails: what it says then.
pub(super) fn said_by(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match (output.status.success(), text(&output.stdout)) {
        (true, said) => Ok(said),
        (false, said) if said.is_empty() => Err(text(&output.stderr)),
        (false, said) => Err(said),
    }
}

/// The name of a service's file.
pub(super) fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder that a variable names, if that is absolute.
pub(super) fn folder_of(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
