//! What `hushfs repair` makes of damaged vaults.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
mod bench;
mod cut_off;
mod healing;
mod lost_logs;
mod patient;
