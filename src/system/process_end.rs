//! The end of another process.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;

/// The end of a process, to be waited for.
#[derive(Debug)]
pub struct End(OwnedFd);

impl End {
    /// Of the process with this id; `None` if it is not to be seen from here.
    pub fn of(pid: Pid) -> Option<Self> {
        super::watch_end(pid).map(Self)
    }

    /// Waits for it, no longer than this; tells whether it has come.
    ///
    /// # Errors
    /// The system's, being interrupted by a signal among them.
    pub fn wait(&self, limit: Option<&Timespec>) -> rustix::io::Result<bool> {
        let mut asked = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        poll(&mut asked, limit).map(|told| told > 0)
    }
}
