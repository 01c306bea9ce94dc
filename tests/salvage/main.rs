//! What `hushfs salvage` gets out of packs when the rest of a vault is damaged or gone.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/mod.rs"]
mod bench;
mod damage;
#[path = "../bench/files.rs"]
mod files;
mod hostile;
mod names;
mod wreck;
