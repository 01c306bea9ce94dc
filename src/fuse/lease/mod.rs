//! Whether anybody has a file open for writing, and whether anybody has tried to since.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub use linux::{ReadLease, lease};
#[cfg(target_os = "macos")]
pub use macos::{ReadLease, lease};

/// What the kernel says of a file's writers.
#[derive(Debug)]
pub enum Leased<'a> {
    /// There are none, and none can come unseen as long as the lease is held.
    Alone(ReadLease<'a>),
    /// Somebody has it open for writing.
    Written,
    /// It cannot be told: the file is another user's, or its file system has no leases.
    Unknown,
}
