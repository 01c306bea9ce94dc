//! The keyring, the machine's sleep, services and notifications: with the real services of a desktop where
//! there are some, on a session bus of each test's own.
//!
//! Without `dbus-daemon` or `gnome-keyring-daemon` the tests that need them skip themselves, and those of
//! mounts without `/dev/fuse`, unless `HUSHFS_REQUIRE_FUSE=1`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/bench.rs"]
mod bench;
#[path = "../bench/copied.rs"]
mod copied;
#[path = "../bench/disk.rs"]
mod disk;
#[path = "../bench/program.rs"]
mod program;
#[allow(dead_code, reason = "the tests of dialogues need more of it than these")]
#[path = "../bench/terminal.rs"]
mod terminal;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod bus;
mod keyring;
mod logind;
mod noticing;
mod notifications;
mod remembering;
mod services;
mod sleeping;
