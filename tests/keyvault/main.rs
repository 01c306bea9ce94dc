//! Key vaults: the real server, the real program, and clients that do what they should not.
//!
//! Without `/dev/fuse` the test of a mount skips itself, unless `HUSHFS_REQUIRE_FUSE=1`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[allow(dead_code, reason = "other tests need more of it than these")]
#[path = "../mounted/bench.rs"]
mod bench;
#[path = "../bench/program.rs"]
mod program;
#[allow(dead_code, reason = "other tests need more of it than these")]
#[path = "../keys/subject.rs"]
mod subject;
#[allow(dead_code, reason = "other tests need more of it than these")]
#[path = "../bench/terminal.rs"]
mod terminal;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod end_to_end;
mod frozen;
mod hostile;
mod killed;
mod operating;
mod owner;
mod raw;
mod server;
mod transcript;
