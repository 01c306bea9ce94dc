//! What becomes of two changes that did not know of each other.

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::RenameMode;

use crate::bench::device::{Device, content};
use crate::fleet::{Fleet, assert_same};
use crate::shown::Shown;

/// Both devices start from what `before` makes, do their own, and are joined; gives what both show.
fn both(before: impl Fn(&Device), one: impl Fn(&Device), other: impl Fn(&Device)) -> Shown {
    let fleet = Fleet::new(2);
    before(fleet.device(0));
    fleet.join();
    one(fleet.device(0));
    fleet.device(0).publish();
    other(fleet.device(1));
    fleet.device(1).publish();
    fleet.join();
    assert_same(&fleet.shown(0), &fleet.shown(1), "both");
    assert_same(&fleet.shown(0), &fleet.shown_anew(0), "anew");
    fleet.shown(0)
}

fn put(device: &Device, path: &str, content: &[u8]) {
    device.file(path, content);
}

fn names(shown: &Shown) -> Vec<String> {
    let today = hushfs::format::Time::now().date();
    shown.keys().map(|name| name.replace(&today, "DATE")).collect()
}

fn content_of(shown: &Shown, start: &str) -> Vec<Vec<u8>> {
    let named = shown.iter().filter(|(name, _)| name.starts_with(start));
    named.map(|(_, entry)| entry.content.clone().unwrap()).collect()
}

fn overwrite(device: &Device, path: &str, seed: u32) {
    let ino = device.ino(path);
    device.files.write(ino, 4000, &content(seed, 5000), false).unwrap();
    device.files.close(ino).unwrap();
}

fn overwritten(seed: u32) -> Vec<u8> {
    let mut expected = content(0, 30_000);
    expected[4000..9000].copy_from_slice(&content(seed, 5000));
    expected
}

#[test]
fn new_files_of_both_stay() {
    let shown = both(|_| {}, |d| put(d, "a", b"1"), |d| put(d, "b", b"2"));
    assert_eq!(names(&shown), ["/a", "/b"]);
}

#[test]
fn of_one_name_that_both_made_the_later_has_it_and_the_other_stands_beside() {
    let shown = both(|_| {}, |d| put(d, "a.jpg", b"1"), |d| put(d, "a.jpg", b"2"));
    let [conflict, plain] = &names(&shown)[..] else { panic!("{:?}", names(&shown)) };
    assert_eq!(plain, "/a.jpg");
    assert!(conflict.starts_with("/a (conflict device-") && conflict.ends_with(" DATE).jpg"));
    let mut contents = content_of(&shown, "/a");
    contents.sort();
    assert_eq!(contents, [b"1", b"2"]);
}

#[test]
fn two_versions_of_a_file_both_stay_whole() {
    let before = |d: &Device| put(d, "a", &content(0, 30_000));
    let shown = both(before, |d| overwrite(d, "a", 1), |d| overwrite(d, "a", 2));
    let mut contents = content_of(&shown, "/a");
    contents.sort();
    let mut expected = vec![overwritten(1), overwritten(2)];
    expected.sort();
    assert!(contents == expected, "{:?}", names(&shown));
}

#[test]
fn a_file_that_is_written_here_and_renamed_there_is_both() {
    let shown = both(
        |d| put(d, "a", &content(0, 30_000)),
        |d| overwrite(d, "a", 1),
        |d| d.files.rename(Ino::ROOT, b"a", Ino::ROOT, b"b", RenameMode::Replace).unwrap(),
    );
    assert_eq!(names(&shown), ["/b"]);
    assert!(content_of(&shown, "/b") == [overwritten(1)]);
}

#[test]
fn a_change_outlives_a_removal_whichever_is_later() {
    let before = |d: &Device| put(d, "a", &content(0, 30_000));
    let write = |d: &Device| overwrite(d, "a", 1);
    let remove = |d: &Device| d.files.unlink(Ino::ROOT, b"a").unwrap();
    for shown in [both(before, write, remove), both(before, remove, write)] {
        assert_eq!(names(&shown), ["/a"]);
        assert!(content_of(&shown, "/a") == [overwritten(1)]);
    }
}

#[test]
fn what_others_put_into_a_folder_outlives_its_removal() {
    let before = |d: &Device| {
        d.make("folder", NodeKind::Folder);
        d.make("folder/in", NodeKind::Folder);
        d.file("folder/in/old", b"0");
    };
    let adds = |d: &Device| put(d, "folder/in/new", b"1");
    let remove = |d: &Device| {
        let (folder, inner) = (d.ino("folder"), d.ino("folder/in"));
        d.files.unlink(inner, b"old").unwrap();
        d.files.remove_folder(folder, b"in").unwrap();
        d.files.remove_folder(Ino::ROOT, b"folder").unwrap();
    };
    for shown in [both(before, adds, remove), both(before, remove, adds)] {
        assert_eq!(names(&shown), ["/folder", "/folder/in", "/folder/in/new"]);
    }
}

#[test]
fn of_two_moves_that_would_make_a_circle_one_holds() {
    let before = |d: &Device| {
        d.make("a", NodeKind::Folder);
        d.make("b", NodeKind::Folder);
        d.file("a/in-a", b"1");
        d.file("b/in-b", b"2");
    };
    let into = |d: &Device, name: &[u8], folder: &str| {
        let to = d.ino(folder);
        d.files.rename(Ino::ROOT, name, to, name, RenameMode::Replace).unwrap();
    };
    let shown = both(before, |d| into(d, b"a", "b"), |d| into(d, b"b", "a"));
    let names = names(&shown);
    let one = ["/a", "/a/b", "/a/b/in-b", "/a/in-a"];
    let other = ["/b", "/b/a", "/b/a/in-a", "/b/in-b"];
    assert!(names == one || names == other, "{names:?}");
}

#[test]
fn a_save_by_renaming_over_the_file_that_another_has_written_loses_neither() {
    let shown = both(
        |d| put(d, "a", &content(0, 30_000)),
        |d| {
            d.file("a.tmp", &content(3, 100));
            d.files.rename(Ino::ROOT, b"a.tmp", Ino::ROOT, b"a", RenameMode::Replace).unwrap();
        },
        |d| overwrite(d, "a", 1),
    );
    let mut contents = content_of(&shown, "/a");
    contents.sort();
    let mut expected = vec![content(3, 100), overwritten(1)];
    expected.sort();
    assert!(contents == expected, "{:?}", names(&shown));
}

#[test]
fn whoever_goes_on_with_the_version_that_lost_its_name_changes_that_one() {
    let fleet = Fleet::new(3);
    fleet.device(0).file("a", &content(0, 30_000));
    fleet.join();
    overwrite(fleet.device(0), "a", 1);
    fleet.device(0).publish();
    // Its version is the later one.
    put(fleet.device(1), "b", b"");
    fleet.device(1).publish();
    overwrite(fleet.device(1), "a", 2);
    fleet.device(1).publish();
    // The third has seen both, and changes what goes by the name; the first has seen neither.
    fleet.sync(0, 2, || true);
    fleet.sync(1, 2, || true);
    fleet.device(2).files.take_arrivals().unwrap();
    assert_eq!(fleet.shown(2).len(), 3);
    let first = fleet.device(0).ino("a");
    fleet.device(0).files.write(first, 0, b"more by the first", false).unwrap();
    fleet.device(0).files.close(first).unwrap();
    fleet.device(0).publish();
    let third = fleet.device(2).ino("a");
    fleet.device(2).files.write(third, 20_000, b"more by the third", false).unwrap();
    fleet.device(2).files.close(third).unwrap();
    fleet.join();
    let shown = fleet.shown(0);
    for nth in 1..3 {
        assert_same(&shown, &fleet.shown(nth), "all");
    }
    let contents = content_of(&shown, "/a");
    let has = |needle: &[u8]| {
        contents.iter().filter(|it| it.windows(needle.len()).any(|w| w == needle)).count()
    };
    assert_eq!(contents.len(), 2, "{:?}", names(&shown));
    assert_eq!((has(b"more by the first"), has(b"more by the third")), (1, 1));
}

#[test]
fn whoever_comes_back_after_what_they_built_on_was_collected_loses_and_mixes_nothing() {
    let fleet = Fleet::new(2);
    put(fleet.device(0), "a", &content(0, 30_000));
    put(fleet.device(0), "gone", b"x");
    fleet.join();
    // One goes on without the other, and lets go of all that came before.
    overwrite(fleet.device(1), "a", 1);
    fleet.device(1).files.unlink(Ino::ROOT, b"gone").unwrap();
    put(fleet.device(1), "new", b"new");
    fleet.device(1).publish();
    overwrite(fleet.device(0), "a", 2);
    for nth in 0..8 {
        put(fleet.device(0), &format!("file-{nth}"), b"x");
        fleet.device(0).publish();
    }
    let before = fleet.objects(0);
    assert!(fleet.device(0).files.collect(std::time::Duration::ZERO).unwrap().removed_logs > 0);
    fleet.take_away(1, before.difference(&fleet.objects(0)));
    fleet.join();
    let shown = fleet.shown(0);
    for (other, which) in [(fleet.shown(1), "other"), (fleet.shown_anew(0), "anew")] {
        assert_same(&shown, &other, which);
    }
    assert!(shown["/a"].content == Ok(overwritten(2)));
    assert!(
        shown.contains_key("/new") && shown.contains_key("/gone") && shown.contains_key("/file-7")
    );
    let part = content(1, 5000);
    let copy = content_of(&shown, "/a (conflict device-1").remove(0);
    assert!(
        copy[4000..9000] == part && copy.len() == 30_000,
        "the other version has what was written"
    );
    // And goes on from there.
    overwrite(fleet.device(1), "a", 3);
    fleet.join();
    assert_same(&fleet.shown(0), &fleet.shown(1), "later");
    assert_eq!(fleet.shown(0).len(), shown.len());
}
