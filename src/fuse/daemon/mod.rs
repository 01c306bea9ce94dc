//! Going into the background without losing errors, prompts or exit codes.
//!
//! The process is forked before it has threads, keys or anything else that a fork would copy; on macOS, where
//! a forked process may use nothing of the system's frameworks, it starts itself once more. The
//! child stays in the foreground of the terminal, asks for the password and mounts, and only then
//! lets go. The parent waits for that, so whoever started it finds the mount ready.
#![allow(unsafe_code, reason = "closing what is not ours is not to be had safely")]

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

use rustix::fs::Mode;
use rustix::process::{Pid, WaitOptions, WaitStatus, chdir, setsid, umask, waitpid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

/// The first descriptor after standard input, output and error.
const FIRST_OTHER: RawFd = 3;
/// Added to a signal's number, it makes the exit code of a process that the signal ended.
const SIGNAL_EXIT: i32 = 128;

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Role {
    /// The child is ready, or has ended: leave at once with this exit code, by `process::exit`.
    Parent(i32),
    /// Goes on, in the foreground until it detaches.
    Child(Detacher),
}

/// Lets go of the terminal, once.
#[derive(Debug)]
#[must_use = "the parent waits until it is used or dropped"]
pub struct Detacher {
    ready: OwnedFd,
    /// What the parent exits with once it is told.
    code: u8,
    /// Descriptors that the caller left open and nothing of ours owns.
    inherited: Vec<RawFd>,
}

/// Which of the two processes this is, as the system tells it.
#[derive(Debug)]
enum Half {
    /// Waits.
    Parent {
        /// The other one.
        child: Option<Pid>,
        /// Where it tells that it is ready.
        told: OwnedFd,
    },
    /// Goes on.
    Child {
        /// Where it tells that it is ready.
        ready: OwnedFd,
        /// What the caller left open.
        inherited: Vec<RawFd>,
    },
}

/// Forks. What the caller handed down (a pipe with the password, say) stays open until the child
/// detaches.
///
/// To be called before anything is opened and before any thread is started.
///
/// # Errors
/// If there can be no more processes or descriptors.
///
/// # Panics
/// On Linux, if the process has threads already.
pub fn fork() -> io::Result<Role> {
    match system::split()? {
        Half::Parent { child, told } => wait_for(child, &told).map(Role::Parent),
        Half::Child { ready, inherited } => Ok(Role::Child(Detacher { ready, code: 0, inherited })),
    }
}

/// Has this process be killed when the one that forked it is, or no more, where the system can do that.
///
/// # Errors
/// The system's.
pub fn end_with_parent(bound: bool) -> io::Result<()> {
    system::end_with_parent(bound)
}

/// What the process was started with beyond the standard descriptors.
fn inherited() -> Vec<RawFd> {
    let open = std::fs::read_dir(system::DESCRIPTORS).into_iter().flatten().flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // The listing's own descriptor is among them, and closed by now.
    let numbers: Vec<RawFd> = numbers.filter(|number| *number >= FIRST_OTHER).collect();
    numbers.into_iter().filter(|number| is_open(*number)).collect()
}

fn is_open(number: RawFd) -> bool {
    // SAFETY: takes any number, and tells whether it is an open descriptor's.
    unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
}

/// Waits until the child is ready or gone; gives the exit code that tells which.
fn wait_for(child: Option<Pid>, told: &OwnedFd) -> io::Result<i32> {
    let mut code = [0];
    let ready = loop {
        match rustix::io::read(told, &mut code) {
            Err(rustix::io::Errno::INTR) => {}
            read => break read? > 0,
        }
    };
    if ready {
        return Ok(code[0].into());
    }
    loop {
        match waitpid(child, WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            ended => return Ok(ended?.map_or(1, |(_, status)| exit_code(status))),
        }
    }
}

fn exit_code(status: WaitStatus) -> i32 {
    let signal = status.terminating_signal().map(|s| SIGNAL_EXIT + s);
    status.exit_status().or(signal).unwrap_or(1)
}

impl Detacher {
    /// Has the parent exit with this code although all is ready: something else is to be told.
    pub fn ready_with(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Leaves the terminal, the session and the working folder, and tells the parent that all is
    /// ready. Standard input, output and error are `/dev/null` from here on.
    ///
    /// # Errors
    /// If one of these is refused; the parent is not told then, and waits for the child's end.
    pub fn detach(self) -> io::Result<()> {
        setsid()?;
        chdir("/")?;
        umask(Mode::RWXG | Mode::RWXO);
        let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)?;
        for descriptor in self.inherited {
            // SAFETY: it was open before anything of ours was, so nothing of ours owns it.
            unsafe {
                libc::close(descriptor);
            }
        }
        match rustix::io::write(&self.ready, &[self.code]) {
            // The parent was killed: nobody waits.
            Err(rustix::io::Errno::PIPE) => Ok(()),
            told => told.map(drop).map_err(io::Error::from),
        }
    }
}
