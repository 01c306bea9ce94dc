//! Which packs are to be fetched, for whom, and what came of it. Starts no thread and reads nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::super::sync::Instant;
use super::pool::Then;
use super::report::{FailedPack, FetchStatus, FetchedPack, FileFetch};
use crate::format::{PackId, Time, pack_path};

/// A pack that was fetched and looks like a placeholder even so is read for so long: on some file
/// systems a file never has blocks.
const READABLE_FOR: Duration = Duration::from_secs(60);
/// A pack that could not be fetched is not tried again for so long.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Failures kept for `status`.
const FAILURES_KEPT: usize = 100;
/// Packs and failures that are told of one file: all of it must fit into an attribute.
const TOLD_OF_FILE: usize = 300;

/// How a pack looks that was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// Like any other.
    IsHere,
    /// As before.
    LooksLikePlaceholder,
}

/// Somebody who waits for a pack.
pub(super) struct Waiter {
    pub(super) since: Instant,
    pub(super) patience: Duration,
    pub(super) then: Then,
}

impl Waiter {
    pub(super) fn left(&self) -> Duration {
        self.patience.saturating_sub(self.since.elapsed())
    }
}

/// A pack that is being fetched, or waits for its turn.
struct Fetch {
    /// For `status`.
    since: Time,
    /// When it was asked for, or bytes last came.
    moved: Instant,
    is_running: bool,
    done_bytes: u64,
    all_bytes: u64,
    waiters: Vec<Waiter>,
}

struct Failure {
    at: Instant,
    why: String,
}

/// What is asked for and what came of it.
#[derive(Default)]
pub(super) struct Queue {
    /// How long whoever waits does; without it nothing is fetched.
    pub(super) limit: Option<Duration>,
    pub(super) has_ended: bool,
    fetches: BTreeMap<PackId, Fetch>,
    /// Packs whose turn has not come: those that somebody waits for, and all others.
    urgent: VecDeque<PackId>,
    others: VecDeque<PackId>,
    /// When bytes of any pack last came, or a turn began or ended.
    moved: Option<Instant>,
    /// Packs that looked like placeholders after they were fetched, and when that was.
    fetched: HashMap<PackId, Instant>,
    failed: BTreeMap<PackId, Failure>,
}

impl Queue {
    /// Whether asking for a pack is of no use now: it has just failed, or has given no sign for
    /// longer than anybody waits.
    pub(super) fn is_hopeless(&self, pack: PackId) -> bool {
        let limit = self.limit.unwrap_or_default();
        let has_failed =
            self.failed.get(&pack).is_some_and(|failure| failure.at.elapsed() < RETRY_AFTER);
        let fetch = self.fetches.get(&pack);
        self.has_ended || has_failed || fetch.is_some_and(|fetch| self.stands(fetch) > limit)
    }

    /// For how long nothing has come of a fetch. One whose turn has not come stands only while all
    /// others do.
    fn stands(&self, fetch: &Fetch) -> Duration {
        let last = if fetch.is_running { None } else { self.moved };
        last.map_or(fetch.moved, |last| last.max(fetch.moved)).elapsed()
    }

    /// Puts a pack into the queue, if it is not there; whoever waits goes before who does not.
    pub(super) fn add(&mut self, pack: PackId, all_bytes: u64, waiter: Option<Waiter>) {
        let is_urgent = waiter.is_some();
        let is_new = !self.fetches.contains_key(&pack);
        let fetch = self.fetches.entry(pack).or_insert_with(|| Fetch {
            since: Time::now(),
            moved: Instant::now(),
            is_running: false,
            done_bytes: 0,
            all_bytes,
            waiters: Vec::new(),
        });
        let was_urgent = !fetch.waiters.is_empty();
        fetch.waiters.extend(waiter);
        if fetch.is_running {
            return;
        }
        if is_urgent && !was_urgent {
            self.others.retain(|other| *other != pack);
            if !self.urgent.contains(&pack) {
                self.urgent.push_back(pack);
            }
        } else if is_new {
            self.others.push_back(pack);
        }
    }

    /// Packs whose turn has not come.
    pub(super) fn queued(&self) -> usize {
        self.urgent.len() + self.others.len()
    }

    /// The pack whose turn it is.
    pub(super) fn take_next(&mut self) -> Option<PackId> {
        let pack = self.urgent.pop_front().or_else(|| self.others.pop_front())?;
        self.moved = Some(Instant::now());
        if let Some(fetch) = self.fetches.get_mut(&pack) {
            (fetch.is_running, fetch.moved) = (true, Instant::now());
        }
        Some(pack)
    }

    pub(super) fn note_progress(&mut self, pack: PackId, done_bytes: u64, all_bytes: u64) {
        if let Some(fetch) = self.fetches.get_mut(&pack) {
            (fetch.done_bytes, fetch.all_bytes) = (done_bytes, all_bytes);
            fetch.moved = Instant::now();
            self.moved = Some(fetch.moved);
        }
    }

    /// Takes note of how a fetch ended; gives who waits for it.
    pub(super) fn finish(&mut self, pack: PackId, result: &Result<Fetched, String>) -> Vec<Waiter> {
        let now = Instant::now();
        self.moved = Some(now);
        match result {
            Ok(fetched) => {
                self.failed.remove(&pack);
                self.fetched.remove(&pack);
                if *fetched == Fetched::LooksLikePlaceholder {
                    self.fetched.insert(pack, now);
                }
            }
            Err(why) => {
                self.failed.insert(pack, Failure { at: now, why: why.clone() });
                if self.failed.len() > FAILURES_KEPT {
                    let oldest = self.failed.iter().min_by_key(|(_, failure)| failure.at);
                    if let Some(oldest) = oldest.map(|(pack, _)| *pack) {
                        self.failed.remove(&oldest);
                    }
                }
            }
        }
        self.urgent.retain(|other| *other != pack);
        self.others.retain(|other| *other != pack);
        self.fetches.remove(&pack).map(|fetch| fetch.waiters).unwrap_or_default()
    }

    /// Whether a pack was fetched, and still looked like a placeholder then.
    pub(super) fn was_fetched(&self, pack: PackId) -> bool {
        self.fetched.contains_key(&pack)
    }

    /// The same, and that a short while ago.
    pub(super) fn is_fetched(&self, pack: PackId) -> bool {
        self.fetched.get(&pack).is_some_and(|at| at.elapsed() < READABLE_FOR)
    }

    /// A pack that was fetched could not be read after all.
    pub(super) fn forget_fetched(&mut self, pack: PackId) {
        self.fetched.remove(&pack);
    }

    /// The shortest time that anybody still waits; `None` where nobody does.
    pub(super) fn shortest_left(&self) -> Option<Duration> {
        self.fetches.values().flat_map(|fetch| &fetch.waiters).map(Waiter::left).min()
    }

    /// Takes out who has waited long enough, or where `all`, everybody.
    pub(super) fn take_waiters(&mut self, all: bool) -> Vec<(PackId, Waiter)> {
        let mut taken = Vec::new();
        for (pack, fetch) in &mut self.fetches {
            let leaving = fetch.waiters.extract_if(.., |waiter| all || waiter.left().is_zero());
            taken.extend(leaving.map(|waiter| (*pack, waiter)));
        }
        taken
    }

    pub(super) fn status(&self) -> FetchStatus {
        let failed = self.failed.iter().map(|(pack, failure)| told(*pack, &failure.why));
        let failed = failed.chain(self.stuck()).collect();
        let fetches = || self.fetches.values();
        FetchStatus {
            packs: self.fetches.len() as u64,
            done_bytes: fetches().map(|fetch| fetch.done_bytes).sum(),
            all_bytes: fetches().map(|fetch| fetch.all_bytes).sum(),
            since: fetches().map(|fetch| fetch.since.secs).min(),
            failed,
        }
    }

    /// What has given no sign for longer than anybody waits.
    fn stuck(&self) -> impl Iterator<Item = String> {
        let limit = self.limit.unwrap_or_default();
        let stuck = self.fetches.iter().filter(move |(_, fetch)| self.stands(fetch) > limit);
        stuck.map(|(pack, fetch)| {
            let secs = self.stands(fetch).as_secs();
            let why = match fetch.is_running {
                true => format!("nothing has come of it for {secs} seconds"),
                false => format!("others have kept it waiting for {secs} seconds"),
            };
            told(*pack, &why)
        })
    }

    pub(super) fn of_packs(&self, packs: &BTreeSet<PackId>) -> FileFetch {
        let waiting = packs.iter().filter_map(|pack| {
            let fetch = self.fetches.get(pack).filter(|_| !self.is_hopeless(*pack))?;
            let (done_bytes, all_bytes) = (fetch.done_bytes, fetch.all_bytes);
            Some(FetchedPack { pack: pack.to_string(), done_bytes, all_bytes })
        });
        let failed = packs.iter().filter_map(|pack| {
            let why = match self.fetches.get(pack) {
                Some(_) if self.is_hopeless(*pack) => "nothing has come of it for too long",
                Some(_) => return None,
                None => &self.failed.get(pack)?.why,
            };
            Some(FailedPack { pack: pack.to_string(), why: why.to_owned() })
        });
        FileFetch {
            waiting: waiting.take(TOLD_OF_FILE).collect(),
            failed: failed.take(TOLD_OF_FILE / 3).collect(),
        }
    }
}

fn told(pack: PackId, why: &str) -> String {
    format!("{}: {why}", pack_path(pack))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn queue(packs: &[PackId]) -> Queue {
        let long_ago = Instant::now() - LIMIT * 2;
        let mut queue = Queue { limit: Some(LIMIT), ..Queue::default() };
        for pack in packs {
            queue.add(*pack, 100, None);
        }
        assert_eq!(queue.take_next(), Some(packs[0]));
        for fetch in queue.fetches.values_mut() {
            fetch.moved = long_ago;
        }
        queue.moved = Some(long_ago);
        queue
    }

    #[test]
    fn who_waits_for_a_turn_is_not_given_up_while_others_come() {
        let packs = [PackId::random(), PackId::random(), PackId::random()];
        let mut queue = queue(&packs);
        assert!(packs.iter().all(|pack| queue.is_hopeless(*pack)));
        assert_eq!(queue.status().failed.len(), 3);
        queue.note_progress(packs[0], 50, 100);
        assert!(!packs.iter().any(|pack| queue.is_hopeless(*pack)));
        assert_eq!(queue.of_packs(&packs.into()).waiting.len(), 3);
    }

    #[test]
    fn a_fetch_that_hangs_is_given_up_whatever_else_comes() {
        let packs = [PackId::random(), PackId::random(), PackId::random()];
        let mut queue = queue(&packs);
        assert_eq!(queue.take_next(), Some(packs[1]));
        queue.note_progress(packs[1], 50, 100);
        assert!(queue.is_hopeless(packs[0]) && !queue.is_hopeless(packs[1]));
        let told = queue.of_packs(&packs.into());
        assert_eq!((told.waiting.len(), told.failed.len()), (2, 1));
        assert_eq!(told.failed[0].pack, packs[0].to_string());
    }

    #[test]
    fn what_failed_is_told_and_not_tried_at_once_until_it_comes() {
        let packs = [PackId::random()];
        let mut queue = queue(&packs);
        queue.finish(packs[0], &Err("no".to_owned()));
        assert!(queue.is_hopeless(packs[0]));
        assert_eq!(queue.status().failed, [format!("{}: no", pack_path(packs[0]))]);
        queue.finish(packs[0], &Ok(Fetched::LooksLikePlaceholder));
        assert!(!queue.is_hopeless(packs[0]) && queue.status().failed.is_empty());
        assert!(queue.was_fetched(packs[0]) && queue.is_fetched(packs[0]));
        queue.finish(packs[0], &Ok(Fetched::IsHere));
        assert!(!queue.was_fetched(packs[0]));
    }
}
