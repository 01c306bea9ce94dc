//! What sync clients make of names in a vault, and what a mount, `verify`, `restore` and `status`
//! make of that.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod arriving;
#[path = "../bench/mod.rs"]
mod bench;
mod clients;
#[path = "../bench/files.rs"]
mod files;
mod folders;
mod harmless;
mod histories;
mod objects;
mod safety;
mod subject;
mod while_mounted;
