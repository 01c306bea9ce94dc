//! Keeps keys and plaintext out of swap and core dumps (I6), and drops what root does not need.
//!
//! Each of these is a second line of defence: where the system refuses, the daemon works without.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

use rustix::process::{Resource, Rlimit, setrlimit};

/// No core dumps, no reading by debuggers, no swapping as far as limits allow. To be called before
/// the first secret is in memory.
pub fn protect_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    note("core dumps", setrlimit(Resource::Core, none));
    system::protect_memory();
}

/// As root of Linux, gives up every capability that a mount does not need, for good. Nothing for ordinary
/// users: they have none, and `fusermount3` must be able to get some.
///
/// Capabilities belong to threads: to be called before any is started. Mounting works after it.
pub fn drop_privileges() {
    system::drop_privileges();
}

fn note(what: &str, done: rustix::io::Result<()>) {
    if let Err(error) = done {
        log::debug!("{what}: {error}");
    }
}
