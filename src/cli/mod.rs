//! The command line: one file for each command; prompts, progress bars, exit codes.

#![forbid(unsafe_code)]

pub mod args;
pub mod ask;
mod collect;
mod conflicts;
pub mod error;
pub mod exit;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod init;
pub mod mount_options;
pub mod secrets;
pub mod unlock;

mod answer;
mod completions;
mod descriptor;
mod device;
mod diff;
mod disable;
mod enable;
#[cfg(all(test, feature = "keyvault"))]
mod error_texts;
mod fetch;
mod helper;
mod history;
mod holders;
mod host;
mod keys;
#[cfg(feature = "keyvault")]
pub mod keyvault;
mod lock;
mod logger;
mod mount;
mod mounted;
mod names;
mod notices;
mod output;
mod past;
mod progress;
mod rekey;
mod remembered;
mod reminder;
mod repair;
mod rescue;
mod restore;
mod run;
mod salvage;
mod seeing;
mod service;
mod show;
mod sleeping;
mod status;
mod terminal;
mod undelete;
mod undo;
mod units;
mod unmount;
mod verify;
mod watch;

pub use error::Error;
pub use exit::ExitCode;
pub use holders::Holder;
pub use keys::KeyError;
pub use run::run;
pub use status::{LockedVault, StatusError, UserMount};
pub use unlock::{Tried, UnlockError};
pub use unmount::UnmountError;
