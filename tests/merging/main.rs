#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! Several devices that change one vault without waiting for each other: every one ends up with the
//! same, and nothing that was written is lost.

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;
#[path = "../power_loss/dice.rs"]
mod dice;
#[path = "../bench/files.rs"]
mod files;
#[path = "../arriving/shown.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod shown;

mod fleet;
mod histories;
mod origins;
mod rules;
mod steps;
