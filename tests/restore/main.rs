//! What `hushfs restore` brings back, how it goes on after an interruption, and what it refuses.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
mod bench;
#[path = "../bench/decorate.rs"]
mod decorate;
mod deep_tree;
mod everything;
mod full_disk;
mod going_on;
mod in_the_way;
mod other_user;
mod unpublished;
mod what_is_asked_for;

use bench::device;
