//! Two devices that changed the vault without knowing of each other.

use std::fs;
use std::path::Path;

use super::bench::Bench;
use super::device::{Device, writers};

/// Copies what is only in `from` into `to`, as a sync client does.
fn sync(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            sync(&from, &to);
        } else if !to.exists() {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn what_two_devices_did_at_the_same_time_is_all_there_and_both_go_on() {
    let Some(bench) = Bench::new() else { return };
    let other_vault = bench.folder().join("other vault");
    let one = Device::new(&bench, "state-one");
    let other = Device::new(&bench, "state-other").with_vault(&other_vault);
    one.turn(|folder| fs::write(folder.join("shared"), "both know this").unwrap());
    sync(&bench.vault(), &other_vault);
    one.turn(|folder| fs::write(folder.join("of one"), vec![1; 100_000]).unwrap());
    other.turn(|folder| fs::write(folder.join("of the other"), vec![2; 100_000]).unwrap());
    sync(&bench.vault(), &other_vault);
    sync(&other_vault, &bench.vault());
    assert_eq!(writers(&bench.vault()).len(), 2);

    for (nth, device) in [&one, &other].into_iter().enumerate() {
        device.turn(|folder| {
            assert_eq!(fs::read_to_string(folder.join("shared")).unwrap(), "both know this");
            assert_eq!(fs::read(folder.join("of one")).unwrap(), vec![1; 100_000]);
            assert_eq!(fs::read(folder.join("of the other")).unwrap(), vec![2; 100_000]);
            fs::write(folder.join(format!("again {nth}")), "x").unwrap();
        });
    }
    sync(&bench.vault(), &other_vault);
    sync(&other_vault, &bench.vault());
    for device in [&one, &other] {
        let names = device.turn(|folder| fs::read_dir(folder).unwrap().count());
        assert_eq!(names, 5);
        assert!(device.verify().contains("all is whole"));
    }
}
