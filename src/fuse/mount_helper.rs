//! What goes between us and the program of a FUSE package that mounts for us: it hands the kernel's
//! connection back over a socket. macFUSE's does as the one of Linux.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

/// Tells the program over which descriptor to hand the connection back.
const SOCKET_VARIABLE: &str = "_FUSE_COMMFD";

/// From the first moment on no other program inherits it, where the system can do that.
#[cfg(target_os = "linux")]
const RECEIVE_FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const RECEIVE_FLAGS: RecvFlags = RecvFlags::empty();

/// A program that has opened the kernel's connection, or has ended without.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) program: Child,
    /// Where it may tell more.
    pub(super) status: OwnedFd,
    /// The connection, if it has handed one over.
    pub(super) device: Option<OwnedFd>,
}

/// Starts a program with these arguments and variables, and waits for the kernel's connection.
///
/// # Errors
/// The system's.
pub(super) fn start(command: &mut Command) -> io::Result<Started> {
    let (ours, theirs) = sockets()?;
    let program = command
        .env(SOCKET_VARIABLE, theirs.as_raw_fd().to_string())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(theirs);
    let device = receive_descriptor(&ours)?;
    Ok(Started { program, status: ours, device })
}

/// Our end of a connection and the program's, which alone is inherited.
fn sockets() -> io::Result<(OwnedFd, OwnedFd)> {
    // Inheritable on purpose; ours is marked at once, theirs is closed after the start.
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None)?;
    fcntl_setfd(&ours, FdFlags::CLOEXEC)?;
    Ok((ours, theirs))
}

/// The descriptor that comes with the program's message; `None` if it ends without one.
fn receive_descriptor(socket: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    loop {
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got =
            recvmsg(&socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RECEIVE_FLAGS);
        match got {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let handed_over = ancillary.drain().find_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
                    _ => None,
                });
                if let Some(descriptor) = &handed_over {
                    fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
                }
                return Ok(handed_over);
            }
        }
    }
}

/// The program's last words, without its name before them; `None` if it said nothing.
pub(super) fn last_words(stderr: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().last()?.trim();
    let named = line.split_once(": ").filter(|(before, _)| before.contains(name));
    Some(named.map_or(line, |(_, words)| words).to_owned())
}
