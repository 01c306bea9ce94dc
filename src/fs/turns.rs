//! Whose log object comes next.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{DeviceId, Frontier, OpenedLog};

use super::fold::{FoldGap, Logs, is_covered};

/// Log objects that have been opened and not had their turn, by device and number.
pub(super) type Opened = BTreeMap<(DeviceId, u64), OpenedLog>;

/// Log objects in the order in which everybody applies them.
pub(super) struct Turns<'a> {
    logs: &'a Logs<'a>,
    refused: &'a BTreeMap<DeviceId, FoldGap>,
    devices: BTreeSet<DeviceId>,
    /// The next one of each device.
    ready: BTreeMap<DeviceId, OpenedLog>,
    /// Devices of which nothing more can be had.
    stopped: BTreeSet<DeviceId>,
    gaps: Vec<FoldGap>,
    opened: Opened,
}

impl<'a> Turns<'a> {
    /// Of the devices in `refused` nothing from their gap on has a turn; what is in `opened` is not
    /// read again.
    pub(super) fn new(
        logs: &'a Logs<'a>,
        refused: &'a BTreeMap<DeviceId, FoldGap>,
        opened: Opened,
    ) -> Self {
        let (ready, stopped, gaps) = Default::default();
        Self { logs, refused, devices: logs.devices(), ready, stopped, gaps, opened }
    }

    /// Of all that can follow `frontier`, the earliest by (clock, device): the same on every device.
    pub(super) fn next(&mut self, frontier: &Frontier) -> Option<OpenedLog> {
        for device in &self.devices {
            if self.stopped.contains(device) || self.ready.contains_key(device) {
                continue;
            }
            let next = match self.opened.remove(&(*device, frontier.seq(*device) + 1)) {
                Some(log) => Ok(Some(log)),
                None => self.logs.next(*device, frontier, self.refused),
            };
            match next {
                Ok(log) => self.ready.extend(log.map(|log| (*device, log))),
                Err(gap) => {
                    self.stopped.insert(*device);
                    self.gaps.push(gap);
                }
            }
        }
        let can_follow = self.ready.values().filter(|log| is_covered(&log.frontier, frontier));
        let device = can_follow.min_by_key(|log| (log.clock, log.device))?.device;
        self.ready.remove(&device)
    }

    /// Lets nothing more of a device have its turn: this one of its log objects was written on others
    /// than are here.
    pub(super) fn stop_at(&mut self, log: &OpenedLog) {
        let (device, seq) = (log.device, log.seq);
        self.stopped.insert(device);
        self.gaps.push(FoldGap::Replaced { device, seq });
    }

    /// What kept the rest from following `frontier`, and what was opened of it.
    pub(super) fn end(mut self, frontier: &Frontier) -> (Vec<FoldGap>, Opened) {
        if self.gaps.is_empty() {
            let missing = |log: &OpenedLog| self.logs.first_missing(&log.frontier, frontier);
            self.gaps.extend(self.ready.values().find_map(missing));
        }
        let had_no_turn = self.ready.into_values().map(|log| ((log.device, log.seq), log));
        self.opened.extend(had_no_turn);
        (self.gaps, self.opened)
    }
}
