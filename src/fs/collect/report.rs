//! What a collection did.

use serde::{Deserialize, Serialize};

/// What a collection did, in objects and bytes of the vault folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Packs that were removed.
    pub removed_packs: u64,
    /// Log objects and checkpoints that were removed.
    pub removed_logs: u64,
    /// Bytes of all those.
    pub freed_bytes: u64,
    /// States that could be had before and cannot any more, where the history goes back further than
    /// a day.
    #[serde(default)]
    pub thinned_states: u64,
    /// States of earlier days that are kept, one a day.
    #[serde(default)]
    pub daily_states: u64,
    /// Packs whose content was written anew.
    pub rewritten_packs: u64,
    /// Bytes of content that were.
    pub rewritten_bytes: u64,
    /// Bytes of packs that nothing needs any more but the history, or devices that may not have seen
    /// that.
    pub history_bytes: u64,
    /// Bytes of log objects and checkpoints that the newest checkpoint stands for likewise.
    #[serde(default)]
    pub history_log_bytes: u64,
    /// Other devices that are not known to have seen what has become unneeded.
    #[serde(default)]
    pub waits_for_devices: u64,
}

impl Collected {
    /// Whether nothing was done.
    pub fn is_nothing(&self) -> bool {
        Self { daily_states: 0, history_bytes: 0, history_log_bytes: 0, ..*self } == Self::default()
    }
}
