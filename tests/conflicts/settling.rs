//! Settling a conflict of files.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, said};
use crate::names::names;
use crate::two::{Two, conflicts, only_copy, settle, told};

/// Two machines with two versions of `notes.txt`.
fn in_conflict(bench: &Bench) -> Two<'_> {
    let two = Two::new(bench, |folder| fs::write(folder.join("notes.txt"), "of both").unwrap());
    let write = |text| move |folder: &Path| fs::write(folder.join("notes.txt"), text).unwrap();
    two.both(write("of the first"), write("of the second"));
    two
}

fn assert_only(folder: &Path, name: &str, content: &[u8]) {
    assert_eq!(names(folder), [name]);
    assert!(fs::read(folder.join(name)).unwrap() == content);
}

/// Both machines show this file alone, and their vaults are whole.
fn assert_settled(two: &Two, name: &str, content: &[u8]) {
    two.sync();
    for site in [&two.one, &two.other] {
        assert_only(&site.mount_point(), name, content);
        assert!(told(two.bench, &site.mount_point()).is_empty());
        assert_eq!(two.bench.status_of(&site.mount_point()).conflicts, 0);
        site.unmount();
        site.assert_whole(&[]);
    }
}

#[test]
fn keeping_a_removes_the_copy_everywhere() {
    let Some(bench) = Bench::new() else { return };
    let two = in_conflict(&bench);
    let folder = two.one.mount_point();
    let named = fs::read(folder.join("notes.txt")).unwrap();
    let copy = only_copy(&bench, &folder);
    let text = settle(&bench, &[&"--keep", &"A", &copy]);
    assert!(text.contains("kept “notes.txt”, removed the copy"), "{text}");
    assert_settled(&two, "notes.txt", &named);
}

#[test]
fn keeping_b_puts_the_copy_in_place_everywhere() {
    let Some(bench) = Bench::new() else { return };
    let two = in_conflict(&bench);
    let folder = two.other.mount_point();
    let copy = fs::read(only_copy(&bench, &folder)).unwrap();
    // By the file that has the name.
    let text = settle(&bench, &[&"--keep", &"b", &folder.join("notes.txt")]);
    assert!(text.contains("kept “notes.txt”, removed what had the name"), "{text}");
    assert_settled(&two, "notes.txt", &copy);
}

#[test]
fn both_are_kept_with_a_new_name_that_is_not_taken() {
    let Some(bench) = Bench::new() else { return };
    let two = in_conflict(&bench);
    let folder = two.one.mount_point();
    let copy = only_copy(&bench, &folder);
    for (taken, code) in [("notes.txt", 1), ("in/it", 2)] {
        let refused = conflicts(&bench, &[&"--keep", &"both", &"--as", &taken, &copy]);
        assert_eq!(refused.status.code(), Some(code), "{refused:?}");
        assert_eq!(names(&folder).len(), 2);
    }
    settle(&bench, &[&"--keep", &"both", &"--as", &"old.txt", &copy]);
    two.sync();
    assert_eq!(names(&two.other.mount_point()), ["notes.txt", "old.txt"]);
    assert!(told(&bench, &two.other.mount_point()).is_empty());
}

#[test]
fn in_a_vault_that_is_not_mounted_the_same_is_done() {
    let Some(bench) = Bench::new() else { return };
    for keep in ["A", "B"] {
        let two = in_conflict(&bench);
        let folder = two.one.mount_point();
        let path = only_copy(&bench, &folder);
        let kept = if keep == "A" { folder.join("notes.txt") } else { path.clone() };
        let content = fs::read(kept).unwrap();
        two.one.unmount();
        let name = path.file_name().unwrap();
        let mut command = bench.command("conflicts");
        command.arg("--key-file").arg(bench.key_file()).args(["--keep", keep]);
        command.arg("--state-dir").arg(bench.folder().join("state of first"));
        let (code, text) = said(&command.arg(two.one.vault()).arg(name).output().unwrap());
        assert_eq!(code, 0, "{text}");
        two.one.mount();
        assert_settled(&two, "notes.txt", &content);
        return_to_start(&bench);
    }
}

/// Leaves the bench with a new vault.
fn return_to_start(bench: &Bench) {
    for entry in fs::read_dir(bench.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
    let made = bench.run("init", &["--yes".as_ref(), "--key-file".as_ref()], |command| {
        command.arg(bench.key_file()).arg(bench.vault());
    });
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn two_that_settle_differently_end_with_one_version_on_both() {
    let Some(bench) = Bench::new() else { return };
    let two = in_conflict(&bench);
    let copy = fs::read(only_copy(&bench, &two.one.mount_point())).unwrap();
    settle(&bench, &[&"--keep", &"A", &only_copy(&bench, &two.one.mount_point())]);
    settle(&bench, &[&"--keep", &"B", &only_copy(&bench, &two.other.mount_point())]);
    assert_settled(&two, "notes.txt", &copy);
}

#[test]
fn a_copy_takes_the_name_that_nothing_has_and_two_names_of_one_file_become_one() {
    let Some(bench) = Bench::mounted() else { return };
    let copy = bench.at("a (conflict x 2026-11-24)");
    fs::write(&copy, "kept").unwrap();
    let refused = conflicts(&bench, &[&"--keep", &"A", &copy]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    settle(&bench, &[&"--keep", &"B", &copy]);
    assert_only(&bench.mount_point(), "a", b"kept");
    fs::hard_link(bench.at("a"), &copy).unwrap();
    settle(&bench, &[&"--keep", &"B", &copy]);
    assert_only(&bench.mount_point(), "a", b"kept");
}

#[test]
fn what_is_no_conflict_is_left_alone() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("a"), "a").unwrap();
    for nth in 1..3 {
        fs::write(bench.at(format!("b (conflict x 2026-11-24 {nth})")), "").unwrap();
    }
    fs::write(bench.at("b"), "b").unwrap();
    let outside = bench.folder().join("b (conflict x 2026-11-24)");
    fs::write(&outside, "outside").unwrap();
    let refused = |path: &dyn AsRef<std::ffi::OsStr>| {
        let (code, text) = said(&conflicts(&bench, &[&"--keep", &"B", path]));
        assert_eq!(code, 2, "{text}");
        text
    };
    assert!(refused(&bench.at("a")).contains("no conflict copy of this"));
    assert!(refused(&bench.at("c (conflict x 2026-11-24)")).contains("no conflict copy of this"));
    assert!(refused(&bench.at("b")).contains("say which copy"));
    assert!(refused(&outside).contains("in no mount"));
    assert!(refused(&bench.vault()).contains("as a path in the vault"));
    assert_eq!(names(&bench.mount_point()).len(), 4);
    assert!(outside.exists());
}
