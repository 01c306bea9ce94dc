//! `passwd` without a mount: changed, reset with the key, ended half-way.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::subject::{FIRST, SECOND, Subject, new};

const THIRD: &str = "pewter gondola thicket ample";

#[test]
fn a_changed_password_opens_the_vault_and_the_old_one_does_not() {
    let subject = Subject::new();
    let said = subject.said_with(FIRST, &["passwd", "--yes", &new(SECOND)]);
    said.expect(
        0,
        &["The new password opens the vault", "Removed slot", "64-digit key", "old copy"],
    );
    assert!(!subject.opens(FIRST) && subject.opens(SECOND) && subject.opens_with_key());
    assert_eq!(subject.slots().len(), 2);
}

#[test]
fn a_wrong_password_changes_nothing() {
    let subject = Subject::new();
    let before = subject.slot_files();
    subject.said_with("wrong", &["passwd", "--yes", &new(SECOND)]).expect(10, &["wrong password"]);
    for (words, text) in [
        (&["passwd", "--yes"][..], "--new-password-file"),
        (&["passwd", &new(SECOND)], "no terminal"),
        (&["passwd", "--yes", "--slot", "nobody", &new(SECOND)], "has no slot"),
    ] {
        subject.said_with(FIRST, words).expect(2, &[text]);
    }
    assert_eq!(subject.slot_files(), before);
}

#[test]
fn a_forgotten_password_is_reset_with_the_key_and_without_either_it_is_said_what_helps() {
    let subject = Subject::new();
    let forgotten = ["passwd", "--forgotten", "--yes", &new(SECOND)];
    subject.said(&forgotten).expect(2, &["is not mounted on this device", "--key-file"]);
    let said = subject.said_with_key(&["passwd", "--yes", &new(SECOND)]);
    said.expect(0, &["Removed slot", "These open the vault"]);
    assert!(!subject.opens(FIRST) && subject.opens(SECOND));
}

#[test]
fn of_several_passwords_the_one_that_was_typed_changes_or_the_one_that_is_named() {
    let subject = Subject::new();
    let add = ["key", "add", "--password", "--yes", "--name", "ann", &new(SECOND)];
    subject.said_with_key(&add).expect(0, &[]);
    subject.said_with_key(&["passwd", "--yes", &new(THIRD)]).expect(2, &["--slot", "“ann”"]);
    subject.said_with(SECOND, &["passwd", "--yes", &new(THIRD)]).expect(0, &["“ann”"]);
    assert!(subject.opens(FIRST) && !subject.opens(SECOND) && subject.opens(THIRD));
    let named = ["passwd", "--yes", "--slot", "ann", &new(SECOND)];
    subject.said_with_key(&named).expect(0, &[]);
    assert!(subject.opens(FIRST) && subject.opens(SECOND) && !subject.opens(THIRD));
    assert!(subject.slots().iter().any(|slot| slot.name.as_deref() == Some("ann")));
}

#[test]
fn where_one_password_opens_two_slots_both_go() {
    let subject = Subject::new();
    let add = ["key", "add", "--password", "--yes", &new(FIRST)];
    subject.said_with_key(&add).expect(0, &[]);
    subject.said_with(FIRST, &["passwd", "--yes", &new(SECOND)]).expect(0, &[]);
    assert!(!subject.opens(FIRST) && subject.opens(SECOND));
    assert_eq!(subject.slots().len(), 2);
}

#[test]
fn a_vault_without_a_password_gets_one() {
    let subject = Subject::new();
    let slot = subject.password_slot();
    subject.said_with_key(&["key", "remove", "--yes", &slot]).expect(0, &[]);
    subject.said_with_key(&["passwd", "--yes", &new(SECOND)]).expect(0, &[]);
    assert!(subject.opens(SECOND) && subject.opens_with_key());
}

#[test]
fn the_next_change_says_what_an_unfinished_one_left_and_ends_it() {
    let subject = Subject::new();
    let old = subject.password_slot();
    let path = subject.vault().join(format!("keys/{old}.key"));
    let bytes = fs::read(&path).unwrap();
    subject.said_with(FIRST, &["passwd", "--yes", &new(SECOND)]).expect(0, &[]);
    // As a crash before the removal leaves it, or a sync client that was behind.
    fs::write(&path, bytes).unwrap();
    assert!(subject.opens(FIRST) && subject.opens(SECOND));
    subject.said_with_key(&["key", "list"]).expect(0, &["took its place", "key remove"]);
    for password in [FIRST, SECOND] {
        let copy = Subject::new();
        fs::remove_dir_all(copy.vault()).unwrap();
        crate::copied::copy_folder(&subject.vault(), &copy.vault());
        fs::copy(subject.key(), copy.key()).unwrap();
        let said = copy.said_with(password, &["passwd", "--yes", &new(THIRD)]);
        said.expect(0, &["was not finished", &old[..8]]);
        let opening = [FIRST, SECOND, THIRD].map(|password| copy.opens(password));
        assert_eq!(opening, [false, false, true], "{password}");
    }
}

#[test]
fn killed_at_any_moment_a_change_leaves_a_password_that_opens() {
    let subject = Subject::new();
    let mut passwords = vec![FIRST.to_owned()];
    for round in 0..8 {
        let next = format!("{SECOND} {round}");
        let known = passwords.iter().find(|password| subject.opens(password)).unwrap().clone();
        let mut passwd = subject.command(&["passwd", "--yes", &new(&next)]);
        passwd.args(["--password-command", &format!("echo {known}")]).arg(subject.vault());
        let mut child = passwd.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Whenever that is: each moment is one that must be survived.
        thread::sleep(Duration::from_millis(100 + 90 * round));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(subject.opens(&known) || subject.opens(&next), "round {round}");
        passwords.push(next);
    }
}
