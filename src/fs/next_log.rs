//! Which log object of a device comes next, and its checkpoints: from under their own names, or from
//! copies that sync clients left.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{DeviceId, Frontier, LogHash, LogKind, ObjectName, OpenedLog};
use crate::store::StoreError;

use super::fold::{FoldGap, Logs};

impl Logs<'_> {
    /// Devices that have log objects, under whatever names.
    pub(super) fn devices(&self) -> BTreeSet<DeviceId> {
        let names = self.listing.log_names(LogKind::Increment);
        names.into_iter().map(|(device, _)| device).collect()
    }

    /// The first log object of `device` behind the frontier; `None` if there is none.
    pub(super) fn next(
        &self,
        device: DeviceId,
        frontier: &Frontier,
        refused: &BTreeMap<DeviceId, FoldGap>,
    ) -> Result<Option<OpenedLog>, FoldGap> {
        let seq = frontier.seq(device) + 1;
        if let Some(gap @ FoldGap::Unfit { seq: unfit_seq, .. }) = refused.get(&device)
            && *unfit_seq == seq
        {
            return Err(gap.clone());
        }
        let expected = frontier.get(device).map_or(LogHash::NONE, |entry| entry.hash);
        let later = self.listing.logs.range((device, seq)..=(device, u64::MAX)).next();
        let is_there = later.is_some_and(|((_, found), _)| *found == seq);
        if !is_there && let Some(log) = self.next_from_copy(device, seq, expected) {
            return Ok(Some(log));
        }
        match later {
            None => Ok(None),
            Some(((_, found), _)) if *found > seq => {
                Err(FoldGap::Missing { device, seq, last: found - 1 })
            }
            Some(_) => {
                let kind = LogKind::Increment;
                let log = self.vault.get_log_as_named(self.keys, kind, device, seq);
                let log = log.or_else(|error| {
                    let is_newer = error.is_newer();
                    let copy = || self.next_from_copy(device, seq, expected);
                    (!is_newer).then(copy).flatten().ok_or_else(|| {
                        let is_cut_short =
                            !is_newer && self.vault.log_is_cut_short(kind, device, seq);
                        FoldGap::Unreadable { device, seq, error, is_cut_short }
                    })
                })?;
                if log.previous != expected {
                    return Err(FoldGap::Replaced { device, seq: seq - 1 });
                }
                Ok(Some(log))
            }
        }
    }

    /// The log object as a copy has it, if that is the one which continues the log: the one that
    /// this device has seen, and that the next one goes on from, as far as there are such.
    fn next_from_copy(&self, device: DeviceId, seq: u64, previous: LogHash) -> Option<OpenedLog> {
        let kind = LogKind::Increment;
        let (log, path) = self.vault.log_copy(self.keys, kind, device, seq)?;
        let seen = self.seen.get(device).filter(|seen| seen.seq == seq);
        let is_seen = seen.is_none_or(|seen| seen.hash == log.hash);
        let next_seq = seq.checked_add(1)?;
        let next = self
            .listing
            .logs
            .contains_key(&(device, next_seq))
            .then(|| self.vault.get_log_as_named(self.keys, kind, device, next_seq));
        let is_gone_on_from =
            next.and_then(Result::ok).is_none_or(|next| next.previous == log.hash);
        let fits = log.previous == previous && is_seen && is_gone_on_from;
        fits.then(|| self.vault.read_from(&ObjectName::Log(kind, device, seq), &path))?;
        Some(log)
    }

    /// A checkpoint, and where it is if it is not under its own name.
    pub(super) fn checkpoint(
        &self,
        device: DeviceId,
        seq: u64,
    ) -> Result<(OpenedLog, Option<String>), StoreError> {
        let kind = LogKind::Checkpoint;
        match self.vault.get_log_as_named(self.keys, kind, device, seq) {
            Ok(log) => Ok((log, None)),
            Err(error) if error.is_newer() => Err(error),
            Err(error) => {
                let copy = self.vault.log_copy(self.keys, kind, device, seq);
                copy.map(|(log, path)| (log, Some(path))).ok_or(error)
            }
        }
    }
}
