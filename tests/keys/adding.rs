//! `key add`, `key list` and `key test`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use hushfs::fs::SlotStanding;

use crate::copied::copy_folder;
use crate::subject::{FIRST, SECOND, Subject, new, slots};

#[test]
fn a_password_that_was_added_opens_the_vault_and_so_do_the_others() {
    let subject = Subject::new();
    let add = ["key", "add", "--password", "--yes", "--name", "ann", &new(SECOND)];
    subject.said_with(FIRST, &add).expect(0, &["is added: a password", "These open the vault"]);
    assert!(subject.opens(FIRST) && subject.opens(SECOND) && subject.opens_with_key());
    let slots = subject.slots();
    assert_eq!(slots.len(), 3);
    let added = slots.iter().find(|slot| slot.name.as_deref() == Some("ann")).unwrap();
    assert!(added.is_password() && added.standing == SlotStanding::Vouched);
    let now = hushfs::format::Time::now().secs;
    assert!((now - 600..=now).contains(&added.made.unwrap()));
    assert!(added.device.is_some() && added.replaces.is_none());
    subject
        .said_with(SECOND, &["key", "test"])
        .expect(0, &[&format!("opens slot {}: password “ann”", &added.id[..8])]);
}

#[test]
fn a_key_that_was_added_is_in_a_new_file_for_its_owner_alone_and_opens_the_vault() {
    let subject = Subject::new();
    let file = subject.place("paper");
    let to_file = format!("--new-key-file={}", file.display());
    let add = ["key", "add", "--key", "--yes", "--name", "paper", &to_file];
    subject.said_with(FIRST, &add).expect(0, &["64-digit key"]);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    subject
        .said(&["key", "test", "--key-file", file.to_str().unwrap()])
        .expect(0, &["64-digit key “paper”"]);
    assert!(subject.opens_with_key() && subject.opens(FIRST));
    let text = fs::read(&file).unwrap();
    subject.said_with(FIRST, &add).expect(1, &["exists already"]);
    assert_eq!(fs::read(&file).unwrap(), text);
    assert_eq!(subject.slots().len(), 3);
}

#[test]
fn what_cannot_be_added_is_refused_and_changes_nothing() {
    let subject = Subject::new();
    let before = subject.slot_files();
    let inside = format!("--new-key-file={}", subject.vault().join("k").display());
    let long = format!("--name={}", "x".repeat(65));
    fn add<'a>(words: &[&'a str]) -> Vec<&'a str> {
        [&["key", "add"], words].concat()
    }
    for (words, code, text) in [
        (add(&["--yes"]), 2, "--password"),
        (add(&["--password", "--key", "--yes"]), 2, "cannot be used with"),
        (add(&["--password"]), 2, "no terminal"),
        (add(&["--password", "--yes"]), 2, "--new-password-file"),
        (add(&["--key", "--yes"]), 2, "--new-key-file"),
        (add(&["--key", "--yes", &inside]), 2, "would be uploaded"),
        (add(&["--password", "--yes", &new(SECOND), &long]), 2, "longer than 64 bytes"),
        (add(&["--password", "--yes", &new(SECOND), "--name=a\nb"]), 2, "control character"),
        (add(&["--password", "--yes", "--new-password-command=exit 3"]), 1, "failed"),
    ] {
        subject.said_with(FIRST, &words).expect(code, &[text]);
        assert_eq!(subject.slot_files(), before, "{words:?}");
    }
    let second = new(SECOND);
    let words = add(&["--password", "--yes", &second]);
    subject.said_with("wrong", &words).expect(10, &["wrong password"]);
    subject.said(&words).expect(2, &["no terminal to ask for the password"]);
    assert_eq!(subject.slot_files(), before);
    assert!(!subject.opens(SECOND));
}

#[test]
fn a_weak_password_is_named_and_what_a_loss_means() {
    let subject = Subject::new();
    let add = ["key", "add", "--password", "--yes", &new("password1")];
    subject.said_with(FIRST, &add).expect(0, &["common password", "nobody can restore it"]);
}

#[test]
fn more_slots_than_are_ever_tried_are_not_added() {
    let subject = Subject::new();
    for nth in 0..62 {
        fs::write(subject.vault().join(format!("keys/junk-{nth}.key")), "junk").unwrap();
    }
    let add = ["key", "add", "--password", "--yes", &new(SECOND)];
    subject.said_with_key(&add).expect(1, &["64 slots"]);
}

#[test]
fn a_test_of_what_opens_nothing_exits_with_10_and_tells_damage_apart() {
    let subject = Subject::new();
    subject.said_with("wrong", &["key", "test"]).expect(10, &["wrong password"]);
    let slot = format!("keys/{}.key", subject.password_slot());
    let mut bytes = fs::read(subject.vault().join(&slot)).unwrap();
    bytes[60] ^= 1;
    fs::write(subject.vault().join(&slot), bytes).unwrap();
    subject.said_with(FIRST, &["key", "test"]).expect(11, &[&slot]);
    subject.said_with_key(&["key", "test"]).expect(0, &["64-digit key"]);
}

#[test]
fn names_and_dates_show_only_to_who_unlocks() {
    let subject = Subject::new();
    let add = ["key", "add", "--password", "--yes", "--name", "ann", &new(SECOND)];
    subject.said_with(FIRST, &add).expect(0, &[]);
    let locked = subject.said(&["key", "list", "--json"]);
    locked.expect(0, &["sealed"]);
    let locked = slots(&locked);
    assert_eq!(locked.len(), 3);
    for slot in locked {
        assert_eq!((slot.name, slot.made, slot.device), (None, None, None));
        assert_eq!(slot.standing, SlotStanding::Unvouched);
    }
    subject.said_with(SECOND, &["key", "list"]).expect(0, &["ann", "64-digit key"]);
    for name in subject.slot_files() {
        let bytes = fs::read(subject.vault().join("keys").join(name)).unwrap();
        assert!(!bytes.windows(3).any(|window| window == b"ann"));
    }
}

#[test]
fn slots_of_an_older_hushfs_are_listed_opened_and_added_to() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_vaults");
    let subject = Subject::new();
    fs::remove_dir_all(subject.vault()).unwrap();
    copy_folder(&samples.join("format-1"), &subject.vault());
    fs::copy(samples.join("format-1.key"), subject.key()).unwrap();
    let slots = subject.slots();
    let standings: Vec<SlotStanding> = slots.iter().map(|slot| slot.standing).collect();
    assert!(standings.contains(&SlotStanding::Opened), "{slots:?}");
    assert!(standings.contains(&SlotStanding::Unvouched), "{slots:?}");
    // Nothing tells whether the password still opens: the key stays.
    let key = slots.iter().find(|slot| !slot.is_password()).unwrap().id.clone();
    let remove = ["key", "remove", "--yes", &key];
    subject.said_with_key(&remove).expect(1, &["none of the other slots", "Unlock with the one"]);
    assert!(subject.opens_with_key());
    let add = ["key", "add", "--password", "--yes", &new(SECOND)];
    subject.said_with_key(&add).expect(0, &["These may, too"]);
    assert!(subject.opens(FIRST) && subject.opens(SECOND));
    subject.said_with(FIRST, &remove).expect(0, &["Removed slot"]);
    assert!(!subject.opens_with_key() && subject.opens(FIRST) && subject.opens(SECOND));
}
