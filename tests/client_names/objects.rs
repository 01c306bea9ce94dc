//! Every renaming by every client of every kind of object.

use std::fs;

use crate::bench::program::Said;
use crate::clients::{RENAMES, renamed};
use crate::subject::{Subject, paths};

/// Each object with each name that a client gives it.
fn each(subject: &Subject, mut try_it: impl FnMut(&str, &str, &str)) {
    for object in subject.one_of_each() {
        for (client, rename) in RENAMES {
            let copy = renamed(&object, rename);
            if copy != object {
                println!("{client}: {object} as {copy}");
                try_it(client, &object, &copy);
                subject.forget();
                subject.reset();
            }
        }
    }
}

/// Whether an object is one that is read for every mount.
fn is_needed(object: &str) -> bool {
    // What comes before the checkpoint is not, nor is one of the two ways to the state.
    !object.contains("-00000001.log") && !object.ends_with(".ckpt")
}

#[test]
fn what_is_renamed_away_is_read_where_it_is() {
    let subject = Subject::new();
    each(&subject, |_, object, copy| {
        subject.rename(object, copy);
        let (said, told) = subject.expect_all_well();
        let is_told = said.stdout.contains(copy);
        assert!(is_told, "{said:?}");
        if object.starts_with("keys/") {
            let is_noted = said.stdout.contains("is a slot under another name than its own");
            assert!(is_noted, "{said:?}");
            assert_eq!(paths(&told, "copies"), [""; 0], "{told}");
            return;
        }
        assert_eq!(paths(&told, "strangers"), [""; 0], "{told}");
        if is_needed(object) || object.ends_with(".ckpt") {
            said.expect(0, &[&format!("note     {object} is read from {copy}: “hushfs repair”")]);
            assert_eq!(paths(&told, "copies"), [""; 0], "{told}");
        }
        assert_eq!(paths(&told, "damaged"), [""; 0], "{told}");
    });
}

#[test]
fn what_is_duplicated_changes_nothing_and_is_told() {
    let subject = Subject::new();
    each(&subject, |_, object, copy| {
        subject.write(copy, subject.pristine(object));
        let (said, told) = subject.expect_all_well();
        let is_slot_of_vault = copy.starts_with("keys/") && copy.ends_with(".key");
        if is_slot_of_vault {
            said.expect(0, &[copy, "slot under another name"]);
        } else {
            said.expect(0, &[&format!("copy     {copy}: a copy of {object}, not needed")]);
            assert_eq!(told["copies"][0]["object"], *object);
        }
        assert!(!said.stdout.contains("is read from"), "{said:?}");
    });
}

#[test]
fn what_is_damaged_is_read_from_a_whole_copy() {
    let subject = Subject::new();
    each(&subject, |_, object, copy| {
        let bytes = subject.pristine(object);
        subject.write(copy, bytes);
        let mut flipped = bytes.to_vec();
        flipped[bytes.len() / 2] ^= 1;
        for damaged in [&bytes[..bytes.len() / 2], &[], &flipped] {
            subject.write(object, damaged);
            if object.starts_with("keys/") {
                // A slot is a way to unlock of its own, and damage to it is told.
                subject.bench.verify().expect(11, &[object]);
                assert_eq!(subject.restored().len(), 6);
            } else {
                let (said, _) = subject.verify();
                said.expect(0, &[&format!("{object} is read from {copy}")]);
                assert_eq!(subject.restored().len(), 6);
            }
        }
        if !object.starts_with("keys/") {
            subject.expect_all_well();
        }
    });
}

#[test]
fn a_damaged_copy_is_no_copy() {
    let subject = Subject::new();
    each(&subject, |_, object, copy| {
        let mut bytes = subject.pristine(object).to_vec();
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
        subject.write(copy, &bytes);
        if copy.starts_with("keys/") && copy.ends_with(".key") {
            subject.bench.verify().expect(11, &[copy]);
            assert_eq!(subject.restored().len(), 6);
            return;
        }
        let (said, _) = subject.expect_all_well();
        said.expect(0, &[&format!("not used {copy}: no object of this vault")]);
    });
}

#[test]
fn where_both_are_damaged_it_is_told_as_ever() {
    let subject = Subject::new();
    each(&subject, |_, object, copy| {
        let mut bytes = subject.pristine(object).to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        subject.write(copy, &bytes);
        subject.write(object, &bytes);
        subject.bench.verify().expect(11, &[object]);
    });
}

#[test]
fn a_repair_puts_what_is_read_elsewhere_in_its_place() {
    let subject = Subject::new();
    each(&subject, |_, object, copy| {
        subject.rename(object, copy);
        let vault = subject.bench.vault();
        let arguments = ["--write".as_ref(), vault.as_os_str()];
        let mut repair = subject.bench.command("repair", &arguments);
        Said::by(&mut repair).expect(0, &[]);
        assert!(fs::read(subject.path(object)).unwrap() == subject.pristine(object));
        let (said, _) = subject.expect_all_well();
        assert!(!said.stdout.contains("is read from"), "{said:?}");
    });
}
