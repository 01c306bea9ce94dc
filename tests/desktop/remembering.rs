//! `remember`, what it does for other commands, and `forget`.

use std::fs;

use crate::bench::{Bench, is_mounted};
use crate::keyring::{Desk, PASSWORD};
use crate::program::Said;
use crate::terminal::AtTerminal;

const USED: &str = "unlocked with the key in this device’s keyring";
const ASKS: &str = "no terminal to ask";
const SECOND: &str = "walnut ferry cobalt hinge";

#[test]
fn a_device_that_remembers_asks_nothing_until_it_forgets() {
    let Some(desk) = Desk::new() else { return };
    desk.said(&["verify"]).expect(2, &[ASKS]);
    assert_eq!((desk.slots(), desk.entries()), (2, 0));
    desk.remember();
    assert_eq!((desk.slots(), desk.entries()), (3, 1));
    for words in [&["verify"][..], &["ls"], &["history"], &["repair"], &["collect"]] {
        desk.said(words).expect(0, &[USED]);
    }
    desk.said(&["status"]).expect(0, &["this device remembers"]);
    // A flag comes first, and --no-keyring asks.
    let said = desk.said_with(PASSWORD, &["verify"]);
    assert!(said.code == 0 && !said.stderr.contains(USED), "{said:?}");
    desk.said_with("wrong", &["verify"]).expect(10, &["wrong password"]);
    desk.said(&["verify", "--no-keyring"]).expect(2, &[ASKS]);
    let both = desk.said_with(PASSWORD, &["verify", "--no-keyring"]);
    assert_eq!(both.code, 0, "{both:?}");
    // What is tried is what a person has.
    desk.said(&["key", "test"]).expect(2, &[ASKS]);

    desk.said(&["remember"]).expect(0, &["remembers the vault already"]);
    assert_eq!((desk.slots(), desk.entries()), (3, 1));
    desk.said(&["forget"]).expect(0, &["asks again", "Removed slot", "keyring of "]);
    assert_eq!((desk.slots(), desk.entries()), (2, 0));
    let said = desk.said(&["verify"]);
    said.expect(2, &[ASKS]);
    assert!(!said.stderr.contains("keyring"), "{said:?}");
    desk.said(&["forget"]).expect(2, &["does not remember"]);
}

#[test]
fn a_mount_asks_nothing_and_the_password_is_nowhere_near_the_keyring() {
    let Some(desk) = Desk::new() else { return };
    if Bench::empty().is_none() {
        return;
    }
    desk.remember();
    let kept = fs::read(desk.place("data/keyrings/login.keyring")).unwrap();
    assert!(!String::from_utf8_lossy(&kept).contains(PASSWORD));
    let mount_point = desk.place("mnt");
    fs::create_dir(&mount_point).unwrap();
    Said::by(desk.command(&["mount"]).arg(desk.vault()).arg(&mount_point)).expect(0, &[USED]);
    assert!(is_mounted(&mount_point));
    fs::write(mount_point.join("file"), "content").unwrap();
    // A mount that is there is asked before the keyring is.
    let listed = desk.said(&["key", "list"]);
    assert!(listed.code == 0 && !listed.stderr.contains(USED), "{listed:?}");
    Said::by(desk.command(&["unmount"]).arg(&mount_point)).expect(0, &[]);
    Said::by(desk.command(&["cat"]).arg(desk.vault()).arg("file")).expect(0, &["content", USED]);
}

#[test]
fn at_a_terminal_it_is_asked_for_where_the_keyring_is_of_no_help() {
    let Some(desk) = Desk::new() else { return };
    desk.remember();
    desk.lock();
    let mut command = desk.command(&["verify"]);
    command.arg(desk.vault());
    let mut terminal = AtTerminal::running(command);
    terminal.wait_for("the keyring is locked");
    terminal.answer("Password or 64-digit key: ", PASSWORD);
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn without_the_keyring_it_is_said_why_and_asked() {
    let Some(mut desk) = Desk::new() else { return };
    desk.remember();
    desk.lock();
    desk.said(&["verify"]).expect(2, &["the keyring is locked", ASKS]);
    desk.end_keyring();
    desk.said(&["verify"]).expect(2, &["no program offers a keyring", ASKS]);
    let no_bus = |words: &[&str]| {
        let mut command = desk.command(words);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        Said::by(command.arg(desk.vault()))
    };
    no_bus(&["verify"]).expect(2, &["no session bus", ASKS]);
    let by = format!("--password-command=echo {PASSWORD}");
    no_bus(&["verify", &by]).expect(0, &[]);
    // The slot goes without the keyring, so that the key in it opens nothing.
    no_bus(&["forget", &by]).expect(0, &["Removed slot", "stays there, and opens nothing"]);
    assert_eq!(desk.slots(), 2);
}

#[test]
fn what_cannot_be_kept_leaves_no_slot() {
    let Some(mut desk) = Desk::new() else { return };
    desk.lock();
    desk.said_with(PASSWORD, &["remember"]).expect(1, &["the keyring is locked"]);
    desk.end_keyring();
    desk.said_with(PASSWORD, &["remember"]).expect(1, &["no program offers a keyring"]);
    assert_eq!(desk.slots(), 2);
    let said = desk.said(&["verify"]);
    said.expect(2, &[ASKS]);
    assert!(!said.stderr.contains("keyring"), "nothing is remembered: {said:?}");
    desk.said_with("wrong", &["remember"]).expect(10, &["wrong password"]);
}

#[test]
fn the_key_of_a_slot_that_was_removed_opens_nothing_and_another_one_takes_its_place() {
    let Some(desk) = Desk::new() else { return };
    desk.remember();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let slot = format!("keyring of {}", host.trim());
    desk.said_with(PASSWORD, &["key", "remove", "--yes", &slot]).expect(0, &["Removed"]);
    desk.said(&["verify"]).expect(2, &["does not open this vault any more", ASKS]);
    desk.remember();
    assert_eq!((desk.slots(), desk.entries()), (3, 1));
    desk.said(&["verify"]).expect(0, &[USED]);
}

#[test]
fn a_keyring_that_has_lost_the_key_or_has_something_else_is_of_no_use_until_it_gets_another() {
    let Some(desk) = Desk::new() else { return };
    desk.remember();
    let change = |secret: Option<&[u8]>| {
        assert!(desk.in_keyring(|service| {
            let found = service.search_items([("application", "hushfs")].into()).unwrap();
            let [item] = &found.unlocked[..] else { panic!("not one entry") };
            match secret {
                Some(secret) => item.set_secret(secret, "text/plain").is_ok(),
                None => item.delete().is_ok(),
            }
        }));
    };
    let another_key = "0123 ".repeat(16);
    for (secret, why) in [
        (Some(&b"no key"[..]), "is no 64-digit key"),
        (Some(another_key.as_bytes()), "does not open this vault any more"),
        (None, "has no entry"),
    ] {
        change(secret);
        desk.said(&["verify"]).expect(2, &[why, ASKS]);
        desk.remember();
        assert_eq!((desk.slots(), desk.entries()), (3, 1), "the old slot went");
        desk.said(&["verify"]).expect(0, &[USED]);
    }
}

#[test]
fn a_forgotten_password_is_reset_where_it_is_remembered() {
    let Some(desk) = Desk::new() else { return };
    let new = format!("--new-password-command=echo {SECOND}");
    desk.said(&["passwd", "--forgotten", "--yes", &new]).expect(2, &["not remembered"]);
    desk.remember();
    desk.said(&["passwd", "--forgotten", "--yes", "--no-keyring", &new])
        .expect(2, &["not mounted on this device"]);
    desk.said(&["passwd", "--forgotten", "--yes", &new]).expect(0, &[USED, "Removed slot"]);
    desk.said_with(PASSWORD, &["verify"]).expect(10, &[]);
    desk.said_with(SECOND, &["verify"]).expect(0, &[]);
}

#[test]
fn the_keyrings_of_devices_are_never_all_that_opens_a_vault() {
    let Some(desk) = Desk::new() else { return };
    desk.remember();
    let key = format!("--key-file={}", desk.place("key").display());
    let listed = desk.said(&["key", "list", "--json", &key]);
    let slots: Vec<hushfs::fs::SlotEntry> = serde_json::from_str(&listed.stdout).unwrap();
    let others: Vec<&str> =
        slots.iter().filter(|slot| slot.name.is_none()).map(|slot| &*slot.id).collect();
    let [first, last] = others[..] else { panic!("{listed:?}") };
    desk.said(&["key", "remove", "--yes", first]).expect(0, &[USED]);
    desk.said(&["key", "remove", "--yes", last]).expect(1, &["only with the keyring of a device"]);
    assert_eq!(desk.slots(), 2);
    desk.said(&["forget"]).expect(0, &[]);
}

#[test]
fn killed_at_any_moment_remembering_can_be_done_again() {
    let Some(desk) = Desk::new() else { return };
    for round in 0..6 {
        let mut remember = desk.command(&["remember"]);
        remember.arg(format!("--password-command=echo {PASSWORD}")).arg(desk.vault());
        let mut child = remember.spawn().unwrap();
        // Whenever that is: each moment is one that must be survived.
        std::thread::sleep(std::time::Duration::from_millis(8 * round));
        let _ = child.kill();
        child.wait().unwrap();
    }
    desk.said_with(PASSWORD, &["remember"]).expect(0, &[]);
    desk.said(&["verify"]).expect(0, &[USED]);
    assert_eq!(desk.entries(), 1);
    // At most what was killed between its slot and its end, and is named; never one without its key.
    desk.said(&["forget"]).expect(0, &[]);
    assert_eq!((desk.slots(), desk.entries()), (2, 0));
}
