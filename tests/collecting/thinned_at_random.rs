//! Random histories of two devices over weeks, with collections in between that come across in parts.

use std::collections::{BTreeMap, BTreeSet};

use hushfs::format::Time;

use super::clock::DAY_SECS;
use super::dice::{self, Dice};
use super::shown::{self, Shown};
use super::thinned_devices::{DAY, MONTH, Two};

/// The days of those who published states, by their own clocks.
fn days_of(states: &[(String, Time)]) -> BTreeSet<i64> {
    states.iter().map(|(_, published)| published.secs.div_euclid(DAY_SECS)).collect()
}

/// Removals of one device that have not reached the other.
#[derive(Default)]
struct OnTheirWay([BTreeSet<String>; 2]);

impl OnTheirWay {
    /// Some of them arrive, in no order.
    fn arrive(&mut self, two: &Two, dice: &mut Dice) {
        for (to, waiting) in self.0.iter_mut().enumerate() {
            let some: Vec<String> = waiting.iter().filter(|_| dice.coin()).cloned().collect();
            waiting.retain(|path| !some.contains(path));
            two.remove(to, some);
        }
    }

    /// All of them arrive.
    fn all(&mut self, two: &Two) {
        for (to, waiting) in self.0.iter_mut().enumerate() {
            two.remove(to, std::mem::take(waiting));
        }
    }
}

fn history(seed: u64) {
    let mut dice = Dice::new(seed);
    let clocks = [[0, 0], [0, -3], [0, 4]];
    let mut two = Two::new(clocks[dice.below(3) as usize]);
    let (mut hours, mut last) = (0, BTreeMap::new());
    let mut waiting = OnTheirWay::default();
    // Each knows that there is the other.
    (0..2).for_each(|nth| two.overwrite(nth, "first", nth as u32));
    two.join();
    for step in 0..40 + dice.below(40) as u32 {
        let nth = dice.below(2) as usize;
        match dice.below(10) {
            0..=3 => {
                // Each writes files of its own, so that what is to be found does not depend on merging.
                let name = format!("of-{nth}-{}", dice.below(3));
                let content = seed as u32 * 1000 + step;
                two.overwrite(nth, &name, content);
                last.insert(name, content);
            }
            4 | 5 => {
                hours += 1 + dice.below(30) as i64;
                two.set(hours / 24, hours % 24);
            }
            6 => {
                // What arrives may belong to earlier states, too.
                two.sync_without(&waiting.0);
                two.known.clear();
            }
            7 => waiting.arrive(&two, &mut dice),
            _ => {
                let before = days_of(&two.states(nth));
                let gone = two.collect(nth, MONTH);
                let after = days_of(&two.states(nth));
                let lost: Vec<_> = before.difference(&after).collect();
                assert!(lost.is_empty(), "seed {seed}: days {lost:?} of {before:?}");
                waiting.0[1 - nth].extend(gone);
            }
        }
        // Removals may come before the log objects that say where content has gone.
        two.learn_as_far_as_packs_are_here();
    }
    waiting.all(&two);
    two.join();
    two.known.clear();
    two.learn();
    let shows: Vec<Shown> = two.devices.iter().map(|device| shown::of(&device.files)).collect();
    assert!(shows[0] == shows[1], "seed {seed}: the devices differ");
    for (name, content) in &last {
        let there = shows[0].iter().find(|(path, _)| path.ends_with(name.as_str()));
        let there = there.unwrap_or_else(|| panic!("seed {seed}: {name} is lost")).1;
        let expected = super::bench::device::content(*content, 40_000);
        assert!(there.content == Ok(expected), "seed {seed}: {name} has another content");
    }
    // Whoever wants less history makes it shorter, and nothing else.
    let gone = two.collect(0, DAY);
    two.remove(1, gone);
    two.sync();
    two.learn();
    assert!(shown::of(&two.devices[1].files) == shows[0], "seed {seed}: after a short history");
}

#[test]
fn in_random_histories_no_day_loses_its_last_state_and_every_state_shows_what_it_did() {
    dice::seeds("HUSHFS_THINNED", 12).for_each(history);
}
