//! A state folder that was copied: both go on, and not as the same device.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::bench::Bench;
use super::copied::copy_folder;
use super::device::{Device, publish, writers};
use super::snapshot::{self, assert_same};

/// Every log object with its hash.
fn log_objects(vault: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(vault.join("log")).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), Sha256::digest(fs::read(path).unwrap()).to_vec())).collect()
}

#[test]
fn a_copied_state_folder_and_its_original_never_use_a_number_twice() {
    let Some(bench) = Bench::new() else { return };
    let (original, copied) = (Device::new(&bench, "original"), Device::new(&bench, "copy"));
    original.turn(|folder| fs::write(folder.join("before"), "before").unwrap());
    copy_folder(&original.state, &copied.state);
    let mut seen = log_objects(&bench.vault());
    let mut ids = Vec::new();
    for turn in 0..6 {
        let device = [&original, &copied][turn % 2];
        device.mount();
        for earlier in 0..turn {
            let content = fs::read_to_string(bench.at(earlier.to_string())).unwrap();
            assert_eq!(content, format!("turn {earlier}"));
        }
        fs::write(bench.at(turn.to_string()), format!("turn {turn}")).unwrap();
        publish(&bench.mount_point());
        ids.push(device.id());
        device.unmount();
        let now = log_objects(&bench.vault());
        assert!(now.len() > seen.len());
        assert!(seen.iter().all(|(path, hash)| now.get(path) == Some(hash)), "one has changed");
        seen = now;
        assert!(device.verify().contains("all is whole"));
    }
    assert_ne!(ids[0], ids[1], "the copy has the original's id");
    assert_eq!((&ids[0], &ids[1]), (&ids[4], &ids[5]), "a device keeps its id");
    assert_eq!(writers(&bench.vault()).len(), 2);
}

#[test]
fn what_a_crash_left_in_a_state_folder_comes_in_once_though_the_folder_was_copied() {
    let Some(bench) = Bench::new() else { return };
    let (original, copied) = (Device::new(&bench, "original"), Device::new(&bench, "copy"));
    original.mount();
    fs::write(bench.at("small"), "kept").unwrap();
    fs::write(bench.at("large"), vec![7; 400_000]).unwrap();
    fs::rename(bench.at("small"), bench.at("renamed")).unwrap();
    fs::File::open(bench.mount_point()).unwrap().sync_all().unwrap();
    let before = snapshot::of(&bench.mount_point());
    bench.kill();
    copy_folder(&original.state, &copied.state);
    for _ in 0..2 {
        copied.turn(|folder| assert_same(&snapshot::of(folder), &before));
        // Its journal holds what is in the vault by now, under a name that it does not know.
        original.mount();
        assert_same(&snapshot::of(&bench.mount_point()), &before);
        original.unmount();
    }
    assert!(copied.verify().contains("all is whole"));
}

#[test]
fn what_a_copy_has_synced_stays_though_the_original_published_under_its_next_number() {
    let Some(bench) = Bench::new() else { return };
    let (original, copied) = (Device::new(&bench, "original"), Device::new(&bench, "copy"));
    original.turn(|folder| fs::write(folder.join("before"), "before").unwrap());
    copy_folder(&original.state, &copied.state);
    copied.mount();
    fs::write(bench.at("of the copy"), "synced").unwrap();
    fs::File::open(bench.at("of the copy")).unwrap().sync_all().unwrap();
    bench.kill();
    original.turn(|folder| fs::write(folder.join("of the original"), "published").unwrap());
    copied.turn(|folder| {
        assert_eq!(fs::read_to_string(folder.join("of the copy")).unwrap(), "synced");
        assert_eq!(fs::read_to_string(folder.join("of the original")).unwrap(), "published");
    });
    assert!(original.verify().contains("all is whole"));
    assert_eq!(writers(&bench.vault()).len(), 2);
}
