//! Commands that read a vault without a mount: they wait for what is online only.

use std::fs;
use std::path::Path;

use super::bench::said;
use super::cloud::Reads;
use super::place::{Place, assert_content, content};

#[test]
fn verify_and_restore_read_what_is_online_only() {
    let Some(place) = Place::with_files(&[3 << 20, 5000]) else { return };
    let (code, text) = said(&place.run_on_vault("verify", &[]));
    assert!(code == 0 && text.contains("all is whole"), "{code}: {text}");
    place.cloud.evict_all();
    let restored = place.bench.folder().join("restored");
    let (code, text) = said(&place.run_on_vault("restore", &[&restored]));
    assert_eq!(code, 0, "{text}");
    assert_content(&restored.join("0"), &content(0, 3 << 20));
    assert_content(&restored.join("1"), &content(1, 5000));
}

#[test]
fn what_could_not_be_fetched_is_neither_damaged_nor_restored_in_part() {
    let Some(place) = Place::with_files(&[5000, 5000]) else { return };
    place.set_of(0, Reads::Fail);
    let (code, text) = said(&place.run_on_vault("verify", &[]));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("online only: could not be fetched"), "{text}");
    assert!(!text.contains("DAMAGED") && !text.contains("whole"), "{text}");
    let restored = place.bench.folder().join("restored");
    let (code, text) = said(&place.run_on_vault("restore", &[&restored]));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("0: online only: ") && text.contains("could not be fetched"), "{text}");
    let names = fs::read_dir(&restored).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["1"]);
}

#[test]
fn salvage_tells_which_packs_it_could_not_fetch_and_gets_out_the_rest() {
    let Some(place) = Place::with_files(&[5000, 5000, 5000]) else { return };
    place.set_of(0, Reads::Fail);
    let name = place.pack_name(1);
    let folder = place.bench.vault().join("data").join(&name[..2]);
    fs::remove_file(folder.join(name)).unwrap();
    fs::write(folder.join(format!(".{name}.icloud")), b"bplist00").unwrap();
    let salvaged = place.bench.folder().join("salvaged");
    let output = place.bench.run("salvage", &["--key-file".as_ref()], |command| {
        command.arg(place.bench.key_file()).arg(place.vault()).arg(&salvaged);
    });
    let (code, text) = said(&output);
    assert!(code == 1 && text.contains("2 packs were not read"), "{code}: {text}");
    assert_eq!(text.matches("online only: could not be fetched").count(), 2, "{text}");
    let names = fs::read_dir(&salvaged).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["2"]);
    assert_content(&salvaged.join("2"), &content(2, 5000));
}

#[test]
fn repair_leaves_what_could_not_be_fetched_as_it_is() {
    let Some(place) = Place::with_files(&[5000, 5000]) else { return };
    let name = place.pack_name(1);
    let pack = place.bench.vault().join("data").join(&name[..2]).join(name);
    let before = fs::read(&pack).unwrap();
    place.set_of(1, Reads::Fail);
    let (_, text) = said(&place.run_on_vault("repair", &[Path::new("--write")]));
    assert!(text.contains("online only, and could not be fetched"), "{text}");
    assert!(fs::read(&pack).unwrap() == before);
    place.cloud.set(Reads::Come);
    let (code, text) = said(&place.run_on_vault("verify", &[]));
    assert!(code == 0 && text.contains("all is whole"), "{code}: {text}");
}
