//! Signals that ask the daemon to end, as something a thread can wait for.
#![allow(unsafe_code, reason = "a signal handler cannot be installed without it")]

use std::io;
use std::mem;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

#[cfg(target_os = "linux")]
use libc::__errno_location as errno_place;
#[cfg(target_os = "macos")]
use libc::__error as errno_place;

/// What ends the daemon.
const SIGNALS: [libc::c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

/// Where the handler writes; never closed once set. -1: nowhere yet.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// The signals, once they no longer end the process by themselves.
///
/// A handler rather than a blocked mask: threads that others have started before would not have
/// that mask, and would be killed by the signal.
#[derive(Debug)]
pub(super) struct Signals {
    read_end: OwnedFd,
}

impl Signals {
    /// From here on they only wake [`Signals::wait`].
    pub(super) fn catch() -> io::Result<Self> {
        let (read_end, write_end) = io::pipe()?;
        let read_end = OwnedFd::from(read_end);
        WRITE_END.store(write_end.into_raw_fd(), Ordering::SeqCst);
        let handler: extern "C" fn(libc::c_int) = on_signal;
        for signal in SIGNALS {
            // SAFETY: all zeroes is a valid `sigaction`: no flags, an empty mask, no handler.
            let mut action: libc::sigaction = unsafe { mem::zeroed() };
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_RESTART;
            // SAFETY: `action` is initialised and names a handler of the plain kind (no
            // `SA_SIGINFO`), which does only what a handler may.
            if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self { read_end })
    }

    /// Waits for the next one.
    pub(super) fn wait(&self) -> io::Result<()> {
        loop {
            match rustix::io::read(&self.read_end, &mut [0_u8]) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }
}

extern "C" fn on_signal(_signal: libc::c_int) {
    let byte = 1_u8;
    // SAFETY: `write` and asking where `errno` is may be called in a handler; the byte is readable; the
    // descriptor was open when it was stored and nobody closes it. `errno` is put back, so that
    // the interrupted code does not see it change.
    unsafe {
        let errno = *errno_place();
        libc::write(WRITE_END.load(Ordering::SeqCst), (&raw const byte).cast(), 1);
        *errno_place() = errno;
    }
}
