#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! Real sync clients between copies of a vault folder, on this machine alone: what one device
//! publishes, the other one reads, and a client finds nothing to quarrel about.
//!
//! Without `/dev/fuse` or a client its tests skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.

#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/bench.rs"]
mod bench;
#[path = "../power_loss/dice.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod dice;
#[allow(dead_code, reason = "the tests of mounts need more of it than these")]
#[path = "../mounted/snapshot.rs"]
mod snapshot;
#[path = "../mounted/watchdog.rs"]
mod watchdog;

mod arrivals;
mod at_random;
mod leaving_nothing;
mod ledger;
mod rclone;
mod service;
mod site;
mod staying_mounted;
mod syncthing;
mod syncthing_group;
mod syncthing_pair;
mod three_devices;
mod turns;
mod unison;
