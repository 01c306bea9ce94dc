#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! Vaults of which some objects have not arrived yet: what they show, what is said of the rest, and
//! what comes while they are open. Through the library; real sync clients are in `sync_clients`.

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;
#[path = "../power_loss/dice.rs"]
mod dice;
#[path = "../bench/files.rs"]
mod files;

mod history;
mod missing;
mod older;
mod orders;
mod shown;
mod while_open;
