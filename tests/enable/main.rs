//! Turning encryption on and off: nothing is lost, doubled or deleted unproven, whatever happens.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod back_again;
#[path = "../bench/copied.rs"]
mod copied;
mod cut_off;
#[path = "../bench/device.rs"]
#[allow(dead_code, reason = "shared with tests that fill vaults through the library")]
mod device;
#[path = "../bench/disk.rs"]
mod disk;
mod killed;
mod mounted;
#[path = "../bench/names.rs"]
mod names;
mod names_taken;
mod old_copies;
mod packs;
mod place;
#[path = "../bench/program.rs"]
mod program;
mod refused;
mod small_disk;
mod stays;
#[path = "../bench/terminal.rs"]
#[allow(dead_code, reason = "shared with tests that look at the terminal's mode")]
mod terminal;
mod tree;
mod whole;
