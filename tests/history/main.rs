#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! Earlier states: which there are, what each changed, and getting them back, through the library and
//! the real program.

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;
use bench::device;
#[path = "../bench/decorate.rs"]
mod decorate;
#[path = "../bench/files.rs"]
mod files;
#[path = "../merging/fleet.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod fleet;
#[path = "../arriving/shown.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod shown;

#[path = "../mounted/bench.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod mounted;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod collected;
mod folder;
mod past;
mod rescues;
mod states;
mod two_devices;
mod undeleting;
