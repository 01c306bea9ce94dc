//! Everything that a tree can have goes into the vault and comes out again.

use std::fs;

use crate::names::names;
use crate::place::Place;
use crate::program::Said;
use crate::tree;

#[test]
fn everything_goes_in_is_gone_and_comes_back() {
    let place = Place::new();
    tree::make_everything(&place.chats());
    let before = tree::read(&place.chats(), true);
    let said = place.enable(&[]);
    said.expect(0, &["read back and compared", "may still be kept", "Empty bin"]);
    assert!(names(&place.chats()).is_empty(), "{said:?}");
    // Twice is as good as once.
    place.enable(&[]).expect(0, &[]);
    let vault = tree::read(&place.restored("restored"), true);
    assert_eq!(vault, before);
    let sparse = fs::metadata(place.at("restored/sparse")).unwrap();
    assert!(std::os::unix::fs::MetadataExt::blocks(&sparse) < 200);
    place.disable(&place.chats(), &[]).expect(0, &["was compared with the vault", "is kept"]);
    assert_eq!(tree::read(&place.chats(), true), before);
}

#[test]
fn nothing_of_the_copying_is_left_in_the_vault() {
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    place.enable(&[]).expect(0, &[]);
    let restored = place.restored("restored");
    assert_eq!(names(&restored), ["a"]);
    let mut list = [0; 1000];
    let length = rustix::fs::llistxattr(restored.join("a"), &mut list[..]).unwrap();
    let list = String::from_utf8_lossy(&list[..length]).into_owned();
    assert!(!list.contains("hushfs"), "{list}");
}

#[test]
fn originals_are_kept_beside_where_that_is_wanted() {
    let place = Place::new();
    tree::make_everything(&place.chats());
    let before = tree::read(&place.chats(), true);
    place.enable(&["--keep-originals"]).expect(0, &["Chats (originals) now"]);
    assert!(names(&place.chats()).is_empty());
    assert_eq!(tree::read(&place.at("Chats (originals)"), true), before);
    place.enable(&["--keep-originals"]).expect(0, &[]);
    assert!(!place.at("Chats (originals 2)").exists());
    assert_eq!(tree::read(&place.restored("restored"), true), before);
}

#[test]
fn without_a_terminal_nothing_is_begun_that_would_have_to_be_asked() {
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    let mut command = place.command("enable");
    command.arg("--no-mount").arg(place.chats()).arg("--vault").arg(place.vault());
    crate::program::Said::by(&mut command).expect(2, &["pass --yes"]);
    assert!(!place.vault().exists());
    assert_eq!(names(&place.chats()), ["a"]);
}

#[test]
fn a_script_is_told_what_was_done_and_what_stays() {
    let place = Place::new();
    fs::create_dir(place.chats().join("in")).unwrap();
    fs::write(place.chats().join("in/a"), vec![1; 5000]).unwrap();
    let held = fs::File::create(place.chats().join("open")).unwrap();
    let said = place.enable(&["--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&told["ok"], &told["compared"], &told["deleted"]),
        (&false.into(), &1.into(), &1.into())
    );
    assert_eq!(told["compared_bytes"], 5000);
    assert_eq!(
        (told["stays"].as_array().unwrap().len(), &told["stays"][0]["path"]),
        (1, &"open".into())
    );
    drop(held);
    let said = place.enable(&["--json"]);
    said.expect(0, &[]);
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&told["ok"], &told["stays"], &told["deleted"]),
        (&true.into(), &serde_json::json!([]), &1.into())
    );
    assert_eq!(told["vault"], place.vault().to_str().unwrap());
    let mut asking = place.command("enable");
    asking.arg("--json").arg(place.chats()).arg("--vault").arg(place.vault());
    Said::by(&mut asking).expect(2, &["--yes"]);
}
