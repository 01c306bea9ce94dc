//! Where the versions of a conflict come from.

use crate::bench::device::content;
use crate::fleet::Fleet;

fn overwrite(fleet: &Fleet, nth: usize, seed: u32) {
    let device = fleet.device(nth);
    let ino = device.ino("a");
    device.files.write(ino, 0, &content(seed, 5000), false).unwrap();
    device.files.close(ino).unwrap();
    device.publish();
}

/// The devices that `named` and `copy` are told to come from, by every device.
fn origins(fleet: &Fleet) -> (Option<String>, Option<String>) {
    let all: Vec<_> = (0..fleet.count())
        .map(|nth| {
            let told = fleet.device(nth).files.conflicts(0, 10).unwrap();
            assert_eq!((told.total, told.conflicts.len()), (1, 1));
            told.conflicts
        })
        .collect();
    assert!(all.iter().all(|told| *told == all[0]), "{all:?}");
    let conflict = all[0][0].clone();
    (conflict.named.unwrap().device, conflict.copy.device)
}

fn devices(named: usize, copy: usize) -> (Option<String>, Option<String>) {
    (Some(format!("device-{named}")), Some(format!("device-{copy}")))
}

#[test]
fn the_device_of_either_version_is_told_also_where_the_earlier_goes_on() {
    let fleet = Fleet::new(3);
    fleet.device(0).file("a", &content(0, 30_000));
    fleet.join();
    overwrite(&fleet, 0, 1);
    // Its version is the later one.
    fleet.device(1).file("b", b"");
    fleet.device(1).publish();
    overwrite(&fleet, 1, 2);
    // The first has not seen it, and goes on with its own, which lost the name.
    overwrite(&fleet, 0, 3);
    overwrite(&fleet, 0, 4);
    fleet.join();
    let told = origins(&fleet);
    assert!(told == devices(1, 0) || told == devices(0, 1), "{told:?}");
    let named = told.0.unwrap();
    let seed = if named == "device-1" { 2 } else { 4 };
    assert!(fleet.shown(2)["/a"].content.as_ref().unwrap()[..5000] == content(seed, 5000));
    // Whoever writes on what has the name is where it comes from then.
    overwrite(&fleet, 2, 5);
    fleet.join();
    assert_eq!(origins(&fleet).0.unwrap(), "device-2");
}

#[test]
fn what_is_not_published_or_whose_log_object_is_gone_comes_from_nowhere_that_is_known() {
    let fleet = Fleet::new(1);
    let device = fleet.device(0);
    device.file("a", &content(0, 100));
    device.file("a (conflict laptop 2026-11-24)", &content(1, 100));
    let told = device.files.conflicts(0, 10).unwrap().conflicts.remove(0);
    assert_eq!(told.named.as_ref().unwrap().device, None);
    assert_eq!(told.copy.device.as_deref(), Some("laptop"));
    device.publish();
    let told = device.files.conflicts(0, 10).unwrap().conflicts.remove(0);
    assert_eq!(told.named.unwrap().device.as_deref(), Some("device-0"));
    // A checkpoint says what there is, not who has written it.
    device.file("c", b"");
    let ino = device.ino("c");
    for nth in 0..60 {
        device.files.write(ino, 0, &content(nth, 5000), false).unwrap();
        device.files.close(ino).unwrap();
        device.publish();
    }
    device.files.collect(std::time::Duration::ZERO).unwrap();
    let told = device.files.conflicts(0, 10).unwrap().conflicts.remove(0);
    assert_eq!(told.named.unwrap().device, None);
    assert_eq!(device.files.conflicts(1, 10).unwrap().conflicts, []);
}
