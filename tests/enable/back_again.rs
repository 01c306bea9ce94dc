//! `hushfs disable`: what it refuses, and what a damaged vault comes to.

use std::fs;

use crate::device::content;
use crate::names::names;
use crate::place::Place;

fn filled() -> Place {
    let place = Place::new();
    for nth in 0..3 {
        fs::write(place.chats().join(format!("{nth}")), content(nth, 200_000)).unwrap();
    }
    place.enable(&[]).expect(0, &[]);
    place
}

#[test]
fn a_damaged_vault_is_not_deleted_and_what_is_missing_is_said() {
    let place = filled();
    let packs = crate::packs::packs(&place.vault());
    let (pack, _) = packs.iter().max_by_key(|(_, bytes)| *bytes).unwrap();
    let mut bytes = fs::read(pack).unwrap();
    // In the first chunk.
    bytes[100] ^= 1;
    fs::write(pack, &bytes).unwrap();
    let said = place.disable(&place.chats(), &["--delete-vault", "--yes"]);
    said.expect(11, &["DAMAGED", "cannot be read"]);
    assert!(pack.exists() && place.vault().join("hushfs.vault").exists());
    let whole = (0..3).filter(|nth| {
        fs::read(place.chats().join(format!("{nth}")))
            .is_ok_and(|found| found == content(*nth, 200_000))
    });
    assert_eq!(whole.count(), 2, "{:?}", names(&place.chats()));
    fs::remove_file(pack).unwrap();
    place.disable(&place.at("again"), &["--delete-vault", "--yes"]);
    assert!(place.vault().join("hushfs.vault").exists());
}

#[test]
fn the_vault_goes_only_when_it_is_wanted_and_strangers_in_it_stay() {
    let place = filled();
    fs::write(place.vault().join("photo.jpg"), b"mine").unwrap();
    place.disable(&place.chats(), &[]).expect(0, &["is kept", "--delete-vault"]);
    assert!(place.vault().join("hushfs.vault").exists());
    place.disable(&place.chats(), &["--delete-vault"]).expect(2, &["pass --yes"]);
    let said = place.disable(&place.chats(), &["--delete-vault", "--yes"]);
    said.expect(0, &["The vault is deleted", "none of it"]);
    assert_eq!(names(&place.vault()), ["photo.jpg"]);
    assert_eq!(names(&place.chats()), ["0", "1", "2"]);
}

#[test]
fn a_file_that_is_not_as_in_the_vault_keeps_the_vault() {
    let place = filled();
    place.disable(&place.chats(), &[]).expect(0, &[]);
    let path = place.chats().join("1");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    // As long and as old as the vault's: a restore takes it for its own.
    fs::write(&path, content(77, 200_000)).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let said = place.disable(&place.chats(), &["--delete-vault", "--yes"]);
    said.expect(1, &["DIFFERS", "1: its content differs", "the vault is kept"]);
    assert!(place.vault().join("hushfs.vault").exists());
    assert!(fs::read(&path).unwrap() == content(77, 200_000));
}

#[test]
fn a_folder_with_other_files_is_no_place_to_come_back_to() {
    let place = filled();
    fs::write(place.chats().join("mine"), b"mine").unwrap();
    place.disable(&place.chats(), &[]).expect(2, &["is not empty", "mine"]);
    assert_eq!(names(&place.chats()), ["mine"]);
    place.disable(&place.vault().join("in it"), &[]).expect(2, &["within each other"]);
    place.disable(&place.at("new"), &[]).expect(0, &[]);
    assert_eq!(names(&place.at("new")), ["0", "1", "2"]);
}
