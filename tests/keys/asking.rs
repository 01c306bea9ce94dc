//! The dialogues, at a real terminal.

use std::fs;

use crate::subject::{FIRST, SECOND, Subject};
use crate::terminal::AtTerminal;

fn at(subject: &Subject, words: &[&str]) -> AtTerminal {
    let mut command = subject.command(words);
    command.arg(subject.vault());
    AtTerminal::running(command)
}

#[test]
fn a_password_is_changed_by_asking_for_both_and_affirming() {
    let subject = Subject::new();
    let mut at = at(&subject, &["passwd"]);
    at.answer("Password or 64-digit key: ", FIRST);
    at.answer("New password: ", SECOND);
    at.answer("The same password again: ", SECOND);
    at.wait_for("nobody can restore it");
    at.answer("Type yes in full if the password is saved", "y");
    assert!(subject.opens(FIRST), "nothing is changed before the answer");
    at.answer("Type yes in full", "yes");
    at.wait_for("The new password opens the vault");
    assert_eq!(at.exit_code(), 0);
    assert!(at.is_restored() && !at.shown.contains(SECOND));
    assert!(!subject.opens(FIRST) && subject.opens(SECOND));
}

#[test]
fn whoever_does_not_affirm_changes_nothing() {
    let subject = Subject::new();
    let before = subject.slot_files();
    let mut passwd = at(&subject, &["passwd"]);
    passwd.answer("Password or 64-digit key: ", FIRST);
    passwd.answer("New password: ", SECOND);
    passwd.answer("The same password again: ", SECOND);
    passwd.answer("Type yes in full", "no");
    passwd.wait_for("nothing was changed");
    assert_eq!(passwd.exit_code(), 1);
    let mut remove = at(&subject, &["key", "remove", &before[0][..8]]);
    remove.answer("Password or 64-digit key: ", FIRST);
    remove.wait_for("old copy");
    remove.answer("Type yes in full to remove it", "no");
    assert_eq!(remove.exit_code(), 1);
    let file = format!("--new-key-file={}", subject.place("paper").display());
    let mut add = at(&subject, &["key", "add", "--key", &file]);
    add.answer("Password or 64-digit key: ", FIRST);
    add.wait_for("Type yes in full if the key is saved");
    assert!(subject.place("paper").exists(), "it can be looked at before the answer");
    add.answer("", "no");
    assert_eq!(add.exit_code(), 1);
    assert!(!subject.place("paper").exists());
    assert_eq!(subject.slot_files(), before);
}

#[test]
fn a_key_that_is_shown_is_typed_back_in_part_and_opens_the_vault() {
    let subject = Subject::new();
    let mut at = at(&subject, &["key", "add", "--key", "--name", "paper"]);
    at.answer("Password or 64-digit key: ", FIRST);
    let groups = at.read_key();
    for _ in 0..3 {
        let group = at.group_asked();
        at.answer("", &groups[group]);
    }
    at.answer("Type yes in full if the key is saved", "yes");
    at.wait_for("is added: a 64-digit key");
    assert_eq!(at.exit_code(), 0);
    let typed = subject.place("typed");
    fs::write(&typed, groups.join("-")).unwrap();
    let test = ["key", "test", "--key-file", typed.to_str().unwrap()];
    subject.said(&test).expect(0, &["64-digit key “paper”"]);
}
