//! A vault with a key vault, from registering to the last guess, by the real program.

use std::fs;

use hushfs::fs::SlotEntry;

use crate::bench::{Bench, said};
use crate::program::{Said, hushfs};
use crate::server::Server;
use crate::subject::{FIRST, SECOND, Subject, new};
use crate::terminal::AtTerminal;

const WRONG: &str = "wrong password of some length";

fn register(subject: &Subject, server: &Server, password: &str) -> Said {
    let (address, pin) = (server.address().to_string(), server.pin().to_string());
    let words =
        ["keyvault", "register", "--server", &address, "--pin", &pin, "--yes", &new(password)];
    subject.said_with_key(&words)
}

/// Tries a password with the key vault, on a device that has never seen the vault.
fn tried(subject: &Subject, password: &str) -> Said {
    let fresh = tempfile::tempdir().unwrap();
    let mut command = subject.command(&["key", "test", "--keyvault", "--password-command"]);
    command.env("XDG_STATE_HOME", fresh.path());
    Said::by(command.arg(format!("echo {password}")).arg(subject.vault()))
}

fn key_vault_slots(subject: &Subject) -> Vec<SlotEntry> {
    subject.slots().into_iter().filter(SlotEntry::is_key_vault).collect()
}

#[test]
fn a_registered_password_opens_until_ten_wrong_ones_and_the_other_slots_open_for_ever() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &["10 wrong guesses", "64-digit key"]);
    tried(&subject, SECOND).expect(0, &["key vault"]);
    for left in (4..10).rev() {
        tried(&subject, WRONG).expect(10, &["wrong password", &format!("{left} guesses are left")]);
    }
    tried(&subject, SECOND).expect(0, &[]);
    subject.said(&["keyvault", "status"]).expect(0, &["10 guesses left"]);
    for left in (1..10).rev() {
        tried(&subject, WRONG).expect(10, &[&format!("{left} guess")]);
        if left <= 3 {
            // Said before the next password is even read.
            tried_and_stopped(&subject, left);
        }
    }
    tried(&subject, WRONG).expect(10, &["last guess", "destroyed", "Other ways"]);
    tried(&subject, SECOND).expect(10, &["destroyed its key", "Other ways to unlock still do"]);
    subject.said(&["keyvault", "status"]).expect(10, &["DESTROYED"]);
    assert!(subject.opens(FIRST) && subject.opens_with_key());

    // The owner registers anew, with a way that opens still.
    subject.said_with_key(&["keyvault", "reset", "--yes", &new(SECOND)]).expect(0, &["no more"]);
    assert_eq!(key_vault_slots(&subject).len(), 1);
    tried(&subject, SECOND).expect(0, &[]);
    let events = server.events();
    assert_eq!(events.iter().filter(|event| *event == "destroyed").count(), 1);
    assert_eq!(events.iter().filter(|event| *event == "committed").count(), 2);
}

/// A password command that fails: nothing is tried, and the warning was given before.
fn tried_and_stopped(subject: &Subject, left: u8) {
    let mut command =
        subject.command(&["key", "test", "--keyvault", "--password-command", "false"]);
    let said = Said::by(command.arg(subject.vault()));
    said.expect(1, &[&format!("leaves {left} guess"), "destroys its key"]);
}

#[test]
fn a_password_that_opens_only_with_a_key_vault_takes_no_guess_unasked() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    let slot = subject.password_slot();
    subject.said_with_key(&["key", "remove", "--yes", &slot]).expect(0, &[]);
    subject.said_with(SECOND, &["key", "test"]).expect(10, &["--keyvault"]);
    assert_eq!(server.metric("attempts_total"), 0);
    let other = Subject::new();
    tried(&other, SECOND).expect(10, &["no slot for a key vault"]);
}

#[test]
fn a_vault_is_never_left_with_key_vaults_alone() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    let slot = subject.password_slot();
    subject.said_with_key(&["key", "remove", "--yes", &slot]).expect(0, &[]);
    let key = subject.slots().into_iter().find(|slot| !slot.is_key_vault()).unwrap().id;
    subject.said_with_key(&["key", "remove", "--yes", &key]).expect(1, &["need a key vault"]);
    assert!(subject.opens_with_key());
}

#[test]
fn what_is_unregistered_is_erased_and_its_slot_removed() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    let slot = subject.vault().join(&key_vault_slots(&subject)[0].files[0]);
    let bytes = fs::read(&slot).unwrap();
    subject.said_with_key(&["keyvault", "unregister"]).expect(0, &["has erased its key"]);
    assert!(key_vault_slots(&subject).is_empty());
    // An old copy of the folder has the slot still.
    fs::write(&slot, bytes).unwrap();
    tried(&subject, SECOND).expect(10, &["nothing for this slot"]);
}

#[test]
fn a_vault_that_only_a_keyring_would_open_stays_with_its_key_vault_and_nothing_is_erased() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    // As “remember” names it on the device whose keyring has its key.
    let remembered = subject.place("in the keyring");
    let mut add =
        subject.command(&["key", "add", "--key", "--yes", "--name", "keyring of a laptop"]);
    add.arg("--new-key-file").arg(&remembered).arg("--key-file").arg(subject.key());
    Said::by(add.arg(subject.vault())).expect(0, &[]);
    let with_it = |words: &[&str]| {
        let mut command = subject.command(words);
        Said::by(command.arg("--key-file").arg(&remembered).arg(subject.vault()))
    };
    let own: Vec<_> = subject
        .slots()
        .into_iter()
        .filter(|slot| !slot.is_key_vault() && slot.name.as_deref() != Some("keyring of a laptop"))
        .map(|slot| slot.id)
        .collect();
    assert_eq!(own.len(), 2);
    let [first, second] = &own[..] else { panic!("{own:?}") };
    with_it(&["key", "remove", "--yes", first]).expect(0, &[]);
    with_it(&["key", "remove", "--yes", second]).expect(0, &[]);

    let before = subject.slot_files();
    with_it(&["keyvault", "unregister"]).expect(1, &["keyring"]);
    assert_eq!(subject.slot_files(), before);
    subject.said(&["keyvault", "status"]).expect(0, &["10 guesses left"]);
    assert!(!server.events().iter().any(|event| event == "unregistered"));
    tried(&subject, SECOND).expect(0, &[]);

    // With another way it goes.
    let mut add = subject.command(&["key", "add", "--password", "--yes", &new(FIRST)]);
    Said::by(add.arg("--key-file").arg(&remembered).arg(subject.vault())).expect(0, &[]);
    with_it(&["keyvault", "unregister"]).expect(0, &["has erased its key"]);
    assert!(server.events().iter().any(|event| event == "unregistered"));
    let left = crate::subject::slots(&with_it(&["key", "list", "--json"]));
    assert_eq!(left.len(), 2);
    assert!(left.iter().any(|slot| slot.name.as_deref() == Some("keyring of a laptop")));
}

#[test]
fn a_server_with_another_key_gets_nothing() {
    let (subject, mut server, other) = (Subject::new(), Server::start(), Server::start());
    let (address, pin) = (server.address().to_string(), other.pin().to_string());
    let words =
        ["keyvault", "register", "--server", &address, "--pin", &pin, "--yes", &new(SECOND)];
    let right = server.pin().to_string();
    subject.said_with_key(&words).expect(1, &["is not the key vault", &right]);
    assert!(key_vault_slots(&subject).is_empty());

    register(&subject, &server, SECOND).expect(0, &[]);
    server.stop();
    tried(&subject, SECOND).expect(1, &["does not answer"]);
    // Somebody else at the same address.
    for file in ["accounts", "accounts.mark"] {
        fs::remove_file(server.place(file)).unwrap();
    }
    server.start_again();
    tried(&subject, SECOND).expect(1, &["is not the key vault", "Nothing was sent"]);
    assert_eq!(server.metric("attempts_total"), 0);
}

#[test]
fn a_registration_that_was_cut_off_before_its_slot_leaves_the_one_before() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    let keys = subject.vault().join("keys");
    // The new slot cannot be put: as after a crash, or with a full disk.
    let kept = subject.place("kept");
    fs::rename(&keys, &kept).unwrap();
    fs::create_dir(&keys).unwrap();
    for (nth, file) in fs::read_dir(&kept).unwrap().enumerate() {
        let name = file.as_ref().unwrap().file_name();
        fs::copy(file.unwrap().path(), keys.join(name)).unwrap();
        assert!(nth < 3);
    }
    for nth in 0..61 {
        fs::write(keys.join(format!("junk-{nth}.key")), "junk").unwrap();
    }
    register(&subject, &server, "another password entirely").expect(1, &["64 slots"]);
    fs::remove_dir_all(&keys).unwrap();
    fs::rename(&kept, &keys).unwrap();
    assert_eq!(server.events(), ["registered", "committed", "registered"]);
    tried(&subject, SECOND).expect(0, &[]);
    subject.said(&["keyvault", "status"]).expect(0, &["10 guesses left"]);
    // And it can be tried again.
    register(&subject, &server, "another password entirely").expect(0, &[]);
    tried(&subject, "another password entirely").expect(0, &[]);
    tried(&subject, SECOND).expect(10, &["wrong password"]);
}

#[test]
fn a_device_notices_that_the_key_vault_came_from_a_backup_or_went_back() {
    let (subject, mut server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    fs::create_dir_all(subject.place("state-home/hushfs").join(vault_id(&subject))).unwrap();
    let try_here = |password: &str| {
        let mut command = subject.command(&["key", "test", "--keyvault", "--password-command"]);
        Said::by(command.arg(format!("echo {password}")).arg(subject.vault()))
    };
    try_here(SECOND).expect(0, &[]);
    server.stop();
    let backup = server.place("backup");
    let store = server.store();
    let run = |word: &str| {
        let mut command = hushfs(&["keyvault", word, "--store"]);
        Said::by(command.arg(&store).arg(&backup))
    };
    run("backup").expect(0, &["1 accounts"]);
    server.start_again();
    try_here(WRONG).expect(10, &["9 guesses"]);
    let said = try_here(SECOND);
    assert!(said.code == 0 && !said.stderr.contains("restored"), "{said:?}");
    server.stop();
    fs::remove_file(&store).unwrap();
    run("restore").expect(0, &["3 guesses at most"]);
    server.start_again();
    try_here(SECOND).expect(0, &["restored from a backup"]);
    let said = try_here(SECOND);
    assert!(!said.stderr.contains("restored"), "told once: {said:?}");
}

fn vault_id(subject: &Subject) -> String {
    let bytes = fs::read(subject.vault().join("hushfs.vault")).unwrap();
    hushfs::format::UnverifiedDescriptor::parse(&bytes).unwrap().claimed_vault().to_string()
}

#[test]
fn a_fresh_device_mounts_with_the_password_from_the_cloud_folder_alone() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let (address, pin) = (server.address().to_string(), server.pin().to_string());
    let registered = bench
        .command("keyvault")
        .args(["register", "--server", &address, "--pin", &pin, "--yes", &new(SECOND)])
        .arg("--key-file")
        .arg(bench.key_file())
        .arg(bench.vault())
        .output()
        .unwrap();
    assert_eq!(said(&registered).0, 0, "{}", said(&registered).1);
    let fresh = bench.folder().join("fresh-state");
    let mount = |password: &str| {
        let mut command = bench.command("mount");
        command.args(["--keyvault", "--password-command", &format!("echo {password}")]);
        command.arg("--state-dir").arg(&fresh).arg(bench.vault()).arg(bench.mount_point());
        said(&command.output().unwrap())
    };
    let (code, text) = mount(WRONG);
    assert!(code == 10 && text.contains("9 guesses are left"), "{text}");
    let (code, text) = mount(SECOND);
    assert_eq!(code, 0, "{text}");
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("note"), "kept").unwrap();
    assert_eq!(fs::read(bench.at("note")).unwrap(), b"kept");
    bench.unmount();
}

#[test]
fn at_a_terminal_the_password_of_the_key_vault_is_asked_for_again_after_a_wrong_one() {
    let (subject, server) = (Subject::new(), Server::start());
    register(&subject, &server, SECOND).expect(0, &[]);
    let mut command = subject.command(&["key", "test", "--keyvault"]);
    command.arg(subject.vault());
    let mut terminal = AtTerminal::running(command);
    terminal.answer("Password of the key vault: ", WRONG);
    terminal.wait_for("9 guesses are left");
    terminal.answer("Password of the key vault: ", SECOND);
    assert_eq!(terminal.exit_code(), 0);
}
