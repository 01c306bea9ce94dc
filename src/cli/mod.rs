//! The command line: one file for each command; prompts, progress bars, exit codes.

#![forbid(unsafe_code)]

pub mod args;
pub mod ask;
pub mod error;
pub mod exit;
pub mod init;
pub mod mount_options;
pub mod secrets;
pub mod unlock;

mod harden;
mod helper;
mod logger;
mod pending;
mod run;
mod undo;
mod unlock_error;

pub use error::Error;
pub use exit::ExitCode;
pub use run::run;
pub use unlock_error::{Tried, UnlockError};
