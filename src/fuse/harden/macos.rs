//! By what macOS has: it encrypts its swap, and keys are in locked pages; there is no lock for everything.
#![allow(unsafe_code, reason = "no library in use denies debuggers")]

use std::io;

use rustix::io::Errno;

use super::note;

/// From here on no debugger of this user gets to see the memory. (One that does already ends the process:
/// so the system has it.)
pub(super) fn protect_memory() {
    // SAFETY: this request reads neither of the other arguments.
    let denied = unsafe { libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0) };
    let failed = || Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO);
    note("debuggers", if denied == 0 { Ok(()) } else { Err(failed()) });
}

/// There are no capabilities to give up.
pub(super) fn drop_privileges() {}
