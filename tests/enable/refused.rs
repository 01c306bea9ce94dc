//! What is refused before anything is done.

use std::fs;

use crate::names::names;
use crate::place::Place;
use crate::program::Said;

#[track_caller]
fn refused(place: &Place, folder: &std::path::Path, vault: &std::path::Path, text: &str) {
    let mut command = place.command("enable");
    command.args(["--yes", "--no-mount"]).arg(folder).arg("--vault").arg(vault);
    let said = Said::by(&mut command);
    assert!(matches!(said.code, 1 | 2 | 13), "{said:?}");
    said.expect(said.code, &[text]);
}

#[test]
fn folder_and_vault_within_each_other_are_refused_by_any_path() {
    let place = Place::new();
    let chats = place.chats();
    fs::write(chats.join("a"), b"a").unwrap();
    std::os::unix::fs::symlink(&chats, place.at("link")).unwrap();
    refused(&place, &chats, &chats.join("vault"), "within each other");
    refused(&place, &chats, &place.at("link/vault"), "within each other");
    refused(&place, &chats, &chats, "within each other");
    place.make_vault();
    fs::create_dir(place.vault().join("in it")).unwrap();
    refused(&place, &place.vault().join("in it"), &place.vault(), "within each other");
    refused(&place, &place.at("gone"), &place.vault(), "gone");
    refused(&place, &chats.join("a"), &place.vault(), "is not a folder");
    assert_eq!(names(&chats), ["a"]);
}

#[test]
fn a_folder_that_is_uploaded_is_no_place_for_a_mount() {
    let place = Place::new();
    let chats = place.at("Dropbox/Chats");
    fs::create_dir_all(&chats).unwrap();
    fs::write(chats.join("a"), b"a").unwrap();
    let mut command = place.command("enable");
    command.arg("--yes").arg(&chats).arg("--vault").arg(place.vault());
    Said::by(&mut command).expect(2, &["Dropbox", "--no-mount"]);
    assert_eq!(names(&chats), ["a"]);
    let said = Said::by(command.arg("--no-mount"));
    said.expect(0, &["Dropbox keeps deleted files"]);
    assert!(names(&chats).is_empty() && !said.stdout.contains("OneDrive"));
}

/// A disk in memory; unmounted when dropped.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_mount_point_and_a_folder_around_one_are_refused() {
    let place = Place::new();
    let below = place.chats().join("disk");
    fs::create_dir(&below).unwrap();
    fs::write(place.chats().join("a"), b"a").unwrap();
    let mut mount = std::process::Command::new("mount");
    let mounted = mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&below).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return;
    }
    let _mounted = Mounted(below.clone());
    fs::write(below.join("b"), b"b").unwrap();
    refused(&place, &place.chats(), &place.vault(), "something is mounted at");
    refused(&place, &below, &place.vault(), "is a mount point");
    assert_eq!(names(&place.chats()), ["a", "disk"]);
    assert_eq!(names(&below), ["b"]);
}

#[test]
fn a_folder_with_other_files_in_it_is_no_place_for_a_vault() {
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    fs::create_dir_all(place.vault()).unwrap();
    fs::write(place.vault().join("photo.jpg"), b"x").unwrap();
    place.enable(&[]).expect(1, &["is not empty"]);
    assert_eq!(names(&place.chats()), ["a"]);
    assert_eq!(names(&place.vault()), ["photo.jpg"]);
}

#[test]
fn a_vault_that_another_process_uses_is_refused() {
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    place.make_vault();
    let device = crate::device::Device::open(&place.vault(), &place.key(), &place.at("state"));
    // Who holds the lock is mounted nowhere.
    place.enable(&[]).expect(13, &["in use"]);
    place.disable(&place.at("back"), &[]).expect(13, &["in use"]);
    assert!(!place.at("back").exists());
    drop(device);
    assert_eq!(names(&place.chats()), ["a"]);
}
