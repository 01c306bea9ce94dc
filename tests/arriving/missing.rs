//! What is said of what is not there.

use std::fs;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::bench::program::Said;
use crate::files::files_below;
use crate::shown;

/// A vault with two files of two devices in turns, and one that has seen it all.
fn two_files() -> Bench {
    let bench = Bench::new();
    for (nth, state) in ["one", "other"].into_iter().enumerate() {
        let device = bench.device_at(state);
        device.file(format!("file-{nth}"), &content(nth as u32, 20_000));
        device.unmount();
    }
    bench
}

/// Objects whose paths start so, with their content, taken away.
fn take_away(bench: &Bench, start: &str, is_one: impl Fn(usize) -> bool) -> Vec<(String, Vec<u8>)> {
    let vault = bench.vault();
    let objects = files_below(&vault).into_iter().filter(|(path, _)| path.starts_with(start));
    let taken: Vec<_> =
        objects.enumerate().filter(|(nth, _)| is_one(*nth)).map(|(_, object)| object).collect();
    taken.iter().for_each(|(path, _)| fs::remove_file(vault.join(path)).unwrap());
    taken
}

fn bring_back(bench: &Bench, objects: &[(String, Vec<u8>)]) {
    objects
        .iter()
        .for_each(|(path, content)| fs::write(bench.vault().join(path), content).unwrap());
}

#[test]
fn a_pack_that_no_one_here_has_seen_is_awaited_and_the_vault_can_be_written() {
    let bench = two_files();
    let packs = take_away(&bench, "data/", |nth| nth == 0);
    let device = bench.device_at("new");
    let status = device.files.status();
    assert_eq!((&status.read_only, &status.damage[..], status.awaited_packs), (&None, &[][..], 1));
    assert_eq!(status.not_arrived, ["1 of 2 packs have not arrived: 1 file waits for them"]);
    let shown = shown::of(&device.files);
    let awaited = shown.values().filter(|entry| entry.content.is_err());
    assert_eq!(awaited.count(), 1);
    device.file("third", b"x");
    device.publish();
    // Once the pack is here, so is the content, without any mount.
    bring_back(&bench, &packs);
    device.files.take_arrivals().unwrap();
    assert!(!shown::awaits(&shown::of(&device.files)));
    assert_eq!(device.files.status().not_arrived, [""; 0]);
    device.unmount();
}

#[test]
fn a_pack_that_was_here_is_lost_and_one_that_never_was_stays_awaited_over_mounts() {
    let bench = two_files();
    let packs = take_away(&bench, "data/", |_| true);
    let [lost, awaited] = &packs[..] else { panic!("two packs") };
    bring_back(&bench, std::slice::from_ref(lost));
    let device = bench.device_at("new");
    device.file("third", b"x");
    device.unmount();
    fs::remove_file(bench.vault().join(&lost.0)).unwrap();
    let device = bench.device_at("new");
    let status = device.files.status();
    assert_eq!((status.awaited_packs, status.damage.len()), (1, 1), "{status:?}");
    assert!(status.damage[0].contains("1 of 3 packs are gone"), "{:?}", status.damage);
    let errors: Vec<String> =
        shown::of(&device.files).into_values().filter_map(|entry| entry.content.err()).collect();
    assert_eq!(errors.len(), 2);
    assert_eq!(errors.iter().filter(|error| *error == shown::AWAITED).count(), 1, "{errors:?}");
    bring_back(&bench, &[lost.clone(), awaited.clone()]);
    assert!(!shown::awaits(&shown::of(&device.files)));
}

#[test]
fn every_command_tells_what_is_awaited_from_what_is_damaged() {
    let bench = two_files();
    let packs = take_away(&bench, "data/", |nth| nth == 0);
    bench
        .verify()
        .expect(14, &["awaited  data/", "waits for it: file-", "1 object has not arrived yet"]);
    let target = bench.place("target");
    let said = bench.restore(&target, &[]);
    said.expect(14, &["AWAITED", "1 of 2 packs have not arrived", "1 file waits for content"]);
    assert!(!said.stderr.contains("DAMAGED"), "{said:?}");
    let (path, content) = &packs[0];
    for bytes in [0, 100, content.len() / 2 + 1, content.len() - 1] {
        fs::write(bench.vault().join(path), &content[..bytes]).unwrap();
        bench.verify().expect(14, &["arrived in part only"]);
    }
    let mut zeroes = content.clone();
    zeroes[content.len() / 2..].fill(0);
    fs::write(bench.vault().join(path), &zeroes).unwrap();
    bench.verify().expect(14, &["arrived in part only"]);
    let mut flipped = content.clone();
    flipped[content.len() / 2] ^= 1;
    fs::write(bench.vault().join(path), &flipped).unwrap();
    bench.verify().expect(11, &["DAMAGED"]);
    bring_back(&bench, &packs);
    bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn without_a_log_object_in_between_what_came_before_is_shown_and_the_vault_can_be_written() {
    let bench = two_files();
    let device = bench.device_at("one");
    device.file("third", b"x");
    device.unmount();
    let first = fs::read_dir(bench.vault().join("log")).unwrap().count();
    assert_eq!(first, 3);
    let logs = take_away(&bench, "log/", |_| true);
    // The second in time is the other device's only one.
    let device_of = |path: &str| path[..20].to_owned();
    let other = logs.iter().find(|(path, _)| {
        logs.iter().filter(|(log, _)| device_of(log) == device_of(path)).count() == 1
    });
    let other = other.unwrap().clone();
    let rest: Vec<_> = logs.into_iter().filter(|(path, _)| *path != other.0).collect();
    bring_back(&bench, &rest);
    bench.verify().expect(14, &["has not arrived"]);
    let device = bench.device_at("new");
    let status = device.files.status();
    assert_eq!((status.read_only, status.damage, status.not_arrived.len()), (None, vec![], 1));
    assert_eq!(shown::of(&device.files).len(), 1);
    device.file("mine", b"x");
    device.publish();
    bring_back(&bench, &[other]);
    device.files.take_arrivals().unwrap();
    assert_eq!(shown::of(&device.files).len(), 4);
    assert_eq!(device.files.status().not_arrived, [""; 0]);
    device.unmount();
    bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn packs_without_any_log_object_are_no_empty_vault() {
    let bench = two_files();
    let logs = take_away(&bench, "log/", |_| true);
    let awaited = "no log object has arrived, but packs have";
    bench.verify().expect(14, &[awaited]);
    bench.restore(&bench.place("target"), &[]).expect(14, &["AWAITED", awaited]);
    let device = bench.device_at("new");
    let status = device.files.status();
    assert_eq!((status.read_only, status.damage, status.not_arrived.len()), (None, vec![], 1));
    bring_back(&bench, &logs);
    device.files.take_arrivals().unwrap();
    assert_eq!(shown::of(&device.files).len(), 2);
    assert_eq!(device.files.status().not_arrived, [""; 0]);
    device.unmount();
}

#[test]
fn packs_without_any_log_object_are_not_taken_for_ones_that_a_device_with_nothing_to_publish_put_there()
 {
    let bench = Bench::new();
    // Killed before it has done anything.
    drop(bench.device());
    bench.verify().expect(0, &["all is whole"]);
    let other = bench.device_at("other");
    other.file("a", &content(1, 5000));
    other.unmount();
    take_away(&bench, "log/", |_| true);
    let awaited = "no log object has arrived, but packs have";
    bench.verify().expect(14, &[awaited]);
    let device = bench.device();
    assert!(device.files.status().not_arrived[0].starts_with(awaited));
    device.unmount();
}

#[test]
fn a_repair_waits_for_what_is_awaited() {
    let bench = two_files();
    let packs = take_away(&bench, "data/", |nth| nth == 0);
    let before = files_below(&bench.vault());
    let vault = bench.vault();
    let arguments = ["--write".as_ref(), vault.as_os_str()];
    let said = Said::by(&mut bench.command("repair", &arguments));
    said.expect(14, &["1 object has not arrived yet", "--give-up"]);
    assert_eq!(files_below(&bench.vault()), before);
    bring_back(&bench, &packs);
    Said::by(&mut bench.command("repair", &arguments)).expect(0, &["nothing to repair"]);
}
