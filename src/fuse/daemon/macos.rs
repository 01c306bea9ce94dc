//! By starting the program once more, as fork(2) of macOS says: a forked process may use no framework of
//! the system's, and the keychain is one.
#![allow(unsafe_code, reason = "inherited descriptors and variables are not to be had safely")]

use std::env;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Pid;

use super::{FIRST_OTHER, Half};

/// Tells the second process where to say that it is ready: the descriptor's number.
const READY_VARIABLE: &str = "_HUSHFS_READY_FD";

/// Shows the descriptors of whoever looks (fd(4)).
pub(super) const DESCRIPTORS: &str = "/dev/fd";

pub(super) fn split() -> io::Result<Half> {
    if let Some(ready) = ready_descriptor() {
        let ours = ready.as_raw_fd();
        let inherited = super::inherited().into_iter().filter(|number| *number != ours).collect();
        return Ok(Half::Child { ready, inherited });
    }
    let (told, ready) = io::pipe()?;
    // Inherited on purpose; closed here after the start.
    fcntl_setfd(&ready, FdFlags::empty())?;
    let mut arguments = env::args_os();
    let mut again = Command::new(env::current_exe()?);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    again.args(arguments).env(READY_VARIABLE, ready.as_raw_fd().to_string());
    let child = again.spawn()?;
    drop(ready);
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok(Half::Parent { child, told: told.into() })
}

/// The descriptor that the first process has left for this one, if this is the second.
fn ready_descriptor() -> Option<OwnedFd> {
    let number: RawFd = env::var(READY_VARIABLE).ok()?.parse().ok()?;
    // SAFETY: no other thread has been started, so nobody else looks at variables. Programs that this one
    // starts are no second processes.
    unsafe { env::remove_var(READY_VARIABLE) };
    if number < FIRST_OTHER || !super::is_open(number) {
        return None;
    }
    // SAFETY: it is open, and it is for this that it was inherited, so nothing else owns it.
    let ready = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl_setfd(&ready, FdFlags::CLOEXEC).ok()?;
    Some(ready)
}

/// The system cannot do that.
pub(super) fn end_with_parent(_: bool) -> io::Result<()> {
    Ok(())
}
