//! A new master key for a vault: the same files, the same history, whatever happens on the way.
//!
//! Without `/dev/fuse` the tests of mounts skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;
#[path = "../collecting/clock.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod clock;
#[path = "../bench/copied.rs"]
mod copied;
#[path = "../power_loss/dice.rs"]
mod dice;
#[path = "../bench/disk.rs"]
mod disk;
#[path = "../bench/files.rs"]
mod files;
#[path = "../merging/fleet.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod fleet;
#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/bench.rs"]
mod mount_bench;
#[path = "../bench/names.rs"]
mod names;
#[path = "../arriving/shown.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod shown;
#[path = "../merging/steps.rs"]
mod steps;
#[path = "../keys/subject.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod subject;
#[path = "../bench/terminal.rs"]
#[allow(dead_code, reason = "shared with tests that look at the terminal's mode")]
mod terminal;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

use bench::program;

mod anew;
mod asking;
mod crashes;
mod devices;
mod histories;
mod refused;
mod subject_anew;
mod tampered;
mod whole;
