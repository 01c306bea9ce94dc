//! `key remove`.

use std::fs;

use hushfs::crypto::MasterKey;
use hushfs::format::{RecoveryKey, SlotDraft, Time, UnverifiedDescriptor, slot_path};
use hushfs::fs::SlotStanding;

use crate::subject::{FIRST, SECOND, Subject, new};

fn remove(slot: &str) -> [&str; 4] {
    ["key", "remove", "--yes", slot]
}

#[test]
fn a_removed_way_opens_nothing_and_those_that_do_are_told() {
    let subject = Subject::new();
    let slot = subject.password_slot();
    let said = subject.said_with_key(&remove(&slot[..6]));
    said.expect(0, &["Removed slot", "These open the vault", "64-digit key", "old copy"]);
    subject.said_with(FIRST, &["key", "test"]).expect(10, &["does not open with a password"]);
    assert!(subject.opens_with_key());
    assert_eq!(subject.slot_files().len(), 1);
}

#[test]
fn the_last_way_stays() {
    let subject = Subject::new();
    subject.said_with_key(&remove(&subject.password_slot())).expect(0, &[]);
    let last = subject.slots().remove(0).id;
    let before = subject.slot_files();
    subject.said_with_key(&remove(&last)).expect(1, &["is the last one", "key add"]);
    assert_eq!(subject.slot_files(), before);
}

#[test]
fn nothing_is_removed_where_it_is_not_clear_what_is_meant_or_nobody_affirms() {
    let subject = Subject::new();
    for password in [SECOND, "three", "four"] {
        let add = ["key", "add", "--password", "--yes", "--name", "same", &new(password)];
        subject.said_with_key(&add).expect(0, &[]);
    }
    let before = subject.slot_files();
    for (words, code, text) in [
        (&["key", "remove", "--yes", "same"][..], 2, "can be more than one"),
        (&["key", "remove", "--yes", "nobody"], 2, "has no slot “nobody”"),
        (&["key", "remove", "--yes", ""], 2, "has no slot"),
        (&["key", "remove", &before[0][..8]], 2, "no terminal"),
    ] {
        subject.said_with_key(words).expect(code, &[text]);
    }
    subject.said_with("wrong", &remove(&before[0][..8])).expect(10, &[]);
    assert_eq!(subject.slot_files(), before);
}

#[test]
fn copies_that_a_sync_client_made_of_a_slot_go_with_it() {
    let subject = Subject::new();
    let slot = subject.password_slot();
    let own = subject.vault().join(format!("keys/{slot}.key"));
    for copy in [
        format!("keys/{slot} (1).key"),
        format!("keys/{slot}.sync-conflict-20261124-1.key"),
        format!("{slot} (copy).key"),
    ] {
        fs::copy(&own, subject.vault().join(copy)).unwrap();
    }
    subject.said_with_key(&["key", "list"]).expect(0, &["also, or only, as keys/"]);
    assert_eq!(subject.slots().len(), 2);
    subject.said_with_key(&remove(&slot)).expect(0, &[]);
    assert!(!subject.opens(FIRST));
    assert_eq!(subject.slot_files().len(), 1);
    assert!(!subject.vault().join(format!("{slot} (copy).key")).exists());
}

#[test]
fn a_slot_that_somebody_without_the_keys_put_there_is_told_and_never_relied_on() {
    let subject = Subject::new();
    let descriptor = fs::read(subject.vault().join("hushfs.vault")).unwrap();
    let vault = *UnverifiedDescriptor::parse(&descriptor).unwrap().claimed_vault();
    let draft = SlotDraft {
        vault: &vault,
        created: Time::now(),
        chunk_size: hushfs::format::ChunkSize::DEFAULT,
        label: "trust me",
        device: None,
        device_name: "laptop",
        replaces: None,
    };
    let stranger = MasterKey::random().class_keys(&vault);
    let forged = draft.seal_key(&stranger, &RecoveryKey::random());
    fs::write(subject.vault().join(slot_path(forged.id)), &forged.bytes).unwrap();
    let id = forged.id.to_string();
    let listed = subject.slots().into_iter().find(|slot| slot.id == id).unwrap();
    assert_eq!((listed.standing, listed.name), (SlotStanding::Damaged, None));
    subject.said_with_key(&remove(&subject.password_slot())).expect(0, &[]);
    let last = subject.slots().into_iter().find(|slot| slot.id != id).unwrap().id;
    subject.said_with_key(&remove(&last)).expect(1, &["is the last one"]);
    subject.said_with_key(&remove(&id)).expect(0, &[]);
    assert!(subject.opens_with_key());
}

#[test]
fn a_damaged_slot_can_go_and_does_not_count_as_one_that_stays() {
    let subject = Subject::new();
    let slot = subject.password_slot();
    fs::write(subject.vault().join(format!("keys/{slot}.key")), "torn").unwrap();
    let key = subject.slots().into_iter().find(|slot| slot.standing.is_relied_on()).unwrap().id;
    subject.said_with_key(&remove(&key)).expect(1, &["is the last one"]);
    subject.said_with_key(&remove(&slot)).expect(0, &[]);
    assert_eq!(subject.slot_files(), [format!("{key}.key")]);
}
