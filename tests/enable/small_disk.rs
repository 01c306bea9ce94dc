//! A vault on a disk that is too small, or becomes full on the way.

use std::fs;

use crate::device::content;
use crate::disk::SmallDisk;
use crate::names::names;
use crate::place::Place;
use crate::tree;

fn fill(place: &Place, files: u32) {
    for nth in 0..files {
        fs::write(place.chats().join(format!("{nth}")), content(nth, 1_000_000)).unwrap();
    }
}

#[test]
fn too_little_room_is_said_before_anything_is_done() {
    let place = Place::new();
    let Some(_disk) = SmallDisk::at(&place.at("cloud"), 24) else { return };
    fill(&place, 40);
    let before = tree::read(&place.chats(), true);
    place.enable(&[]).expect(1, &["not enough room", "Nothing was changed"]);
    assert!(!place.vault().exists());
    assert_eq!(tree::read(&place.chats(), true), before);
    place.make_vault();
    place.enable(&[]).expect(1, &["not enough room"]);
    assert_eq!(tree::read(&place.chats(), true), before);
}

#[test]
fn a_disk_that_becomes_full_on_the_way_loses_nothing_and_it_goes_on() {
    let place = Place::new();
    let Some(disk) = SmallDisk::at(&place.at("cloud"), 64) else { return };
    place.make_vault();
    fill(&place, 20);
    let before = tree::read(&place.chats(), true);
    // The state folder's disk is the one that fills up: nobody looks at it beforehand.
    let state = place.at("cloud/state");
    let obstacle = place.at("cloud/obstacle");
    let run = || {
        let mut command = crate::program::hushfs(&["enable", "--yes", "--no-mount"]);
        command.arg("--key-file").arg(place.key()).arg("--state-dir").arg(&state);
        command.arg(place.chats()).arg("--vault").arg(place.at("vault elsewhere"));
        crate::program::Said::by(&mut command)
    };
    let mut init = crate::program::hushfs(&["init", "--yes", "--key-file"]);
    fs::remove_file(place.key()).unwrap();
    crate::program::Said::by(init.arg(place.key()).arg(place.at("vault elsewhere"))).expect(0, &[]);
    fs::write(&obstacle, vec![1; 30_000_000]).unwrap();
    let said = run();
    said.expect(1, &["is full", "Nothing is lost", "run the same command again"]);
    assert_eq!(tree::read(&place.chats(), true), before);
    fs::remove_file(&obstacle).unwrap();
    run().expect(0, &[]);
    assert!(names(&place.chats()).is_empty());
    let mut restore = crate::program::hushfs(&["restore", "--key-file"]);
    restore.arg(place.key()).arg("--state-dir").arg(place.at("none"));
    crate::program::Said::by(restore.arg(place.at("vault elsewhere")).arg(place.at("r")))
        .expect(0, &[]);
    assert_eq!(tree::read(&place.at("r"), true), before);
    drop(disk);
}
