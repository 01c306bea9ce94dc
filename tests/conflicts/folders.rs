//! Conflicts of folders: they are listed, and never removed with something in them.

use std::fs;

use crate::bench::{Bench, said};
use crate::names::names;
use crate::two::{Two, conflicts, only_copy, settle, told};

#[test]
fn of_two_folders_one_goes_only_when_it_is_empty() {
    let Some(bench) = Bench::new() else { return };
    let two = Two::new(&bench, |_| {});
    let make = |file: &'static str| {
        move |folder: &std::path::Path| {
            fs::create_dir(folder.join("chats")).unwrap();
            fs::write(folder.join("chats").join(file), file).unwrap();
        }
    };
    two.both(make("one"), make("other"));
    let folder = two.one.mount_point();
    let copy = only_copy(&bench, &folder);
    let listed = told(&bench, &folder).remove(0);
    for version in [&listed["named"], &listed["copy"]] {
        assert_eq!((&version["kind"], &version["entries"]), (&"folder".into(), &1.into()));
        assert!(version["device"].is_string(), "{version}");
    }
    for keep in ["A", "B"] {
        let (code, text) = said(&conflicts(&bench, &[&"--keep", &keep, &copy]));
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("is not empty") && text.contains("move what is to stay"), "{text}");
    }
    // What the other folder has moves into the one that stays.
    let chats = folder.join("chats");
    for name in names(&chats) {
        fs::rename(chats.join(&name), copy.join(&name)).unwrap();
    }
    settle(&bench, &[&"--keep", &"B", &copy]);
    two.sync();
    for site in [&two.one, &two.other] {
        assert_eq!(names(&site.mount_point()), ["chats"]);
        assert_eq!(names(&site.mount_point().join("chats")), ["one", "other"]);
        assert!(told(&bench, &site.mount_point()).is_empty());
        site.unmount();
        site.assert_whole(&[]);
    }
}

#[test]
fn an_empty_copy_of_a_folder_goes_and_a_file_does_not_take_a_folders_place() {
    let Some(bench) = Bench::mounted() else { return };
    let at = |name: &str| bench.at(name);
    fs::create_dir(at("a")).unwrap();
    fs::create_dir(at("a (conflict x 2026-11-24)")).unwrap();
    fs::write(at("a/in it"), "").unwrap();
    fs::create_dir(at("b")).unwrap();
    fs::write(at("b (conflict x 2026-11-24)"), "").unwrap();
    settle(&bench, &[&"--keep", &"A", &at("a")]);
    let (code, text) = said(&conflicts(&bench, &[&"--keep", &"B", &at("b")]));
    assert!(code == 1 && text.contains("one is a folder"), "{text}");
    settle(&bench, &[&"--keep", &"A", &at("b")]);
    assert_eq!(names(&bench.mount_point()), ["a", "b"]);
}
