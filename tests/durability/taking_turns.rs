//! Two devices that never use the vault at the same time.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use super::bench::Bench;
use super::device::{Device, writers};
use super::sample::{act_out_night, make_backup};
use super::snapshot::{self, Snapshot, assert_same};

/// Changes something of every kind; another thing in every turn.
fn change(folder: &Path, turn: u8) {
    let at = |name: &str| folder.join(name);
    fs::create_dir(at(&format!("turn {turn}"))).unwrap();
    fs::write(at(&format!("turn {turn}/new")), vec![turn; 70_000]).unwrap();
    if turn == 0 {
        fs::write(at("large"), vec![0xAA; 5_000_000]).unwrap();
        fs::write(at("moving 0"), "x").unwrap();
        return;
    }
    let large = OpenOptions::new().write(true).open(at("large")).unwrap();
    large.write_all_at(&[turn; 5000], u64::from(turn) * 300_000).unwrap();
    large.set_len(5_000_000 - u64::from(turn) * 1000).unwrap();
    let before = turn - 1;
    fs::rename(at(&format!("moving {before}")), at(&format!("moving {turn}"))).unwrap();
    fs::rename(at(&format!("turn {before}/new")), at(&format!("turn {before}/seen"))).unwrap();
    fs::hard_link(at("large"), at(&format!("turn {turn}/large too"))).unwrap();
    symlink(format!("../turn {before}"), at(&format!("turn {turn}/before"))).unwrap();
    if turn > 2 {
        fs::remove_dir_all(at(&format!("turn {}", turn - 2))).unwrap();
    }
}

#[test]
fn each_device_sees_all_that_the_other_did() {
    let Some(bench) = Bench::new() else { return };
    let devices = [Device::new(&bench, "state-a"), Device::new(&bench, "state-b")];
    let mut last: Option<Snapshot> = None;
    for turn in 0..8_u8 {
        let device = &devices[usize::from(turn % 2)];
        let now = device.turn(|mount_point| {
            if let Some(last) = &last {
                assert_same(&snapshot::of(mount_point), last);
            }
            change(mount_point, turn);
            snapshot::of(mount_point)
        });
        let told = device.verify();
        assert!(told.contains("all is whole") && !told.contains("not used"), "{told}");
        last = Some(now);
    }
    let writers = writers(&bench.vault());
    assert_eq!(writers.len(), 2, "{writers:?}");
}

#[test]
fn a_night_on_one_device_is_there_on_the_other_also_after_a_crash() {
    let Some(bench) = Bench::new() else { return };
    let devices = [Device::new(&bench, "state-a"), Device::new(&bench, "state-b")];
    let mut last = devices[0].turn(|mount_point| {
        make_backup(&mount_point.join("chats"), "0.01");
        snapshot::of(mount_point)
    });
    for night in 1..4 {
        let device = &devices[night % 2];
        device.mount();
        assert_same(&snapshot::of(&bench.mount_point()), &last);
        act_out_night(&bench.at("chats"));
        last = snapshot::of(&bench.mount_point());
        bench.kill();
        // Nobody else may take a turn before this device has brought in what it has.
        device.turn(|mount_point| assert_same(&snapshot::of(mount_point), &last));
    }
    assert!(devices[0].verify().contains("all is whole"));
}
