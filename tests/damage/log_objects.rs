//! Log objects that are missing, damaged, moved, newer or another vault's.

use std::fs;

use crate::bench::device::content;
use crate::copied::copy_folder;
use crate::victim::{Left, Victim};

/// What is left where the log can be trusted only before the nth object.
fn left_before(nth: usize) -> [Left; 3] {
    [0, 1, 2].map(|file| if file < nth { Left::Whole } else { Left::Nothing })
}

/// One log object is not what it should be: the files before it can be restored, and nothing is
/// written to the vault.
#[track_caller]
fn expect_cut_at(victim: &Victim, nth: usize, texts: &[&str]) {
    victim.verify().0.expect(11, texts);
    let said = victim.mount();
    said.expect(11, texts);
    assert!(said.stderr.starts_with("hushfs: ") && said.stderr.lines().count() == 1, "{said:?}");
    let (said, left) = victim.restore();
    said.expect(11, texts);
    assert_eq!(left, left_before(nth), "{said:?}");
}

#[test]
fn a_missing_log_object_is_named_wherever_it_was() {
    let victim = Victim::new();
    for (nth, log) in victim.logs.iter().enumerate() {
        let bytes = victim.read(log);
        victim.remove(log);
        let name = log.strip_prefix("log/").unwrap();
        expect_cut_at(&victim, nth, &[name]);
        victim.write(log, &bytes);
    }
    assert_eq!(victim.verify().0.code, 0);
}

#[test]
fn a_vault_that_lost_its_newest_log_objects_is_known_by_what_this_device_saw() {
    let victim = Victim::new();
    victim.remove(&victim.logs[1]);
    victim.remove(&victim.logs[2]);
    let name = |nth: usize| victim.logs[nth].strip_prefix("log/").unwrap();
    let newest = format!("log object {} up to {} of this device", name(1), name(2));
    expect_cut_at(&victim, 1, &[&newest, "an older copy of the vault"]);
    let all = format!("log object {} up to {} of this device", name(0), name(2));
    victim.remove(&victim.logs[0]);
    expect_cut_at(&victim, 0, &[&all]);
    fs::remove_dir_all(victim.path("log")).unwrap();
    expect_cut_at(&victim, 0, &[&all]);
    // Somebody who never saw them misses them only because packs are there.
    fs::remove_dir_all(victim.bench.state()).unwrap();
    victim.verify().0.expect(14, &["no log object has arrived, but packs have"]);
}

#[test]
fn a_damaged_log_object_is_named_and_what_came_before_is_kept() {
    let victim = Victim::new();
    for (nth, log) in victim.logs.iter().enumerate() {
        let bytes = victim.read(log);
        for at in [0, 20, 40, 60, 70, bytes.len() / 2, bytes.len() - 1] {
            victim.flip(log, at);
            let (said, json) = victim.verify();
            said.expect(11, &[log]);
            assert_eq!(json["damaged"][0]["object"], **log, "{json}");
            victim.write(log, &bytes);
        }
        victim.flip(log, bytes.len() - 30);
        expect_cut_at(&victim, nth, &[log]);
        for length in [bytes.len() - 1, 60, 5, 0] {
            victim.truncate(log, length);
            expect_cut_at(&victim, nth, &[log]);
        }
        victim.write(log, &bytes);
    }
}

#[test]
fn log_objects_that_traded_places_are_both_named() {
    let victim = Victim::new();
    victim.swap(&victim.logs[1], &victim.logs[2]);
    let (said, json) = victim.verify();
    said.expect(11, &["2 objects are damaged or missing"]);
    for nth in [0, 1] {
        assert_eq!(json["damaged"][nth]["object"], *victim.logs[nth + 1], "{json}");
    }
    expect_cut_at(&victim, 1, &[&victim.logs[1], "stands where another object belongs"]);
}

#[test]
fn a_log_object_by_a_newer_program_is_left_to_that_program() {
    let victim = Victim::new();
    let mut bytes = victim.read(&victim.logs[2]);
    bytes[8] = 2;
    victim.write(&victim.logs[2], &bytes);
    let texts = [&*victim.logs[2], "written by a newer hushfs (format 2; this one reads up to 1)"];
    victim.verify().0.expect(12, &texts);
    victim.mount().expect(12, &texts);
    let (said, left) = victim.restore();
    said.expect(11, &texts);
    assert_eq!(left, left_before(2));
}

#[test]
fn damage_outweighs_a_newer_log_object() {
    let victim = Victim::new();
    let mut bytes = victim.read(&victim.logs[2]);
    bytes[8] = 2;
    victim.write(&victim.logs[2], &bytes);
    victim.truncate(&victim.packs[0], 100);
    victim.verify().0.expect(11, &[&victim.logs[2], &victim.packs[0], "chats/first.jpg"]);
}

#[test]
fn an_older_version_of_a_log_object_does_not_pass_for_it() {
    let victim = Victim::new();
    // The same device goes on from an older copy of its state folder and of the vault.
    let (vault, state) = (victim.bench.vault(), victim.bench.state());
    let newest = victim.read(&victim.logs[2]);
    let older = victim.bench.place("older");
    copy_folder(&vault, &older);
    let older_state = victim.bench.place("older-state");
    copy_folder(&state, &older_state);
    let device = victim.bench.device();
    device.file("fourth", &content(9, 100));
    device.unmount();
    let fourth = victim.logs[2].replace("-00000003", "-00000004");
    let true_fourth = victim.read(&fourth);
    fs::remove_dir_all(&vault).unwrap();
    fs::remove_dir_all(&state).unwrap();
    fs::rename(&older, &vault).unwrap();
    fs::rename(&older_state, &state).unwrap();
    let device = victim.bench.device();
    device.file("other fourth", &content(10, 100));
    device.unmount();
    assert_ne!(victim.read(&fourth), true_fourth);
    assert_eq!(victim.read(&victim.logs[2]), newest);
    victim.write(&fourth, &true_fourth);
    let (said, _) = victim.verify();
    said.expect(11, &["is not the one that was there before"]);
    victim.mount().expect(11, &["is not the one that was there before"]);
}

#[test]
fn a_log_object_of_another_vault_is_named_and_changes_nothing() {
    let (victim, other) = (Victim::new(), Victim::new());
    // Under its own name it is one device more; under another's it replaces an object.
    victim.write(&other.logs[0], &other.read(&other.logs[0]));
    expect_cut_at(&victim, 3, &[&other.logs[0], "stands where another object belongs"]);
    victim.remove(&other.logs[0]);
    victim.write(&victim.logs[1], &other.read(&other.logs[1]));
    expect_cut_at(&victim, 1, &[&victim.logs[1], "stands where another object belongs"]);
}
