//! What verify, mount and restore do with a vault that is not as it was: the right exit code, a
//! sentence that names the object or the files, everything intact as it was, nothing changed.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
mod bench;
#[path = "../bench/copied.rs"]
mod copied;
mod every_object;
#[path = "../bench/files.rs"]
mod files;
mod log_objects;
mod packs;
mod state_folder;
mod strangers;
#[path = "../bench/three_packs.rs"]
mod three_packs;
mod unlocking;
mod victim;
