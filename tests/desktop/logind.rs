//! A logind on a bus of the test's own: it gives out what delays sleep, and says that sleep begins.

use std::io::{PipeReader, pipe};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::OwnedFd;

use crate::bus::Bus;

const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
/// What a mount needs to lock, or to begin, on a busy machine.
const WITHIN: Duration = Duration::from_secs(60);

/// What delays sleep until its other end is closed.
pub struct Delay {
    pub what: String,
    pub who: String,
    pub mode: String,
    end: PipeReader,
}

impl Delay {
    /// Whether it is let go of within this time.
    pub fn is_gone(&self, within: Duration) -> bool {
        let mut asked = [PollFd::from_borrowed_fd(self.end.as_fd(), PollFlags::IN)];
        poll(&mut asked, Some(&Timespec::try_from(within).unwrap())).unwrap() > 0
    }

    /// Waits until it is let go of.
    #[track_caller]
    pub fn wait_until_gone(&self) {
        assert!(self.is_gone(WITHIN), "sleep is delayed without end");
    }
}

struct Manager {
    given: Sender<Delay>,
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(&self, what: String, who: String, why: String, mode: String) -> OwnedFd {
        assert!(!why.is_empty());
        let (end, other_end) = pipe().unwrap();
        self.given.send(Delay { what, who, mode, end }).unwrap();
        std::os::fd::OwnedFd::from(other_end).into()
    }
}

pub struct Logind {
    bus: Connection,
    given: Receiver<Delay>,
}

impl Logind {
    pub fn on(bus: &Bus) -> Self {
        let (sender, given) = channel();
        let bus = Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at(PATH, Manager { given: sender })
            .unwrap()
            .name("org.freedesktop.login1")
            .unwrap()
            .build()
            .unwrap();
        Self { bus, given }
    }

    /// The delay that somebody asks for next.
    pub fn next_delay(&self) -> Delay {
        self.given.recv_timeout(WITHIN).expect("nobody delays sleep")
    }

    /// Says that sleep begins, or that it is over.
    pub fn say(&self, begins: bool) {
        let nobody: Option<&str> = None;
        self.bus.emit_signal(nobody, PATH, MANAGER, "PrepareForSleep", &begins).unwrap();
    }
}
