//! What mounts at login and unmounts at logout, as systemd's and launchd's files say it.
//!
//! Nothing is run at the end of either: SIGTERM has a mount bring everything into the vault and unmount, and
//! that even where programs still have files open, which an unmount would refuse.
//!
//! Both are written and read on every system, so that both are tested on every system.

mod agent;
mod quoting;
mod unit;

use std::ffi::OsString;
use std::path::PathBuf;

pub use agent::places_of_agent;
pub use unit::places_of_unit;

/// A vault that is mounted at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Tells it from others, in hex.
    pub id: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// What the program is called with, from the command's name on; `--`, the vault and the mount point are
    /// the last of it.
    pub arguments: Vec<OsString>,
    /// Exit codes of the program after which to start it again would help nobody.
    pub lasting_exit_codes: Vec<u8>,
    /// Which vault, and where.
    pub places: ServicePlaces,
}

/// Which vault a service mounts, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePlaces {
    /// The vault, absolute.
    pub vault: PathBuf,
    /// Where it is mounted, absolute.
    pub mount_point: PathBuf,
}

/// Why a service cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// systemd refuses the program's path.
    #[error(
        "systemd runs no program whose path has quotes, backslashes or control characters: put {} \
         elsewhere", .0.display()
    )]
    Program(PathBuf),
    /// Property lists have no form for it.
    #[error(
        "launchd takes no words that are not UTF-8 or have control characters, as {0:?} has: give it \
         another name"
    )]
    Word(OsString),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service of the program that mounts a vault at a place.
    pub(super) fn service(vault: &str) -> Service {
        Service {
            id: "c0ffee".to_owned(),
            program: "/usr/bin/hushfs".into(),
            arguments: ["mount", "--", vault, "/home/ann/Chats"].map(Into::into).to_vec(),
            lasting_exit_codes: vec![10, 12],
            places: ServicePlaces { vault: vault.into(), mount_point: "/home/ann/Chats".into() },
        }
    }
}
