//! Old copies in the cloud folder go as far as the vault has their bytes.

use std::fs;

use crate::device::content;
use crate::names::names;
use crate::place::Place;

#[test]
fn only_copies_whose_bytes_the_vault_has_go_each_by_itself() {
    let place = Place::new();
    fs::write(place.chats().join("a"), content(1, 300_000)).unwrap();
    fs::write(place.chats().join("b"), content(2, 300_000)).unwrap();
    let (old, single) = (place.at("old"), place.at("single.jpg"));
    fs::create_dir_all(old.join("2025/empty")).unwrap();
    fs::write(old.join("2025/renamed"), content(1, 300_000)).unwrap();
    // As long as the others, and different in the last byte.
    let mut nearly = content(2, 300_000);
    nearly[299_999] ^= 1;
    fs::write(old.join("nearly b"), &nearly).unwrap();
    fs::write(&single, content(2, 300_000)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", old.join("link")).unwrap();
    let also = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let said = place.enable(&["--also-delete", &also(&old), "--also-delete", &also(&single)]);
    said.expect(1, &["nearly b: no file in the vault has the same content", "old copies stay"]);
    assert!(names(&place.chats()).is_empty() && !single.exists());
    assert_eq!(names(&old), ["link", "nearly b"]);
    assert_eq!(fs::read(old.join("nearly b")).unwrap(), nearly);
    fs::remove_file(old.join("nearly b")).unwrap();
    fs::remove_file(old.join("link")).unwrap();
    fs::write(old.join("again"), content(2, 300_000)).unwrap();
    place.enable(&["--also-delete", &also(&old)]).expect(0, &[]);
    assert!(!old.exists());
    // Nothing is left to delete, and the same command ends well.
    place.enable(&["--also-delete", &also(&old)]).expect(0, &[]);
}

#[test]
fn copies_around_the_vault_or_the_folder_are_refused() {
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    fs::create_dir(place.at("cloud")).unwrap();
    for path in [place.at("cloud"), place.chats(), place.at("")] {
        place.enable(&["--also-delete", path.to_str().unwrap()]).expect(2, &["--also-delete"]);
    }
    assert_eq!(names(&place.chats()), ["a"]);
}
