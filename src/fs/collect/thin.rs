//! Which states a history keeps that goes back further than a day: one a day. Decides by numbers alone.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::format::{DeviceId, Time};

use super::remove::time_before;

const DAY_SECS: i64 = 24 * 60 * 60;

/// How far back every state is kept.
pub(super) const EVERY_STATE_FOR: Duration = Duration::from_secs(DAY_SECS as u64);

/// What counts of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dated {
    /// Who published the last log object in it.
    pub(super) device: DeviceId,
    /// When, by that device's clock.
    pub(super) published: Time,
    /// Since when it has been in this vault folder, as far as can be told.
    pub(super) here_since: Time,
    pub(super) is_whole: bool,
}

/// The states to keep: the last one of each day that can be had whole, if it was still the newest state
/// at some time of the history period. Days are those of UTC, by the clock of the device that published.
///
/// A clock may be wrong, so that days come in no order. So first each device has days of its own: one
/// ends where its next state is of another day. Of devices whose states of the same day follow one another,
/// with no other day between, the last one stands for all. So whose clock is wrong takes the place of
/// nobody else's state, and who sets it back does not lose the day that it shows again.
///
/// `states` are in their order; the newest needs no keeping. `now` is what [`believed`] says.
pub(super) fn one_a_day(states: &[Dated], now: Time, history: Duration) -> Vec<usize> {
    let before = time_before(now, history);
    // The last whole one of the day that each device is at.
    let mut last: BTreeMap<DeviceId, (i64, usize)> = BTreeMap::new();
    let mut kept = Vec::new();
    for (at, state) in states.iter().enumerate().filter(|(_, state)| state.is_whole) {
        let day = (day_of(state.published), at);
        if let Some((of_day, of)) = last.insert(state.device, day)
            && of_day != day.0
        {
            kept.push(of);
        }
    }
    kept.extend(last.into_values().map(|(_, at)| at));
    kept.sort_unstable();
    let is_in_same_day = |at: usize, later: usize| {
        let mut between = states[at..=later].iter();
        between.all(|state| day_of(state.published) == day_of(states[at].published))
    };
    let later = kept.clone();
    let mut later = later.into_iter().skip(1);
    kept.retain(|at| !later.next().is_some_and(|later| is_in_same_day(*at, later)));
    kept.retain(|at| states.get(at + 1).is_some_and(|next| next.here_since > before));
    kept
}

/// What time it is for certain: a clock that has gone ahead, say because the machine's battery is empty,
/// is not believed before there is a state of the day before the one that it shows. Until then it is a
/// day after the last state of an earlier day.
pub(super) fn believed(states: &[Dated], now: Time) -> Time {
    let earlier = states.iter().map(|state| state.published);
    let last = earlier.filter(|published| day_of(*published) < day_of(now)).max();
    last.map_or(now, |last| {
        now.min(Time { secs: last.secs.saturating_add(DAY_SECS), nanos: last.nanos })
    })
}

fn day_of(time: Time) -> i64 {
    time.secs.div_euclid(DAY_SECS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_SECS: i64 = 60 * 60;

    fn at(day: i64, hour: i64) -> Time {
        Time { secs: day * DAY_SECS + hour * HOUR_SECS, nanos: 0 }
    }

    fn days(count: u64) -> Duration {
        Duration::from_secs(count * DAY_SECS as u64)
    }

    /// Of a device with a right clock.
    fn right(device: u64, time: Time) -> Dated {
        Dated { device: DeviceId(device), published: time, here_since: time, is_whole: true }
    }

    /// Of a device whose clock shows something else.
    fn wrong(device: u64, shown: Time, time: Time) -> Dated {
        Dated { published: shown, ..right(device, time) }
    }

    #[test]
    fn of_each_day_of_the_period_the_last_state_is_kept() {
        let states: Vec<_> =
            (0..40).flat_map(|day| [9, 15, 23].map(|h| right(1, at(day, h)))).collect();
        let kept = one_a_day(&states, at(39, 23), days(30));
        // The one of day 8 was the newest until 9 o'clock of day 9, when the period had not begun.
        let expected: Vec<usize> = (9..39).map(|day| day * 3 + 2).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn what_was_the_newest_state_within_the_period_is_kept_however_old_it_is() {
        let states =
            [right(1, at(0, 9)), right(1, at(0, 10)), right(1, at(50, 9)), right(1, at(50, 10))];
        assert_eq!(one_a_day(&states, at(50, 11), days(30)), [1]);
        assert_eq!(one_a_day(&states, at(79, 0), days(30)), [1], "it was, until day 50");
    }

    #[test]
    fn where_the_last_state_of_a_day_is_not_whole_the_last_whole_one_is_kept() {
        let mut states = vec![right(1, at(0, 9)), right(1, at(0, 10)), right(1, at(1, 9))];
        states[1].is_whole = false;
        assert_eq!(one_a_day(&states, at(1, 10), days(30)), [0]);
    }

    #[test]
    fn a_clock_that_is_behind_takes_the_place_of_nobody_elses_state() {
        let mut states = Vec::new();
        for day in 10..15 {
            states.push(right(1, at(day, 20)));
            states.push(wrong(2, at(day - 5, 21), at(day, 21)));
        }
        states.push(right(1, at(15, 9)));
        let kept = one_a_day(&states, at(15, 10), days(30));
        assert_eq!(kept, (0..10).collect::<Vec<_>>(), "of each, one a day");
        // What it did itself is as old as it has been here.
        let kept = one_a_day(&states, at(15, 10), days(4));
        assert_eq!(kept, (1..10).collect::<Vec<_>>());
    }

    #[test]
    fn of_devices_with_right_clocks_the_last_state_of_all_is_kept() {
        let mut states = Vec::new();
        for day in 0..3 {
            states.extend([(1, 9), (2, 10), (1, 20), (2, 21)].map(|(of, h)| right(of, at(day, h))));
        }
        assert_eq!(one_a_day(&states, at(2, 22), days(30)), [3, 7]);
    }

    #[test]
    fn a_clock_that_was_ahead_or_set_back_hides_no_day() {
        let mut states: Vec<_> = (0..5).map(|day| right(1, at(day, 20))).collect();
        states.push(wrong(1, at(4000, 0), at(5, 9)));
        states.push(wrong(1, at(2, 0), at(5, 10)));
        states.extend((5..9).map(|day| right(1, at(day, 20))));
        let kept = one_a_day(&states, at(8, 21), days(30));
        assert_eq!(kept, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_not_believed_at_once() {
        let mut states: Vec<_> = (0..20).map(|day| right(1, at(day, 20))).collect();
        states.push(right(1, at(20, 8)));
        assert_eq!(believed(&states, at(20, 9)), at(20, 9));
        states.push(right(1, at(20_000, 8)));
        assert_eq!(believed(&states, at(20_000, 9)), at(21, 8));
        states.push(right(1, at(20_001, 8)));
        assert_eq!(believed(&states, at(20_001, 9)), at(20_001, 8));
        assert_eq!(believed(&[], at(5, 0)), at(5, 0));
    }

    proptest! {
        #[test]
        fn what_is_kept_stays_so_until_the_period_has_passed_whatever_comes(
            steps in prop::collection::vec((0..3u64, 0..200i64, -200..200i64), 1..60),
            history in 2..40u64,
        ) {
            // Each state comes some hours after the one before, from clocks that are off by hours.
            let (mut states, mut now) = (Vec::<Dated>::new(), at(1000, 0));
            let mut kept_since: BTreeMap<usize, Time> = BTreeMap::new();
            for (device, hours, off) in steps {
                now.secs += hours * HOUR_SECS;
                let shown = Time { secs: now.secs + off * HOUR_SECS, ..now };
                states.push(wrong(device, shown, now));
                let kept = one_a_day(&states, now, days(history));
                for (at, superseded) in &kept_since {
                    let is_over = superseded.secs <= time_before(now, days(history)).secs;
                    let device = states[*at].device;
                    let day = day_of(states[*at].published);
                    let next = states[at + 1..].iter().find(|next| next.device == device);
                    // Of a day that is still going on, a later state takes its place.
                    let goes_on = next.is_none_or(|next| day_of(next.published) == day);
                    prop_assert!(kept.contains(at) || is_over || goes_on);
                }
                let superseded = kept.into_iter().map(|at| (at, states[at + 1].here_since));
                kept_since.extend(superseded);
            }
        }
    }
}
