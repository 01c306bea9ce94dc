//! Who has written a log object, and what they had seen.

use crate::format::{DeviceId, Frontier, OpenedLog, Time};

/// The author of operations that are merged.
#[derive(Clone, Debug)]
pub struct Author {
    /// The device.
    pub device: DeviceId,
    /// The number of its log object.
    pub seq: u64,
    /// What it had seen before that.
    pub seen: Frontier,
    /// What its owner calls the device.
    pub device_name: String,
    /// When the log object was made.
    pub published: Time,
    /// Whether it had seen all that the merge starts from. If not, what it had seen instead is no
    /// longer told.
    pub knew_ground: bool,
}

impl Author {
    /// The author of a log object.
    pub fn of(log: &OpenedLog, knew_ground: bool) -> Self {
        Self {
            device: log.device,
            seq: log.seq,
            seen: log.frontier.clone(),
            device_name: log.device_name.clone(),
            published: log.published,
            knew_ground,
        }
    }

    /// Whether this author knew what `other` did, or is the same.
    pub fn knew(&self, other: &Self) -> bool {
        let is_own = self.device == other.device && other.seq <= self.seq;
        is_own || self.seen.seq(other.device) >= other.seq
    }
}
