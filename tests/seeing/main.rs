//! `ls`, `cat`, `find` and `du`: of a vault that is not mounted, and of a mount, which asks for nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;
use bench::device;
#[path = "../bench/decorate.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod decorate;
#[path = "../bench/files.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod files;
#[path = "../bench/terminal.rs"]
#[allow(dead_code, reason = "shared with tests that look at the terminal's mode")]
mod terminal;
#[path = "../bench/three_packs.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod three_packs;

#[path = "../mounted/bench.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod mounted;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod hostile_names;
mod in_a_mount;
mod of_a_vault;
