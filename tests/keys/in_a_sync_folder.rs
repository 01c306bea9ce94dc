//! Slots that come and go on several devices, with a sync client in between.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::copied::copy_folder;
use crate::program::Said;
use crate::subject::{FIRST, SECOND, Subject, new};

/// Names in the folder of slots.
fn names(vault: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(vault.join("keys")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Both folders of slots get what was added and lose what was removed in either.
fn sync(before: &BTreeSet<String>, vaults: [&Path; 2]) {
    let [first, second] = vaults.map(names);
    for (from, to, here, there) in
        [(vaults[0], vaults[1], &first, &second), (vaults[1], vaults[0], &second, &first)]
    {
        for added in here.difference(before).filter(|name| !there.contains(*name)) {
            fs::copy(from.join("keys").join(added), to.join("keys").join(added)).unwrap();
        }
        for removed in before.difference(here).filter(|name| there.contains(*name)) {
            fs::remove_file(to.join("keys").join(removed)).unwrap();
        }
    }
    assert_eq!(names(vaults[0]), names(vaults[1]));
}

/// A second device with a copy of the vault, and what the command says there.
fn on_second_device(subject: &Subject, words: &[&str]) -> Said {
    let mut command = subject.command(words);
    command.env("XDG_STATE_HOME", subject.place("second-state-home"));
    Said::by(command.arg(subject.place("second")))
}

#[test]
fn two_devices_that_change_the_password_at_once_both_succeed() {
    let subject = Subject::new();
    copy_folder(&subject.vault(), &subject.place("second"));
    let before = names(&subject.vault());
    subject.said_with(FIRST, &["passwd", "--yes", &new(SECOND)]).expect(0, &[]);
    let by = format!("--password-command=echo {FIRST}");
    let third = "pewter gondola thicket ample";
    on_second_device(&subject, &["passwd", "--yes", &by, &new(third)]).expect(0, &[]);
    sync(&before, [&subject.vault(), &subject.place("second")]);
    assert!(!subject.opens(FIRST) && subject.opens(SECOND) && subject.opens(third));
}

#[test]
fn two_devices_that_each_remove_what_the_other_relies_on_still_open_the_vault() {
    let subject = Subject::new();
    copy_folder(&subject.vault(), &subject.place("second"));
    let before = names(&subject.vault());
    let password = subject.password_slot();
    let key = subject.slots().into_iter().find(|slot| !slot.is_password()).unwrap().id;
    subject.said_with_key(&["key", "remove", "--yes", &password]).expect(0, &[]);
    let by = format!("--password-command=echo {FIRST}");
    on_second_device(&subject, &["key", "remove", "--yes", &by, &key]).expect(0, &[]);
    sync(&before, [&subject.vault(), &subject.place("second")]);
    assert_eq!(names(&subject.vault()).len(), 0);

    // A device that has removed nothing has nothing to go by.
    let mut elsewhere = subject.command(&["key", "test", "--key-file"]);
    elsewhere.env("XDG_STATE_HOME", subject.place("third-state-home")).arg(subject.key());
    Said::by(elsewhere.arg(subject.vault())).expect(11, &["holds no slots"]);
    // The two have what they relied on, and make a new slot of it.
    let add = ["key", "add", "--password", "--yes", &new(SECOND)];
    on_second_device(&subject, &["key", "test", &by]).expect(0, &["two devices removed them"]);
    subject.said_with_key(&add).expect(0, &["two devices removed them", "is added"]);
    assert!(subject.opens(SECOND));
    subject.said_with(SECOND, &["key", "list"]).expect(0, &["password"]);
    // A vault that has slots is opened by those alone.
    subject.said_with_key(&["key", "test"]).expect(10, &[]);
}

#[test]
fn slots_that_have_not_arrived_are_no_damage_and_what_is_there_is_not_the_last_to_go() {
    let subject = Subject::new();
    let second = subject.place("second");
    copy_folder(&subject.vault(), &second);
    let password = subject.password_slot();
    fs::remove_file(second.join(format!("keys/{password}.key"))).unwrap();
    let key = format!("--key-file={}", subject.key().display());
    on_second_device(&subject, &["key", "test", &key]).expect(0, &[]);
    let slots = on_second_device(&subject, &["key", "list", "--json", &key]);
    let slots = crate::subject::slots(&slots);
    assert_eq!(slots.len(), 1);
    let remove = ["key", "remove", "--yes", &key, &slots[0].id];
    on_second_device(&subject, &remove).expect(1, &["is the last one"]);
    fs::remove_dir_all(second.join("keys")).unwrap();
    on_second_device(&subject, &["key", "test", &key])
        .expect(11, &["they have not been downloaded yet"]);
}

#[test]
fn a_slot_that_a_sync_client_has_renamed_is_listed_and_opens() {
    let subject = Subject::new();
    let slot = subject.password_slot();
    let keys = subject.vault().join("keys");
    fs::rename(keys.join(format!("{slot}.key")), keys.join(format!("{slot} (conflicted).key")))
        .unwrap();
    assert!(subject.opens(FIRST));
    subject.said_with_key(&["key", "list"]).expect(0, &["also, or only, as keys/"]);
    subject.said_with(FIRST, &["passwd", "--yes", &new(SECOND)]).expect(0, &[]);
    assert!(!subject.opens(FIRST) && subject.opens(SECOND));
}
