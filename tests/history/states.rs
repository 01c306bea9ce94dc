//! One device: a state after each publication.

use std::fs;

use hushfs::format::{Ino, NodeKind, Time};
use hushfs::fs::{Change, Changes, HistoryError, RenameMode, When};

use super::bench::Bench;
use super::bench::device::content;
use super::bench::program::{Said, hushfs};
use super::past::{all_shown, content as content_of, history_of, id, ids, nth, told};
use super::shown;

fn changes(added: u64, changed: u64, removed: u64, written_bytes: u64) -> Option<Changes> {
    Some(Changes { added, changed, removed, written_bytes })
}

#[test]
fn each_publication_is_a_state_that_tells_what_it_changed() {
    let bench = Bench::new();
    let device = bench.device();
    device.publish();
    let folder = device.make("folder", NodeKind::Folder);
    let first = device.file("folder/first", &content(1, 10_000));
    device.publish();
    device.files.write(first, 0, &content(2, 5000), false).unwrap();
    device.file("second", &content(3, 3000));
    device.publish();
    device.files.unlink(folder, b"first").unwrap();
    device.publish();
    device.file("new", &content(4, 2000));
    let replace = RenameMode::Replace;
    device.files.rename(Ino::ROOT, b"new", Ino::ROOT, b"second", replace).unwrap();
    device.publish();
    let history = history_of(&bench.vault(), &bench.key());
    let told = told(&history);
    let expected = [
        changes(0, 1, 0, 0),
        changes(2, 0, 0, 10_000),
        // Chunks are sealed whole: the second one of the file is written anew, too.
        changes(1, 1, 0, 8192 + 3000),
        changes(0, 0, 1, 0),
        changes(0, 1, 0, 2000),
    ];
    assert_eq!(told.iter().map(|told| told.2).collect::<Vec<_>>(), expected);
    assert_eq!(told.iter().map(|told| told.0).collect::<Vec<_>>(), [0, 2, 3, 2, 2]);
    for (at, (files, content_bytes, _)) in told.iter().enumerate() {
        let status = nth(&history, at).status();
        assert_eq!((status.files, status.content_bytes), (*files, *content_bytes), "state {at}");
    }
}

#[test]
fn every_state_is_shown_as_it_was_published() {
    let bench = Bench::new();
    let device = bench.device();
    device.publish();
    let mut published = vec![shown::of(&device.files)];
    let ino = device.file("kept", &content(1, 50_000));
    for round in 0..6_u32 {
        device.file(format!("file-{round}"), &content(round, 9000));
        device
            .files
            .write(ino, u64::from(round) * 5000, &content(round + 50, 6000), false)
            .unwrap();
        if round > 2 {
            device.files.unlink(Ino::ROOT, format!("file-{}", round - 2).as_bytes()).unwrap();
        }
        device.publish();
        published.push(shown::of(&device.files));
    }
    let history = history_of(&bench.vault(), &bench.key());
    assert!(all_shown(&history) == published, "a state is not shown as it was");
    // The mount's own look at its history is the same.
    assert_eq!(ids(&device.files.vault_history().unwrap()), ids(&history));
}

#[test]
fn every_version_of_a_file_is_found_by_its_path() {
    let bench = Bench::new();
    let device = bench.device();
    let folder = device.make("chats", NodeKind::Folder);
    let ino = device.file("chats/a", &content(1, 1000));
    device.publish();
    device.file("other", &content(2, 10));
    device.publish();
    device.files.write(ino, 1000, &content(3, 500), false).unwrap();
    device.publish();
    device.files.unlink(folder, b"a").unwrap();
    device.publish();
    let history = history_of(&bench.vault(), &bench.key());
    let mut versions = Vec::new();
    let paths = [b"chats/a".to_vec(), b"chats".to_vec(), b"nothing".to_vec()];
    history
        .walk(&paths, &mut |told| {
            let of = told.versions.iter();
            let of =
                of.map(|it| (String::from_utf8_lossy(&it.path).into_owned(), it.change, it.size));
            versions.push(of.collect::<Vec<_>>());
        })
        .unwrap();
    let (file, folder) = ("chats/a".to_owned(), "chats".to_owned());
    let expected = [
        vec![(file.clone(), Change::Added, Some(1000)), (folder.clone(), Change::Added, None)],
        vec![],
        vec![(file.clone(), Change::Changed, Some(1500)), (folder.clone(), Change::Changed, None)],
        vec![(file, Change::Removed, Some(1500)), (folder, Change::Changed, None)],
    ];
    assert_eq!(versions, expected);
}

#[test]
fn a_state_is_found_by_time_and_by_id_and_nothing_else_is_taken_for_one() {
    let bench = Bench::new();
    let device = bench.device();
    for nth in 0..3_u32 {
        device.file(format!("{nth}"), &content(nth, 10));
        device.publish();
    }
    let history = history_of(&bench.vault(), &bench.key());
    let states = history.history().states();
    for state in states {
        assert_eq!(history.find(&id(&state.id())).unwrap().full_id(), state.full_id());
        let by = history.find(&When::By(state.published)).unwrap();
        assert_eq!(by.full_id(), state.full_id());
    }
    assert_eq!(history.find(&When::Now).unwrap().full_id(), states[2].full_id());
    let before = Time { secs: states[0].published.secs - 1, nanos: 0 };
    let error = history.find(&When::By(before)).unwrap_err();
    assert!(matches!(error, HistoryError::BeforeTheFirst(_)), "{error}");
    let error = history.find(&id("0123456789")).unwrap_err();
    assert!(matches!(error, HistoryError::NoSuchId(_)), "{error}");
    let error = history.find(&id("")).unwrap_err();
    assert_eq!(error, HistoryError::Ambiguous { id: String::new(), count: 3 });
}

#[test]
fn the_program_lists_compares_and_restores_states() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("kept", &content(1, 3000));
    device.file("gone", &content(2, 4000));
    device.publish();
    let first = ids(&history_of(&bench.vault(), &bench.key())).pop().unwrap();
    device.files.unlink(Ino::ROOT, b"gone").unwrap();
    let ino = device.ino("kept");
    device.files.write(ino, 0, &content(3, 3000), false).unwrap();
    device.file("new", &content(4, 10));
    device.unmount();
    let (vault, key) = (bench.vault(), bench.key());
    let run = |command: &str, arguments: &[&str]| {
        let mut program = hushfs(&[command, "--key-file"]);
        Said::by(program.arg(&key).arg(&vault).args(arguments))
    };
    let listed = run("history", &[]);
    listed.expect(0, &["2 files", "(2 added, ", "(1 added, 1 changed, 1 removed, "]);
    assert!(listed.stdout.contains(&first[..8]), "{}", listed.stdout);
    let versions = run("history", &["gone"]);
    versions.expect(0, &["added  gone", "removed  gone"]);
    let json = run("history", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["states"][1]["id"], first[..8]);
    assert_eq!(json["older_collected"], false);
    let diff = run("diff", &[&first]);
    assert_eq!(diff.stdout, "removed  gone\nchanged  kept\nadded    new\n");
    assert_eq!(run("diff", &[&first, "now", "new"]).stdout, "added    new\n");
    assert_eq!(run("diff", &["now", "now"]).stdout, "");
    let out = bench.place("out");
    let restored = bench.restore(&out, &["--at".as_ref(), first.as_ref()]);
    restored.expect(0, &["restoring the state of"]);
    assert!(fs::read(out.join("kept")).unwrap() == content(1, 3000));
    assert!(fs::read(out.join("gone")).unwrap() == content(2, 4000));
    assert!(!out.join("new").exists());
    run("diff", &["c0ffeec0ffee"]).expect(1, &["no state has the id"]);
    run("diff", &["1999-12-31"]).expect(1, &["there was nothing in the vault then"]);
    run("diff", &["someday"]).expect(2, &["is neither a time"]);
}

#[test]
fn what_waits_in_the_journal_is_in_no_state() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("published", &content(1, 10));
    device.publish();
    let ino = device.file("waiting", &content(2, 10));
    device.files.fsync(ino).unwrap();
    let history = history_of(&bench.vault(), &bench.key());
    let files = history.files_at(history.find(&When::Now).unwrap()).unwrap();
    assert_eq!(content_of(&files, "published"), content(1, 10));
    assert!(files.lookup(Ino::ROOT, b"waiting").is_err());
    assert!(files.unlink(Ino::ROOT, b"published").is_err(), "it was changed");
}
