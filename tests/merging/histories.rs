//! Random histories of several devices: delays, partitions, doubled deliveries, crashes.

use std::collections::BTreeSet;

use crate::dice::{self, Dice};
use crate::fleet::{Fleet, assert_same};
use crate::shown::Shown;
use crate::steps::step;

/// Contents that files have.
fn contents(shown: &Shown) -> BTreeSet<Vec<u8>> {
    let contents = shown.values().filter_map(|entry| entry.content.as_ref().ok());
    contents.filter(|content| !content.is_empty()).cloned().collect()
}

/// What a history has written.
#[derive(Default)]
struct Written {
    /// Every content that any file had when a device had done something.
    all: BTreeSet<Vec<u8>>,
    /// Those that a device which showed them has overwritten or removed.
    given_up: BTreeSet<Vec<u8>>,
}

fn history(seed: u64) {
    let mut dice = Dice::new(seed);
    let devices = 2 + dice.below(4) as usize;
    let mut fleet = Fleet::new(devices);
    let mut written = Written::default();
    for _ in 0..20 + dice.below(40) {
        let nth = dice.below(devices as u64) as usize;
        match dice.below(10) {
            0..=4 => {
                for _ in 0..1 + dice.below(4) {
                    let before = contents(&fleet.shown(nth));
                    step(&mut dice, fleet.device(nth));
                    let after = contents(&fleet.shown(nth));
                    written.given_up.extend(before.difference(&after).cloned());
                    written.all.extend(after);
                }
            }
            5 => fleet.device(nth).publish(),
            6 | 7 => {
                let to = dice.below(devices as u64) as usize;
                let odds = 1 + dice.below(4);
                fleet.sync(nth, to, || dice.below(4) < odds);
            }
            8 => {
                fleet.device(nth).files.take_arrivals().unwrap();
                if fleet.device(nth).files.status().unpublished_operations == 0 {
                    let anew = fleet.shown_anew(nth);
                    assert_same(
                        &fleet.shown(nth),
                        &anew,
                        &format!("seed {seed}: device {nth} anew"),
                    );
                }
            }
            _ if dice.below(4) == 0 => fleet.collect(nth),
            _ => fleet.restart(nth),
        }
    }
    fleet.join();
    let last = fleet.shown(0);
    for nth in 1..devices {
        assert_same(&last, &fleet.shown(nth), &format!("seed {seed}: devices 0 and {nth}"));
    }
    assert_same(&last, &fleet.shown_anew(0), &format!("seed {seed}: anew"));
    let shown = contents(&last);
    for content in &shown {
        assert!(written.all.contains(content), "seed {seed}: content that nobody has written");
    }
    for content in written.all.difference(&written.given_up) {
        assert!(shown.contains(content), "seed {seed}: content that nobody gave up is lost");
    }
    let errors: Vec<_> = last.values().filter_map(|entry| entry.content.as_ref().err()).collect();
    assert!(errors.is_empty(), "seed {seed}: {errors:?}");
}

#[test]
fn all_devices_end_with_the_same_tree_and_nothing_that_nobody_gave_up_is_lost() {
    dice::seeds("HUSHFS_MERGES", 20).for_each(history);
}
