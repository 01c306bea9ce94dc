//! `hushfs key` and `hushfs passwd`, with real vaults, and with mounts of them.
//!
//! Without `/dev/fuse` the tests of mounts skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/bench.rs"]
mod bench;
#[path = "../bench/copied.rs"]
mod copied;
#[path = "../bench/program.rs"]
mod program;
#[path = "../bench/terminal.rs"]
mod terminal;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod adding;
mod asking;
mod in_a_sync_folder;
mod mounted;
mod passwords;
mod reminders;
mod removing;
mod sheets;
mod subject;
