//! How threads of one file system can meet: a scheduler tries out orders, thousands of them, in
//! which its locks are taken and its calls to the disk are made. `scripts/interleavings` runs this.
//!
//! What must hold in each order: nobody waits for ever; locks are taken in one order; what an
//! `fsync` or a `close` has promised by then is in an image of the disk without power; in the end
//! the vault alone holds everything.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod bench;
#[path = "../power_loss/blocks.rs"]
mod blocks;
#[path = "../power_loss/dice.rs"]
#[allow(dead_code, reason = "shared with tests that draw more")]
mod dice;
#[path = "../power_loss/image.rs"]
#[allow(dead_code, reason = "shared with tests that look at each call")]
mod image;
#[path = "../power_loss/kept.rs"]
#[allow(dead_code, reason = "shared with tests that look for plaintext")]
mod kept;
mod promises;
mod publishing;
mod releasing;
mod scheduled_disk;
mod schedules;
#[path = "../bench/verified.rs"]
mod verified;
