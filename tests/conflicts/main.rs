#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! `hushfs conflicts`, with two mounts that have changed the same without knowing of each other.
//!
//! Without `/dev/fuse` these tests skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.

#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/bench.rs"]
mod bench;
#[path = "../power_loss/dice.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod dice;
#[path = "../bench/names.rs"]
mod names;
#[path = "../sync_clients/service.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod service;
#[path = "../sync_clients/site.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod site;
#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/snapshot.rs"]
mod snapshot;
#[path = "../sync_clients/turns.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod turns;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod folders;
mod listing;
mod settling;
mod two;
