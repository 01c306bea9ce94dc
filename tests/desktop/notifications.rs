//! A desktop that shows notifications to the test.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::OwnedValue;

use crate::bus::Bus;

/// What a mount needs to find out that something is wrong, on a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

/// Title and text.
pub type Shown = (String, String);

struct Server {
    shown: Sender<Shown>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[allow(clippy::too_many_arguments, reason = "the specification has so many")]
    fn notify(
        &self,
        app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        assert_eq!(app, "hushfs");
        self.shown.send((title, body)).unwrap();
        1
    }
}

pub struct Notifications {
    _bus: Connection,
    shown: Receiver<Shown>,
}

impl Notifications {
    pub fn on(bus: &Bus) -> Self {
        let (sender, shown) = channel();
        let bus = Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", Server { shown: sender })
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .build()
            .unwrap();
        Self { _bus: bus, shown }
    }

    /// What is shown next.
    pub fn next(&self) -> Shown {
        self.shown.recv_timeout(WITHIN).expect("nothing is shown")
    }

    /// Whether nothing is shown for so long.
    pub fn is_quiet_for(&self, time: Duration) -> bool {
        self.shown.recv_timeout(time).is_err()
    }
}
