//! The history: which states of a vault can still be had, what each changed, and the vault as it was.
//!
//! A state is what the fold gives for a log object and all that come before it in the order in which
//! everybody applies them (by clock, then by device), or for a checkpoint whose log objects have been
//! collected.

mod chain;
mod diff;
mod facts;
mod past;
mod states;
mod walk;
mod when;
mod whole;

pub use diff::Diff;
pub(super) use facts::at_path;
pub use facts::{Change, Changes, Version};
pub(super) use past::Past;
pub use past::VaultHistory;
pub use states::{History, HistoryError, State};
pub(super) use walk::Telling;
pub use walk::Told;
pub use when::{When, WhenError, day_and_time, folder_name};
