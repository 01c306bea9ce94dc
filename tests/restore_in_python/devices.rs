//! Several devices' work: put together as hushfs does it, or refused.

use crate::bench::device::content;
use crate::both::Both;
use crate::dice::{self, Dice};
use crate::fleet::Fleet;
use crate::snapshot;
use crate::steps::step;

#[test]
fn what_devices_did_to_different_files_at_the_same_time_is_put_together() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("of both", &content(1, 9_000));
    fleet.join();
    fleet.device(0).file("one", &content(2, 9_000));
    fleet.device(1).file("other", &content(3, 9_000));
    let of_both = fleet.device(1).ino("of both");
    fleet.device(1).files.write(of_both, 4_000, &content(4, 9_000), false).unwrap();
    fleet.device(1).files.close(of_both).unwrap();
    fleet.join();
    let Some(both) = Both::of(&fleet.vault(0), &fleet.bench.key()) else { return };
    assert_eq!(both.assert_same("key", 0).len(), 4);
}

#[test]
fn two_versions_of_one_file_are_refused_and_either_can_be_left_out() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("notes", b"of both");
    fleet.join();
    for nth in 0..2 {
        let device = fleet.device(nth);
        let version = format!("device {nth}");
        device.files.write(device.ino("notes"), 0, version.as_bytes(), false).unwrap();
        device.files.close(device.ino("notes")).unwrap();
    }
    fleet.join();
    let Some(both) = Both::of(&fleet.vault(0), &fleet.bench.key()) else { return };
    let out = both.place("out");
    let said = both.in_python("key", &out, &[]);
    said.expect(1, &["“notes”", "hushfs restore", "--leave-out"]);
    assert!(!out.exists());

    let words = said.stderr.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let names: Vec<&str> = words.filter(|word| word.len() == 25).collect();
    assert_eq!(names.len(), 2, "{said:?}");
    let mut versions = Vec::new();
    for name in names {
        both.in_python("key", &both.place(name), &["--leave-out", name]).expect(1, &[name]);
        versions.push(std::fs::read_to_string(both.place(name).join("notes")).unwrap());
    }
    versions.sort();
    assert_eq!(versions, ["device 0", "device 1"]);
}

/// Restores what random devices leave behind. Says whether that was refused.
fn history(seed: u64) -> Option<bool> {
    let mut dice = Dice::new(seed);
    let devices = 2 + dice.below(2) as usize;
    let fleet = Fleet::new(devices);
    for _ in 0..4 + dice.below(8) {
        let nth = dice.below(devices as u64) as usize;
        match dice.below(8) {
            0..=3 => step(&mut dice, fleet.device(nth)),
            4 => fleet.device(nth).publish(),
            5 => fleet.join(),
            _ => {
                fleet.sync(nth, dice.below(devices as u64) as usize, || true);
                fleet.device(nth).files.take_arrivals().unwrap();
            }
        }
    }
    (0..devices).for_each(|nth| fleet.device(nth).publish());
    (1..devices).for_each(|nth| fleet.sync(nth, 0, || true));
    let both = Both::of(&fleet.vault(0), &fleet.bench.key())?;
    let said = both.in_python("key", &both.place("out"), &[]);
    if said.code == 1 {
        said.expect(1, &["at the same time"]);
        return Some(true);
    }
    println!("seed {seed}");
    assert_eq!(both.with_hushfs("key", &both.place("theirs")).code, said.code, "{said:?}");
    let [ours, theirs] = ["out", "theirs"].map(|name| snapshot::of(&both.place(name)));
    snapshot::assert_same(&ours, &theirs);
    Some(false)
}

#[test]
fn what_random_devices_leave_behind_is_the_same_or_refused() {
    let refusals: Option<Vec<bool>> = dice::seeds("HUSHFS_RESTORES", 40).map(history).collect();
    let Some(refusals) = refusals else { return };
    let refused = refusals.iter().filter(|refused| **refused).count();
    println!("{refused} of {} were refused", refusals.len());
    assert!(refused < refusals.len());
}
