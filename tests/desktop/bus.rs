//! A message bus of a test's own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;

use crate::bench::skip;

/// A bus, gone when this is dropped.
pub struct Bus {
    daemon: Child,
    pub address: String,
}

/// Whether a program is there; tells that the test is left out where it is not.
///
/// # Panics
/// Where it is not, if `HUSHFS_REQUIRE_FUSE=1` says that nothing may be left out.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if !is_there {
        let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
        assert!(!must, "there is no {name}, and HUSHFS_REQUIRE_FUSE=1");
        skip(&format!("there is no {name}"));
    }
    is_there
}

impl Bus {
    /// A new bus that listens below `folder` and starts nothing by itself; `None` where there is no
    /// `dbus-daemon`.
    pub fn start(folder: &Path) -> Option<Self> {
        if !has_program("dbus-daemon") {
            return None;
        }
        let config = folder.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\
             <busconfig><type>session</type><listen>unix:dir={}</listen>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            folder.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Self { daemon, address: address.trim().to_owned() })
    }

    /// A connection to it.
    pub fn connect(&self) -> Connection {
        Builder::address(self.address.as_str()).unwrap().build().unwrap()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
