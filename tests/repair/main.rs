//! What `hushfs repair` makes of damaged vaults.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
mod bench;
mod cut_off;
#[path = "../bench/files.rs"]
mod files;
mod healing;
mod lost_logs;
mod patient;
#[path = "../bench/three_packs.rs"]
mod three_packs;
