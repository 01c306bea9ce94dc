//! What a collection leaves of the history.

use std::time::Duration;

use hushfs::format::Ino;
use hushfs::fs::{FsError, HistoryError, When};

use super::bench::Bench;
use super::bench::device::{Device, content};
use super::bench::program::{Said, hushfs};
use super::files::files_below;
use super::past::{all_shown, content as content_of, history_of, id, ids, told};
use super::shown;

const NO_HISTORY: Duration = Duration::ZERO;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A vault with more states than a collection leaves log objects, and with something to collect.
fn lived_in(bench: &Bench) -> Device {
    let device = bench.device();
    device.file("kept", &content(1, 30_000));
    for nth in 0..9_u32 {
        let name = format!("file-{nth}");
        device.file(&name, &content(nth, 20_000));
        device.publish();
        device.files.unlink(Ino::ROOT, name.as_bytes()).unwrap();
    }
    device.publish();
    device
}

#[test]
fn within_the_history_period_a_collection_leaves_every_state() {
    let bench = Bench::new();
    let device = lived_in(&bench);
    let before = history_of(&bench.vault(), &bench.key());
    device.files.collect(DAY).unwrap();
    let after = history_of(&bench.vault(), &bench.key());
    assert!(!after.history().is_cut());
    let (before_ids, after_ids) = (ids(&before), ids(&after));
    assert_eq!(after_ids[..before_ids.len()], before_ids);
    for (nth, id_of) in before_ids.iter().enumerate().take(9) {
        let files = after.files_at(after.find(&id(id_of)).unwrap()).unwrap();
        let name = format!("file-{nth}");
        assert!(content_of(&files, &name) == content(nth as u32, 20_000), "{name}");
    }
}

#[test]
fn after_a_collection_without_history_there_is_only_now_and_it_says_so() {
    let bench = Bench::new();
    let device = lived_in(&bench);
    let old = history_of(&bench.vault(), &bench.key());
    let first = old.history().states()[0].clone();
    device.files.collect(NO_HISTORY).unwrap();
    let history = history_of(&bench.vault(), &bench.key());
    assert!(history.history().is_cut());
    assert_eq!(history.history().states().len(), 1);
    assert_eq!(told(&history)[0].2, None);
    let now = history.files_at(history.find(&When::Now).unwrap()).unwrap();
    assert!(shown::of(&now) == shown::of(&device.files), "now is not shown as it is");
    let error = history.find(&When::By(first.published)).unwrap_err();
    assert!(matches!(error, HistoryError::Collected(_)), "{error}");
    // Who had listed the states before cannot open one whose log objects are gone.
    assert_eq!(old.files_at(&first).unwrap_err(), HistoryError::Gone);
    let mut program = hushfs(&["history", "--key-file"]);
    let said = Said::by(program.arg(bench.key()).arg(bench.vault()));
    said.expect(0, &["what led to it has been collected", "older states have been collected"]);
}

#[test]
fn content_that_has_been_collected_is_told_as_such_and_not_as_damage() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("kept", &content(1, 30_000));
    device.publish();
    let before = files_below(&bench.vault());
    device.file("gone", &content(2, 30_000));
    device.publish();
    device.files.unlink(Ino::ROOT, b"gone").unwrap();
    device.publish();
    let is_new = |path: &&String| path.ends_with(".pack") && !before.contains_key(*path);
    let all = files_below(&bench.vault());
    let pack = all.keys().find(is_new).unwrap();
    std::fs::remove_file(bench.vault().join(pack)).unwrap();
    let history = history_of(&bench.vault(), &bench.key());
    // It is not told of among those that are whole; by its id it is to be had.
    assert_eq!(history.history().states().len(), 2);
    let state = &history.history().states_with_lacking()[1];
    assert!(!state.is_whole() && ids(&history).iter().all(|id| *id != state.full_id()));
    assert_eq!(history.find(&When::By(state.published)).unwrap().full_id(), ids(&history)[0]);
    assert_eq!(history.find(&id(&state.full_id())).unwrap().full_id(), state.full_id());
    let files = history.files_at(state).unwrap();
    let status = files.status();
    assert_eq!(status.damage, Vec::<String>::new());
    assert!(status.notes[0].contains("1 of 2 packs of this state"), "{:?}", status.notes);
    assert!(content_of(&files, "kept") == content(1, 30_000));
    let gone = files.lookup(Ino::ROOT, b"gone").unwrap().ino;
    let error = files.read(gone, 0, &mut [0; 100]).unwrap_err();
    assert!(matches!(error, FsError::Collected { .. }), "{error}");
    assert_eq!(files.status().damage, Vec::<String>::new());
    let out = bench.place("out");
    let id_of = state.full_id();
    let restored = bench.restore(&out, &["--at".as_ref(), id_of.as_ref()]);
    restored.expect(1, &["COLLECTED", "1 file lacks content that has been collected"]);
    assert!(std::fs::read(out.join("kept")).unwrap() == content(1, 30_000));
}

#[test]
fn what_checkpoints_there_are_makes_no_difference_to_a_state() {
    let bench = Bench::new();
    let device = lived_in(&bench);
    let before = all_shown(&history_of(&bench.vault(), &bench.key()));
    device.files.collect(DAY).unwrap();
    let has_checkpoint = files_below(&bench.vault()).keys().any(|path| path.ends_with(".ckpt"));
    assert!(has_checkpoint, "there is nothing to try out");
    device.file("later", b"x");
    device.publish();
    let after = all_shown(&history_of(&bench.vault(), &bench.key()));
    assert!(after[..before.len()] == before, "a state is shown otherwise");
}
