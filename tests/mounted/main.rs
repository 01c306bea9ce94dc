#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! The program as a user has it: vaults mounted for real, by the real binary.
//!
//! Without `/dev/fuse` these tests skip themselves, unless `HUSHFS_REQUIRE_FUSE=1`.

mod another_user;
mod attributes;
mod bench;
mod content;
mod crashes;
mod error_numbers;
mod fstab;
mod hard_times;
mod mapped;
mod mounting;
mod names;
mod namespace;
mod programs;
mod reporting;
mod secrecy;
mod snapshot;
mod unmounting;
mod watchdog;
