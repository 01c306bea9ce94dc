//! What each system has in its own way, and no library in use with one safe signature.
//!
//! Below everything else; knows nothing of hushfs.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod process_end;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "macos")]
pub use macos::*;
pub use process_end::End;

#[cfg(target_os = "linux")]
use linux::watch_end;
#[cfg(target_os = "macos")]
use macos::watch_end;
