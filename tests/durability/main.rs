#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! What is promised of what is on disk: nothing acknowledged is lost, nothing written changes,
//! nothing can be read without a key, and devices do not get in each other's way.
//!
//! Without `/dev/fuse` these tests skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.

#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/bench.rs"]
mod bench;
#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/snapshot.rs"]
mod snapshot;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod concurrent_devices;
#[path = "../bench/copied.rs"]
mod copied;
mod copied_state;
mod device;
mod killed;
mod sample;
mod taking_turns;
mod traces;
mod unchanging;
mod vault_watch;
