//! A vault of two devices, which publish in turn and at the same time.

use hushfs::format::Ino;

use super::bench::device::content;
use super::fleet::Fleet;
use super::past::{all_shown, content as content_of, history_of, ids, told};

#[test]
fn states_of_two_devices_are_the_same_on_both_and_lead_to_what_both_show() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("shared", &content(1, 9000));
    fleet.join();
    // Both change the same file, and others, without knowing of each other.
    for nth in 0..2 {
        let device = fleet.device(nth);
        let ino = device.ino("shared");
        device.files.write(ino, 0, &content(10 + nth as u32, 9000), false).unwrap();
        device.publish();
        device.file(format!("of-{nth}"), &content(nth as u32, 2000));
        device.publish();
    }
    fleet.join();
    fleet.device(1).files.unlink(Ino::ROOT, b"of-0").unwrap();
    fleet.join();
    let of = |nth: usize| history_of(&fleet.vault(nth), &fleet.bench.key());
    let (one, other) = (of(0), of(1));
    assert_eq!(ids(&one), ids(&other));
    let (shown, shown_there) = (all_shown(&one), all_shown(&other));
    assert!(shown == shown_there, "a state is not the same everywhere");
    assert!(*shown.last().unwrap() == fleet.shown(0), "the last state is not what is shown");
    // What the walk counts is what there is.
    for (at, (files, _, changes)) in told(&one).into_iter().enumerate() {
        assert_eq!(files, shown[at].len() as u64, "state {at}");
        assert!(changes.is_some());
    }
    // A version that only one device had seen is to be had.
    let states = one.history().states();
    let is_theirs = |at: &usize| {
        let files = one.files_at(&states[*at]).unwrap();
        files.lookup(Ino::ROOT, b"shared").is_ok()
            && content_of(&files, "shared") == content(10, 9000)
    };
    assert!((0..states.len()).any(|at| is_theirs(&at)), "a version is gone");
}

#[test]
fn a_diff_of_two_devices_names_what_both_did() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("first", &content(1, 100));
    fleet.join();
    for nth in 0..2 {
        fleet.device(nth).file(format!("of-{nth}"), &content(nth as u32, 2000));
    }
    fleet.device(1).files.unlink(Ino::ROOT, b"first").unwrap();
    fleet.join();
    let history = history_of(&fleet.vault(0), &fleet.bench.key());
    let states = history.history().states();
    let is_first = |state: &&hushfs::fs::State| {
        history.files_at(state).unwrap().lookup(Ino::ROOT, b"first").is_ok()
    };
    let from = states.iter().find(is_first).unwrap();
    let diff = history.diff(from, states.last().unwrap(), b"").unwrap();
    assert_eq!(diff.added, [b"of-0".to_vec(), b"of-1".to_vec()]);
    assert_eq!((diff.removed, diff.changed), (vec![b"first".to_vec()], vec![]));
}
