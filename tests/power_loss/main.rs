//! The durability contract on a disk that forgets what was not synced: kills and power losses at
//! any call, and disks that fail.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod bench;
mod beside;
mod blocks;
mod dice;
mod every_call;
mod faults;
mod histories;
mod image;
mod kept;
#[path = "../file_system_model/lists.rs"]
#[allow(dead_code, reason = "shared with a model that knows what a list does")]
mod lists;
mod overtaken;
mod promise;
mod rekeyed;
mod run;
mod slots;
mod steps;
mod twice;
#[path = "../bench/verified.rs"]
mod verified;
