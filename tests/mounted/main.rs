#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! The program as a user has it: vaults mounted for real, by the real binary.
//!
//! Without `/dev/fuse` these tests skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.

mod access_control_lists;
mod another_user;
mod attributes;
mod bench;
mod by_handle;
#[path = "../linearizable/checker.rs"]
#[allow(dead_code, reason = "the threads of one process count overlaps, those of a mount do not")]
mod checker;
mod collecting;
mod content;
mod copied_lists;
mod copying;
mod crashes;
#[path = "../power_loss/dice.rs"]
#[allow(dead_code, reason = "shared with tests that draw more")]
mod dice;
#[path = "../bench/disk.rs"]
mod disk;
mod error_numbers;
mod fstab;
mod handles;
mod hard_times;
mod idle;
mod limits;
mod listing;
mod locking;
mod locks;
mod mapped;
mod memory;
mod mounting;
mod names;
mod namespace;
mod other_user;
mod owner_alone;
mod parallel;
#[path = "../linearizable/plain_model.rs"]
#[allow(dead_code, reason = "no call on a mount names an inode's attributes")]
mod plain_model;
mod programs;
mod reporting;
mod same_numbers;
mod secrecy;
mod set_ids;
mod snapshot;
mod times;
mod unmounting;
mod watchdog;
mod watching;
