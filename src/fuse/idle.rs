//! Whether anybody uses the mount, for a mount that ends by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How exactly the time is kept, as a part of it …
const PARTS: u32 = 8;
/// … but looked at no more often than this …
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);
/// … and no less.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(30);

/// Counts requests. Questions about the mount itself, as “hushfs status” has them, are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<AtomicU64>);

impl Activity {
    /// A request has come.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Minds for how long no request has come.
#[derive(Debug)]
pub(super) struct IdleWatch {
    activity: Activity,
    limit: Duration,
    count: u64,
    since: Instant,
}

impl IdleWatch {
    /// From now on, until nothing has come for `limit`.
    pub(super) fn new(activity: Activity, limit: Duration) -> Self {
        let count = activity.count();
        Self { activity, limit, count, since: Instant::now() }
    }

    /// When to look the next time.
    pub(super) fn pause(&self) -> Duration {
        (self.limit / PARTS).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX)
    }

    /// Whether nothing has come for so long at `now`. What came is taken for the time of the look that
    /// sees it, so it is never called too early.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        let count = self.activity.count();
        if count != self.count {
            (self.count, self.since) = (count, now);
        }
        now.saturating_duration_since(self.since) >= self.limit
    }

    /// The mount is used after all: the time starts anew.
    pub(super) fn start_anew(&mut self, now: Instant) {
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_without_any_request_counts() {
        let (activity, limit) = (Activity::default(), Duration::from_secs(80));
        let mut watch = IdleWatch::new(activity.clone(), limit);
        let start = watch.since;
        let at = |secs| start + Duration::from_secs(secs);
        assert_eq!(watch.pause(), Duration::from_secs(10));
        assert!(!watch.is_idle(at(79)));
        activity.note();
        assert!(!watch.is_idle(at(80)));
        assert!(!watch.is_idle(at(159)));
        assert!(watch.is_idle(at(160)));
        watch.start_anew(at(160));
        assert!(!watch.is_idle(at(239)) && watch.is_idle(at(240)));
    }

    #[test]
    fn it_is_looked_at_once_a_second_at_most() {
        for (limit, pause) in [(1, 1), (8, 1), (60, 7), (900, 30), (1_000_000, 30)] {
            let watch = IdleWatch::new(Activity::default(), Duration::from_secs(limit));
            assert_eq!(watch.pause().as_secs(), pause, "{limit}");
        }
    }
}
