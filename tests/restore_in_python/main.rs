#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! `docs/restore.py`, which is written from `docs/format.md`, gives what `hushfs restore`
//! gives, or says what it does not. So does the short `docs/reader.py`, as far as it goes.
//!
//! Without a Python that has what it needs these tests skip themselves, unless
//! `HUSHFS_REQUIRE_FUSE=1`.

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;
#[path = "../bench/decorate.rs"]
mod decorate;
#[path = "../power_loss/dice.rs"]
mod dice;
#[path = "../bench/files.rs"]
mod files;
#[path = "../merging/fleet.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod fleet;
#[path = "../file_system_model/lists.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod lists;
#[path = "../arriving/shown.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod shown;
#[path = "../mounted/snapshot.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod snapshot;
#[path = "../merging/steps.rs"]
mod steps;

mod both;
mod damage;
mod devices;
mod hostile;
mod reader;
mod whole;

use bench::device;
