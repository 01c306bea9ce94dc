//! Damage in the state folder: what the vault holds can be restored all the same.

use std::fs;

use crate::bench::device::content;
use crate::victim::{Left, Victim};

const ALL_WHOLE: [Left; 3] = [Left::Whole, Left::Whole, Left::Whole];

#[test]
fn a_damaged_journal_is_told_and_does_not_pass_for_an_empty_one() {
    let victim = Victim::new();
    let device = victim.bench.device();
    let ino = device.file("fourth", &content(4, 2_000));
    device.files.fsync(ino).unwrap();
    device.file("fifth", &content(5, 2_000));
    device.files.fsync(ino).unwrap();
    drop(device);
    assert_eq!(victim.restore().0.code, 0);
    let mut hit = 0;
    for entry in fs::read_dir(victim.bench.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("journal-") {
            let mut bytes = fs::read(&path).unwrap();
            // In the first record, behind the block that says what the journal is.
            bytes[512 + 60] ^= 1;
            fs::write(&path, bytes).unwrap();
            hit += 1;
        }
    }
    assert!(hit > 0);
    victim.mount().expect(11, &["the journal in the state folder is damaged"]);
    let (said, left) = victim.restore();
    said.expect(11, &["the journal in the state folder is damaged"]);
    assert_eq!(left, ALL_WHOLE);
}

#[test]
fn a_damaged_record_of_what_was_seen_is_named_and_keeps_nothing_from_being_restored() {
    let victim = Victim::new();
    for name in ["seen", "device"] {
        let path = victim.bench.state().join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let place = format!("state/{name}: not authentic");
        victim.verify().0.expect(11, &[&place]);
        victim.mount().expect(11, &[&place]);
        let (said, left) = victim.restore();
        said.expect(11, &[&place]);
        assert_eq!(left, ALL_WHOLE);
        fs::write(&path, bytes).unwrap();
    }
}
