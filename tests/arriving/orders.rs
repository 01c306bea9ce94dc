//! Any subset of a vault's objects, in whatever order they come (I3).

use std::collections::BTreeMap;
use std::path::Path;

use crate::dice::{self, Dice};
use crate::files::files_below;
use crate::history::{History, move_in, put};
use crate::shown;

/// Objects of a vault, by path.
fn objects(vault: &Path) -> Vec<(String, Vec<u8>)> {
    let is_object =
        |(path, _): &(String, Vec<u8>)| path.starts_with("log/") || path.starts_with("data/");
    files_below(vault).into_iter().filter(is_object).collect()
}

fn shuffle<T>(dice: &mut Dice, items: &mut [T]) {
    for nth in (1..items.len()).rev() {
        items.swap(nth, dice.below(nth as u64 + 1) as usize);
    }
}

/// One vault's objects in one order: each alone, some in part first. A mount that is open all the time
/// and mounts in between show a state that the vault has been in, never an older one than before, and in the
/// end the last.
fn deliver(seed: u64) {
    let mut dice = Dice::new(seed);
    let history = History::make(&mut dice, 1 + seed % 3, 6 + (seed % 5) as u32);
    let copy = history.empty_copy("copy");
    std::fs::create_dir_all(copy.join("log")).unwrap();
    let mut steps: Vec<(String, Vec<u8>, bool)> = Vec::new();
    let mut objects = objects(&history.bench.vault());
    shuffle(&mut dice, &mut objects);
    for (path, content) in objects {
        if dice.below(3) == 0 {
            // Nobody writes all but a few bytes.
            let bytes = dice.below(content.len() as u64 - 16) as usize;
            let at = dice.below(steps.len() as u64 + 1) as usize;
            // As long as it will be, or as much as there is.
            let mut part = content[..bytes].to_vec();
            part.resize(if dice.coin() { content.len() } else { bytes }, 0);
            steps.insert(at, (path.clone(), part, false));
        }
        steps.push((path, content, true));
    }
    let open = history.look(&copy).unwrap();
    let mut whole: BTreeMap<String, ()> = BTreeMap::new();
    let mut reached = 0;
    for (path, content, is_whole) in steps {
        if whole.contains_key(&path) {
            continue;
        }
        match is_whole && dice.coin() {
            true => move_in(&copy.join(&path), &content),
            false => put(&copy.join(&path), &content),
        }
        if is_whole {
            whole.insert(path.clone(), ());
        }
        open.take_arrivals().unwrap();
        let now = shown::of(&open);
        let place = history.place_of(&now).unwrap_or_else(|| {
            let errors: Vec<_> = now.values().filter_map(|e| e.content.as_ref().err()).collect();
            panic!("seed {seed}: no state, after {path}: {errors:?}")
        });
        assert!(place >= reached, "seed {seed}: {place} after {reached}");
        reached = place;
        assert_eq!(open.status().damage, [""; 0], "seed {seed}, after {path}");
        if dice.below(4) == 0 {
            let anew = history.look(&copy).unwrap();
            let shown = shown::of(&anew);
            let place = history.place_of(&shown);
            assert!(place.is_some_and(|place| place >= reached), "seed {seed}, after {path}");
            assert_eq!(anew.status().damage, [""; 0], "seed {seed}, after {path}");
        }
    }
    let status = open.status();
    assert_eq!((status.not_arrived, status.awaited_packs), (Vec::new(), 0), "seed {seed}");
    let anew = history.look(&copy).unwrap();
    for files in [open, anew] {
        let shown = shown::of(&files);
        assert!(
            shown == *history.last() && !shown::awaits(&shown),
            "seed {seed}: not the last state"
        );
    }
}

#[test]
fn in_whatever_order_objects_arrive_a_state_that_was_is_shown_and_in_the_end_the_last() {
    dice::seeds("HUSHFS_ORDERS", 12).for_each(deliver);
}
