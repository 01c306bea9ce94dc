#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
//! What nothing needs leaves the vault, and nothing else does: through the library, with the vault
//! read by the real program.

#[path = "../bench/mod.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;

#[path = "../history/past.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod past;
#[path = "../arriving/shown.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod shown;

mod clock;
#[path = "../bench/copied.rs"]
mod copied;
mod devices;
#[path = "../power_loss/dice.rs"]
mod dice;
#[path = "../bench/files.rs"]
mod files;
mod history;
mod size;
mod thinned_at_random;
mod thinned_devices;
mod thinning;
mod vault;
