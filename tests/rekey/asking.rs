//! The dialogue, at a real terminal.

use std::fs;

use crate::subject::{FIRST, SECOND};
use crate::subject_anew::Filled;
use crate::terminal::AtTerminal;

fn at(filled: &Filled, words: &[&str]) -> AtTerminal {
    let mut command = filled.0.command(&["rekey"]);
    command.args(words).arg(filled.0.vault());
    AtTerminal::running(command)
}

/// Up to the answer whether the new ways are saved; the groups of the key.
fn asked_for_both(at: &mut AtTerminal) -> Vec<String> {
    at.wait_for("On all other devices that use this vault");
    at.wait_for("First, what opens the vault as it is");
    at.answer("Password or 64-digit key: ", FIRST);
    at.answer("1, 2 or 3: ", "3");
    at.answer("New password: ", SECOND);
    at.answer("The same password again: ", SECOND);
    let groups = at.read_key();
    for _ in 0..3 {
        let group = at.group_asked();
        at.answer("", &groups[group]);
    }
    at.wait_for("nobody can restore it");
    groups
}

#[test]
fn both_new_ways_open_the_new_vault_and_the_old_one_is_deleted_when_a_person_says_so() {
    let filled = Filled::new();
    let mut at = at(&filled, &[]);
    let groups = asked_for_both(&mut at);
    at.answer("Type yes in full if the password and the key are saved", "yes");
    at.wait_for("is the new vault now");
    at.wait_for("Whoever has copied the old vault");
    at.wait_for("The old vault is in");
    at.answer("Type yes in full to delete this", "y");
    at.wait_for("Please type yes or no");
    assert_eq!(filled.kept().len(), 1, "nothing is deleted before the answer");
    at.answer("Type yes in full to delete this", "yes");
    at.wait_for("The old vault is deleted");
    assert_eq!(at.exit_code(), 0);
    assert!(at.is_restored() && !at.shown.contains(SECOND) && !at.shown.contains(FIRST));
    filled.assert_holds_all(&filled.0.vault(), SECOND);
    assert_eq!(filled.kept().len(), 0);
    let typed = filled.0.place("typed");
    fs::write(&typed, groups.join("-")).unwrap();
    filled.0.said(&["key", "test", "--key-file", typed.to_str().unwrap()]).expect(0, &[]);
}

#[test]
fn whoever_does_not_affirm_begins_nothing_and_whoever_says_no_at_the_end_keeps_the_old_vault() {
    let filled = Filled::new();
    let mut first = at(&filled, &[]);
    asked_for_both(&mut first);
    first.answer("Type yes in full", "no");
    assert_eq!(first.exit_code(), 1);
    assert!(!filled.beside().exists() && filled.0.opens(FIRST));
    let mut second = at(&filled, &[]);
    asked_for_both(&mut second);
    second.answer("Type yes in full", "yes");
    second.answer("Type yes in full to delete this", "no");
    second.wait_for("The old vault is kept in");
    assert_eq!(second.exit_code(), 0);
    filled.assert_holds_all(&filled.kept()[0], FIRST);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}

#[test]
fn whoever_goes_on_is_asked_for_the_old_way_and_then_for_the_new_one() {
    let filled = Filled::new();
    let put_back = filled.damage();
    filled.rekey(&[]).expect(11, &[]);
    put_back();
    let mut at = at(&filled, &["--keep-old"]);
    at.wait_for("First, what opens the vault as it is");
    at.answer("Password or 64-digit key: ", FIRST);
    at.wait_for("To go on: the new password or key");
    at.answer("Password or 64-digit key: ", "gannet plover thimble dock");
    at.wait_for("Try again");
    at.answer("Password or 64-digit key: ", SECOND);
    at.wait_for("all is sealed anew, verified, and the same");
    assert_eq!(at.exit_code(), 0);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}
