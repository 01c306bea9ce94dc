//! By a fork, and what `/proc` tells a process of itself.
#![allow(unsafe_code, reason = "a fork is not to be had safely")]

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, Signal, set_parent_process_death_signal};

use super::Half;

/// Shows the descriptors of whoever looks (proc(5)).
pub(super) const DESCRIPTORS: &str = "/proc/self/fd";

pub(super) fn split() -> io::Result<Half> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    assert_eq!(threads, 1, "fork before any thread is started");
    let inherited = super::inherited();
    let (told, ready) = io::pipe()?;
    // SAFETY: this is the only thread, so the child may do all that the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Half::Child { ready: ready.into(), inherited }),
        child => {
            drop(ready);
            Ok(Half::Parent { child: Pid::from_raw(child), told: OwnedFd::from(told) })
        }
    }
}

pub(super) fn end_with_parent(bound: bool) -> io::Result<()> {
    Ok(set_parent_process_death_signal(bound.then_some(Signal::KILL))?)
}
