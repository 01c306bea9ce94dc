//! `init` and `disable --delete-vault`, killed before each system call that changes something: the same
//! command ends it, and nothing else is ever taken for what they leave.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::copied::copy_folder;
use crate::names::names;
use crate::place::Place;
use crate::program::{Said, hushfs};
use crate::tree;

/// What changes a disk, and what comes before it.
const CALLS: [&str; 10] = [
    "mkdir", "mkdirat", "openat", "write", "pwrite64", "linkat", "unlink", "unlinkat", "rmdir",
    "rename",
];

/// Whether a run was killed before its nth call of that name; `None` if that cannot be done here.
fn killed_before(call: &str, nth: usize, command: &Command) -> Option<bool> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
    strace.arg("-e").arg(format!("inject={call}:signal=KILL:when={nth}"));
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap());
    }
    let strace = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(status) = strace.status() else {
        let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
        assert!(!must, "there is no strace");
        eprintln!("skipped: there is no strace");
        return None;
    };
    assert!(status.signal().is_none_or(|signal| signal == 9), "{status}");
    Some(status.signal() == Some(9))
}

fn init(place: &Place) -> Command {
    fs::create_dir_all(place.at("cloud")).unwrap();
    let mut command = hushfs(&["init", "--yes", "--key-file"]);
    command.arg(place.key()).arg(place.vault()).env("XDG_STATE_HOME", place.at("state-home"));
    command
}

fn notes(place: &Place) -> Vec<String> {
    let notes = place.at("state-home/hushfs/begun");
    if notes.exists() { names(&notes) } else { Vec::new() }
}

/// Kills an `init` before its last object; the vault then has slots, and no descriptor.
fn half_made(place: &Place) -> Option<()> {
    // Slot, README, descriptor.
    let is_killed = killed_before("linkat", 3, &init(place))?;
    assert!(is_killed && place.vault().join("README.txt").exists());
    assert!(!place.vault().join("hushfs.vault").exists());
    Some(())
}

#[test]
fn an_init_that_is_killed_at_any_call_is_ended_by_the_same_command() {
    let mut kills = 0;
    for call in CALLS {
        for nth in 1.. {
            let place = Place::new();
            match killed_before(call, nth, &init(&place)) {
                None => return,
                Some(false) => break,
                Some(true) => kills += 1,
            }
            let was_whole = place.vault().join("hushfs.vault").exists();
            let said = Said::by(&mut init(&place));
            match was_whole {
                true => said.expect(1, &["is a vault already"]),
                false => said.expect(0, &[]),
            }
            let verified = Said::by(place.command("verify").arg(place.vault()));
            verified.expect(0, &["all is whole"]);
            assert_eq!(names(&place.vault().join("keys")).len(), 1, "{call} {nth}");
            assert!(notes(&place).is_empty(), "{call} {nth}: {:?}", notes(&place));
        }
    }
    assert!(kills > 20, "{kills}");
}

#[test]
fn what_is_not_certainly_left_by_an_init_is_never_cleared() {
    type Change = fn(&Place);
    let changes: [(&str, Change); 6] = [
        ("a log object", |place| fs::write(place.vault().join("log/1.log"), "x").unwrap()),
        ("a folder of packs", |place| fs::create_dir(place.vault().join("data/ab")).unwrap()),
        ("another slot", |place| fs::write(place.vault().join("keys/1.key"), "x").unwrap()),
        ("another vault's slots", |place| {
            let other = Place::new();
            other.make_vault();
            let keys = place.vault().join("keys");
            fs::remove_dir_all(&keys).unwrap();
            fs::rename(other.vault().join("keys"), keys).unwrap();
        }),
        ("a README of somebody's", |place| {
            fs::write(place.vault().join("README.txt"), "mine").unwrap();
        }),
        ("no note", |place| fs::remove_dir_all(place.at("state-home")).unwrap()),
    ];
    for (what, change) in changes {
        let place = Place::new();
        if half_made(&place).is_none() {
            return;
        }
        change(&place);
        let before = tree::read(&place.vault(), false);
        fs::rename(place.key(), place.at("old key")).unwrap();
        let said = Said::by(&mut init(&place));
        said.expect(1, &["interrupted"]);
        assert_eq!(tree::read(&place.vault(), false), before, "{what}");
    }
}

#[test]
fn a_key_file_of_another_vault_is_not_taken_for_one_that_was_left() {
    let place = Place::new();
    if half_made(&place).is_none() {
        return;
    }
    let mine = fs::read(place.key()).unwrap();
    let other = Place::new();
    other.make_vault();
    let mut command = hushfs(&["init", "--yes", "--key-file"]);
    command.arg(other.key()).arg(place.vault()).env("XDG_STATE_HOME", place.at("state-home"));
    let theirs = fs::read(other.key()).unwrap();
    Said::by(&mut command).expect(1, &["exists already"]);
    assert!(fs::read(other.key()).unwrap() == theirs && fs::read(place.key()).unwrap() == mine);
}

/// A vault with two files that came back before, so that only its deletion is left.
fn brought_back() -> (Place, Vec<PathBuf>) {
    let place = Place::new();
    fs::create_dir(place.chats().join("in")).unwrap();
    fs::write(place.chats().join("a"), "a").unwrap();
    fs::write(place.chats().join("in/b"), vec![7; 50_000]).unwrap();
    place.enable(&[]).expect(0, &[]);
    place.disable(&place.chats(), &[]).expect(0, &[]);
    let files = ["a", "in/b"].map(|name| place.chats().join(name)).to_vec();
    (place, files)
}

fn delete(place: &Place) -> Command {
    let mut command = place.command("disable");
    command.args(["--delete-vault", "--yes"]).arg(place.vault()).arg(place.chats());
    command
}

fn is_back(files: &[PathBuf]) -> bool {
    fs::read(&files[0]).unwrap() == b"a" && fs::read(&files[1]).unwrap() == vec![7; 50_000]
}

#[test]
fn a_deletion_that_is_killed_at_any_call_is_ended_by_the_same_command() {
    let mut kills = 0;
    for call in ["unlinkat", "rmdir", "rename", "fsync", "unlink"] {
        for nth in 1.. {
            let (place, files) = brought_back();
            match killed_before(call, nth, &delete(&place)) {
                None => return,
                Some(false) => break,
                Some(true) => kills += 1,
            }
            assert!(is_back(&files));
            let has_begun = !place.vault().join("hushfs.vault").exists();
            if has_begun && place.vault().exists() {
                let mut without = place.command("disable");
                let said = Said::by(without.arg(place.vault()).arg(place.chats()));
                said.expect(1, &["was cut off", "--delete-vault"]);
            }
            let was_gone = !place.vault().exists();
            let said = Said::by(&mut delete(&place));
            let is_ended = !place.vault().exists();
            assert!(is_ended, "{call} {nth}: {said:?}");
            assert!(said.code == 0 || nth > 1 && was_gone, "{said:?}");
            assert!(is_back(&files));
            assert!(notes(&place).is_empty());
        }
    }
    assert!(kills > 10, "{kills}");
}

#[test]
fn what_came_after_a_deletion_had_begun_is_not_deleted_by_going_on() {
    let (place, files) = brought_back();
    // The descriptor is gone, and the first slot is not.
    match killed_before("unlinkat", 2, &delete(&place)) {
        None => return,
        Some(is_killed) => assert!(is_killed),
    }
    assert!(!place.vault().join("hushfs.vault").exists());
    let later = place.vault().join("log/later.log");
    fs::write(&later, "another device's").unwrap();
    let slot = fs::read_dir(place.vault().join("keys")).unwrap().next().unwrap().unwrap().path();
    fs::write(&slot, "something else").unwrap();
    Said::by(&mut delete(&place)).expect(0, &["has files that are none of it"]);
    assert!(later.exists() && slot.exists() && is_back(&files));
    assert!(!place.vault().join("data").exists());
}

#[test]
fn a_vault_that_is_back_is_not_deleted_by_an_old_note() {
    let (place, _) = brought_back();
    let kept = place.at("kept");
    copy_folder(&place.vault(), &kept);
    match killed_before("unlinkat", 2, &delete(&place)) {
        None => return,
        Some(is_killed) => assert!(is_killed && !notes(&place).is_empty()),
    }
    fs::remove_dir_all(place.vault()).unwrap();
    fs::rename(kept, place.vault()).unwrap();
    Said::by(place.command("verify").arg(place.vault())).expect(0, &[]);
    assert!(notes(&place).is_empty());
}
