//! What is told of fetches.

use serde::{Deserialize, Serialize};

/// Fetches under way, and what came of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchStatus {
    /// Packs that are being fetched, or wait for their turn.
    pub packs: u64,
    /// Bytes of those that have come.
    pub done_bytes: u64,
    /// Bytes of those, as far as they are known.
    pub all_bytes: u64,
    /// When the first of them was asked for, in seconds since 1970.
    pub since: Option<i64>,
    /// Packs that could not be fetched, a sentence each.
    pub failed: Vec<String>,
}

/// How far the packs of one file are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFetch {
    /// Those that are being fetched or wait for it, or the first of them.
    pub waiting: Vec<FetchedPack>,
    /// Those that could not be fetched, or the first of them.
    pub failed: Vec<FailedPack>,
}

/// A pack that could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPack {
    /// Its id, in hex.
    pub pack: String,
    /// Why.
    pub why: String,
}

/// A pack that is being fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedPack {
    /// Its id, in hex.
    pub pack: String,
    /// Bytes that have come.
    pub done_bytes: u64,
    /// Its length.
    pub all_bytes: u64,
}
