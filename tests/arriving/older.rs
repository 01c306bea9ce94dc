//! An older copy of the vault in place of the vault.

use std::fs;

use hushfs::format::NodeKind;
use hushfs::fs::{MountMode, OpenError};

use crate::bench::Bench;
use crate::bench::device::{Device, content};
use crate::files::{Files, files_below};
use crate::shown;

fn open(bench: &Bench, mode: MountMode) -> Result<Device, OpenError> {
    Device::try_open(&bench.vault(), &bench.key(), &bench.place("one"), mode)
}

fn put_in_place(bench: &Bench, older: &Files) {
    let vault = bench.vault();
    fs::remove_dir_all(&vault).unwrap();
    for (path, content) in older {
        fs::create_dir_all(vault.join(path).parent().unwrap()).unwrap();
        fs::write(vault.join(path), content).unwrap();
    }
}

/// The vault as it was before this device published `second`, in place of what came after; whatever
/// `last` does is not published.
fn older_vault(last: impl Fn(&Device)) -> Bench {
    let bench = Bench::new();
    let device = bench.device_at("one");
    device.file("first", &content(1, 30_000));
    device.publish();
    let older = files_below(&bench.vault());
    device.file("second", &content(2, 30_000));
    device.publish();
    last(&device);
    drop(device);
    put_in_place(&bench, &older);
    let refused = open(&bench, MountMode::ReadWrite).err().unwrap().to_string();
    assert!(refused.contains("older copy of the vault") && refused.contains("--accept-rollback"));
    bench
}

fn names(device: &Device) -> Vec<String> {
    shown::of(&device.files).into_keys().collect()
}

#[test]
fn an_older_vault_is_gone_on_from_only_when_that_is_accepted_and_as_another_device() {
    let bench = older_vault(|_| {});
    let before = fs::read_dir(bench.vault().join("log")).unwrap().count();
    let device = open(&bench, MountMode::AcceptRollback).unwrap();
    assert_eq!((names(&device), device.files.status().notes), (vec!["/first".to_owned()], vec![]));
    drop(device);
    // From then on it is the vault.
    let device = open(&bench, MountMode::ReadWrite).unwrap();
    device.file("third", b"x");
    device.unmount();
    assert_eq!(fs::read_dir(bench.vault().join("log")).unwrap().count(), before + 1);
    let devices = open(&bench, MountMode::ReadWrite).unwrap().files.status().devices;
    assert_eq!(devices.len(), 2, "{devices:?}");
    bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn what_waits_and_still_fits_the_older_vault_follows_it() {
    let bench = older_vault(|device| {
        let ino = device.file("waiting", &content(3, 50_000));
        device.files.fsync(ino).unwrap();
    });
    let device = open(&bench, MountMode::AcceptRollback).unwrap();
    assert_eq!(names(&device), ["/first", "/waiting"]);
    device.unmount();
    bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn what_waits_and_does_not_fit_is_kept_as_files() {
    let bench = older_vault(|device| {
        let second = device.ino("second");
        device.files.write(second, 4096, &[7; 4096], false).unwrap();
        device.files.fsync(second).unwrap();
        let whole = device.file("whole", &content(4, 600_000));
        device.files.fsync(whole).unwrap();
        let gone = device.file("gone", &content(5, 9000));
        device.files.fsync(gone).unwrap();
        device.files.unlink(hushfs::format::Ino::ROOT, b"gone").unwrap();
        device.files.fsync(whole).unwrap();
    });
    let device = open(&bench, MountMode::AcceptRollback).unwrap();
    let note = device.files.status().notes.join("");
    let shown = shown::of(&device.files);
    let folder = shown.keys().find(|name| name.starts_with("/recovered-")).unwrap().clone();
    assert!(note.contains(&folder[1..]), "{note}");
    let inside: Vec<&String> = shown.keys().filter(|name| name.starts_with(&folder)).collect();
    assert_eq!(inside.len(), 3, "{inside:?}");
    let content_of = |name: &String| shown[name].content.clone().unwrap();
    let whole = format!("{folder}/whole");
    assert!(content_of(&whole) == content(4, 600_000));
    let other = inside.iter().find(|name| ***name != folder && ***name != whole).unwrap();
    let mut part = vec![0; 30_000];
    part[4096..8192].fill(7);
    assert!(content_of(other) == part);
    // It is in the vault already.
    drop(device);
    bench.verify().expect(0, &["all is whole"]);
    let again = open(&bench, MountMode::ReadWrite).unwrap();
    assert!(shown::of(&again.files) == shown);
}

#[test]
fn what_is_kept_as_files_has_room_for_two_of_the_longest_name() {
    let name = "n".repeat(255);
    let bench = older_vault(|device| {
        let second = device.ino("second");
        device.files.write(second, 0, &[7; 4096], false).unwrap();
        device.files.fsync(second).unwrap();
        device.file(&name, b"one");
        device.make("folder", NodeKind::Folder);
        let ino = device.file(format!("folder/{name}"), b"other");
        device.files.fsync(ino).unwrap();
    });
    let device = open(&bench, MountMode::AcceptRollback).unwrap();
    let shown = shown::of(&device.files);
    let contents: Vec<_> = shown.values().filter_map(|file| file.content.clone().ok()).collect();
    for content in [&b"one"[..], b"other"] {
        assert!(contents.iter().any(|it| it == content));
    }
}

#[test]
fn what_only_the_other_device_is_behind_with_is_still_to_come() {
    let bench = Bench::new();
    let one = bench.device_at("one");
    one.file("first", b"x");
    one.unmount();
    let older = files_below(&bench.vault());
    let other = bench.device_at("other");
    other.file("second", b"x");
    other.unmount();
    let whole = files_below(&bench.vault());
    open(&bench, MountMode::ReadWrite).unwrap().unmount();
    put_in_place(&bench, &older);
    let device = open(&bench, MountMode::ReadWrite).unwrap();
    let status = device.files.status();
    assert_eq!((status.damage, status.not_arrived.len()), (vec![], 1));
    assert_eq!(status.read_only, None);
    put_in_place(&bench, &whole);
    device.files.take_arrivals().unwrap();
    assert_eq!((names(&device).len(), device.files.status().not_arrived), (2, vec![]));
    drop(device);
    put_in_place(&bench, &older);
    let device = open(&bench, MountMode::AcceptRollback).unwrap();
    assert_eq!(device.files.status().read_only, None);
}
