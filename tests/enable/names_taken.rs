//! A vault that has files already.

use std::fs;

use crate::names::names;
use crate::place::Place;
use crate::program::Said;

/// A vault into which another folder was taken before.
fn with_files(files: &[(&str, &[u8])]) -> Place {
    let place = Place::new();
    let other = place.at("Other");
    fs::create_dir_all(other.join("both")).unwrap();
    for (name, content) in files {
        fs::write(other.join(name), content).unwrap();
    }
    let mut command = place.command("enable");
    command.arg("--yes").arg("--no-mount").arg(&other).arg("--vault").arg(place.vault());
    Said::by(&mut command).expect(0, &[]);
    place
}

#[test]
fn what_is_the_same_is_taken_as_done_and_what_is_not_comes_beside() {
    let place =
        with_files(&[("same", b"same"), ("a.txt", b"theirs"), ("both/b", b"b"), ("file", b"x")]);
    fs::create_dir(place.chats().join("both")).unwrap();
    fs::create_dir(place.chats().join("file")).unwrap();
    let files: [(&str, &[u8]); 5] = [
        ("same", b"same"),
        ("a.txt", b"ours"),
        ("both/c", b"c"),
        ("file/in it", b"y"),
        ("only", b"z"),
    ];
    for (name, content) in files {
        fs::write(place.chats().join(name), content).unwrap();
    }
    let said = place.enable(&[]);
    said.expect(0, &["a.txt: the vault has something else of that name", "a (original).txt"]);
    place.enable(&[]).expect(0, &[]);
    let found = place.restored("restored");
    let expected = ["a (original).txt", "a.txt", "both", "file", "file (original)", "only", "same"];
    assert_eq!(names(&found), expected);
    assert_eq!(names(&found.join("both")), ["b", "c"]);
    assert_eq!(fs::read(found.join("a.txt")).unwrap(), b"theirs");
    assert_eq!(fs::read(found.join("a (original).txt")).unwrap(), b"ours");
    assert_eq!(fs::read(found.join("file (original)/in it")).unwrap(), b"y");
}

#[test]
fn a_second_run_finds_what_the_first_has_put_beside() {
    let place = with_files(&[("a.txt", b"theirs")]);
    fs::write(place.chats().join("a.txt"), b"ours").unwrap();
    let socket = std::os::unix::net::UnixListener::bind(place.chats().join("socket")).unwrap();
    place.enable(&["--keep-originals"]).expect(1, &["socket"]);
    place.enable(&["--keep-originals"]).expect(1, &["socket"]);
    drop(socket);
    fs::remove_file(place.chats().join("socket")).unwrap();
    place.enable(&[]).expect(0, &[]);
    let expected = ["a (original).txt", "a.txt", "both"];
    assert_eq!(names(&place.restored("restored")), expected);
}

#[test]
fn a_wrong_password_or_key_changes_nothing() {
    let place = with_files(&[("a", b"a")]);
    fs::write(place.chats().join("b"), b"b").unwrap();
    fs::write(place.at("wrong"), "not the password\n").unwrap();
    let mut command = crate::program::hushfs(&["enable", "--yes", "--password-file"]);
    command.arg(place.at("wrong")).arg("--state-dir").arg(place.at("state"));
    command.arg(place.chats()).arg("--vault").arg(place.vault());
    Said::by(&mut command).expect(10, &[]);
    fs::rename(place.key(), place.at("right key")).unwrap();
    let key = "0123".repeat(16);
    fs::write(place.key(), key).unwrap();
    place.enable(&[]).expect(10, &[]);
    assert_eq!(names(&place.chats()), ["b"]);
    fs::rename(place.at("right key"), place.key()).unwrap();
    assert_eq!(names(&place.restored("restored")), ["a", "both"]);
}

#[test]
fn a_new_file_never_takes_the_place_of_one_that_was_deleted_before() {
    let place = Place::new();
    fs::write(place.chats().join("backup"), b"years of chats").unwrap();
    let socket = std::os::unix::net::UnixListener::bind(place.chats().join("socket")).unwrap();
    place.enable(&[]).expect(1, &["socket"]);
    assert_eq!(names(&place.chats()), ["socket"]);
    drop(socket);
    fs::remove_file(place.chats().join("socket")).unwrap();
    // What an app does that finds nothing.
    fs::write(place.chats().join("backup"), b"new and empty").unwrap();
    place.enable(&[]).expect(0, &["backup (original)"]);
    let found = place.restored("restored");
    assert_eq!(fs::read(found.join("backup")).unwrap(), b"years of chats");
    assert_eq!(fs::read(found.join("backup (original)")).unwrap(), b"new and empty");
}

#[test]
fn files_whose_names_look_like_those_of_copies_beside_are_all_kept() {
    let place = with_files(&[("a.txt", b"theirs")]);
    for (name, content) in
        [("a.txt", "one"), ("a (original).txt", "two"), ("a (original 2).txt", "three")]
    {
        fs::write(place.chats().join(name), content).unwrap();
    }
    place.enable(&[]).expect(0, &["a (original 3).txt"]);
    let found = place.restored("restored");
    let read = |name: &str| fs::read_to_string(found.join(name)).unwrap();
    assert_eq!(read("a.txt"), "theirs");
    assert_eq!(read("a (original).txt"), "two");
    assert_eq!(read("a (original 2).txt"), "three");
    assert_eq!(read("a (original 3).txt"), "one");
}
