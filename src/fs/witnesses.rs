//! What log objects and checkpoints say of each other: each names, by hash, those that it was
//! written on. So one that was replaced by another version of itself is known, even where the
//! fold does without it.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{DeviceId, Frontier, LogHash, LogKind, OpenedLog};

/// Who says something of a log object: an object by its path, or what this device saw before.
type Witness<'a> = Option<&'a str>;

/// A log object that is there.
#[derive(Debug)]
struct Written {
    path: String,
    hash: LogHash,
    clock: u64,
}

/// All log objects and checkpoints of a vault that opened.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    logs: BTreeMap<(DeviceId, u64), Written>,
    said: Vec<(String, Frontier)>,
}

impl Witnesses {
    /// Takes down what the object at `path` is and says.
    pub(super) fn note(&mut self, path: String, kind: LogKind, log: &OpenedLog) {
        self.said.push((path.clone(), log.frontier.clone()));
        if kind == LogKind::Increment {
            let written = Written { path, hash: log.hash, clock: log.clock };
            self.logs.insert((log.device, log.seq), written);
        }
    }

    /// Objects that cannot be what they should be, by path, and why: log objects that none of
    /// those who built on them knows, and whoever alone knows another version of one. What an
    /// object says that is found wrong does not count.
    pub(super) fn contradictions(&self, seen: &Frontier) -> Vec<(String, String)> {
        let mut claims: BTreeMap<(DeviceId, u64), Vec<(Witness<'_>, LogHash)>> = BTreeMap::new();
        let said = self.said.iter().map(|(path, frontier)| (Some(path.as_str()), frontier));
        for (witness, frontier) in said.chain([(None, seen)]) {
            for entry in frontier.iter() {
                claims.entry((entry.device, entry.seq)).or_default().push((witness, entry.hash));
            }
        }
        // The latest first: an object speaks of earlier ones only.
        let mut logs: Vec<_> = self.logs.iter().collect();
        logs.sort_by_key(|(name, log)| std::cmp::Reverse((log.clock, **name)));
        let mut refuted: BTreeSet<&str> = BTreeSet::new();
        let mut found = Vec::new();
        for (name, log) in logs {
            let of_it = claims.get(name).into_iter().flatten();
            let counting = of_it.filter(|(who, _)| who.is_none_or(|who| !refuted.contains(who)));
            let (agree, differ): (Vec<_>, Vec<_>) =
                counting.partition(|(_, hash)| *hash == log.hash);
            let is_known = !agree.is_empty() && differ.iter().all(|(who, _)| who.is_some());
            if let (false, Some((who, _))) = (is_known, differ.first()) {
                let why = match who {
                    Some(who) => format!("is not the one that {who} was written on"),
                    None => "is not the one that was there before".to_owned(),
                };
                refuted.insert(&log.path);
                found.push((log.path.clone(), why));
                continue;
            }
            for who in differ.iter().filter_map(|(who, _)| *who) {
                if refuted.insert(who) {
                    let why = format!("was written on another version of {}", log.path);
                    found.push((who.to_owned(), why));
                }
            }
        }
        found
    }
}
