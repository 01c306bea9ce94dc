#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! Vaults in a folder whose packs a sync client keeps online only, as a mount has them.
//!
//! Without `/dev/fuse` these tests skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.

#[path = "../mounted/bench.rs"]
#[allow(dead_code, reason = "shared with tests that do more with a mount")]
mod bench;
mod changing;
mod cloud;
mod fetching;
mod place;
mod reading;
mod unmounted;
#[path = "../mounted/watchdog.rs"]
mod watchdog;
