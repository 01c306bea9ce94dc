//! What other devices publish while one has the vault open.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use hushfs::format::Ino;
use hushfs::fs::{OutsideChanges, RenameMode};

use crate::bench::Bench;
use crate::bench::device::{Device, content};
use crate::shown;

/// Two devices that have the same vault open.
fn pair() -> (Bench, Device, Device) {
    let bench = Bench::new();
    let one = bench.device_at("one");
    one.file("first", &content(1, 20_000));
    one.make("folder", hushfs::format::NodeKind::Folder);
    one.publish();
    let other = bench.device_at("other");
    (bench, one, other)
}

fn assert_equal(one: &Device, other: &Device) {
    let (one, other) = (shown::of(&one.files), shown::of(&other.files));
    assert!(one == other, "{:?} / {:?}", one.keys(), other.keys());
}

#[test]
fn turns_follow_each_other_without_a_new_mount() {
    let (bench, one, other) = pair();
    for turn in 0..6_u32 {
        let (writer, reader) = if turn % 2 == 0 { (&other, &one) } else { (&one, &other) };
        writer.file(format!("folder/{turn}"), &content(turn, 30_000));
        let first = writer.ino("first");
        writer.files.write(first, u64::from(turn) * 5000, b"turn", false).unwrap();
        writer.files.close(first).unwrap();
        writer.publish();
        reader.files.take_arrivals().unwrap();
        assert_equal(writer, reader);
        assert_eq!(reader.files.status().not_arrived, [""; 0]);
    }
    one.unmount();
    other.unmount();
    bench.verify().expect(0, &["all is whole"]);
    let (one, other) = (bench.device_at("one"), bench.device_at("new"));
    assert_eq!(one.files.status().devices.len(), 2);
    assert_equal(&one, &other);
}

#[test]
fn what_is_not_published_yet_follows_what_has_arrived_where_both_touch_different_things() {
    let (bench, one, other) = pair();
    other.file("folder/theirs", &content(2, 20_000));
    other.publish();
    let ino = one.file("folder/ours", &content(3, 20_000));
    one.files.take_arrivals().unwrap();
    let names: Vec<String> = shown::of(&one.files).into_keys().collect();
    assert_eq!(names, ["/first", "/folder", "/folder/ours", "/folder/theirs"]);
    // What is written now was written on both.
    one.files.write(ino, 0, b"again", false).unwrap();
    one.files.fsync(ino).unwrap();
    drop(one);
    let one = bench.device_at("one");
    let status = one.files.status();
    assert_eq!((&status.read_only, &status.damage[..]), (&None, &[][..]));
    assert_eq!(shown::of(&one.files).len(), 4);
    one.publish();
    other.files.take_arrivals().unwrap();
    assert_equal(&one, &other);
    one.unmount();
    other.unmount();
    bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn the_listener_is_told_of_every_name_and_inode_that_has_changed_and_of_no_other() {
    let (_bench, one, other) = pair();
    let told: Arc<Mutex<Vec<OutsideChanges>>> = Arc::default();
    let keep = told.clone();
    one.files.listen(move |changes| keep.lock().unwrap().push(changes.clone()));
    one.file("mine", b"x");
    one.publish();
    one.files.take_arrivals().unwrap();
    assert!(told.lock().unwrap().is_empty());
    other.files.take_arrivals().unwrap();
    let (first, folder) = (other.ino("first"), other.ino("folder"));
    other.files.rename(Ino::ROOT, b"first", folder, b"moved", RenameMode::Replace).unwrap();
    other.publish();
    one.files.take_arrivals().unwrap();
    let expected = OutsideChanges {
        inodes: HashSet::from([Ino::ROOT, folder, first]),
        names: HashSet::from([(Ino::ROOT, b"first".to_vec()), (folder, b"moved".to_vec())]),
    };
    assert_eq!(*told.lock().unwrap(), [expected]);
}

#[test]
fn a_file_that_is_open_here_stays_readable_when_it_goes_there() {
    let (_bench, one, other) = pair();
    let first = one.ino("first");
    one.files.open(first).unwrap();
    other.files.unlink(Ino::ROOT, b"first").unwrap();
    other.publish();
    one.files.take_arrivals().unwrap();
    assert!(one.files.lookup(Ino::ROOT, b"first").is_err());
    let mut read = vec![0; 20_000];
    assert_eq!(one.files.read(first, 0, &mut read).unwrap(), 20_000);
    assert!(read == content(1, 20_000));
    one.files.release(first);
    assert!(one.files.attributes(first).is_err());
}

#[test]
fn what_is_appended_goes_to_where_the_end_is_now() {
    let (_bench, one, other) = pair();
    let first = one.ino("first");
    // Nobody else has been there: whoever appends elsewhere means that.
    assert_eq!(one.files.append(first, 10_000, b"within", false).unwrap(), 10_000);
    one.publish();
    other.files.take_arrivals().unwrap();
    assert_eq!(other.files.append(first, 20_000, b"more", false).unwrap(), 20_000);
    other.publish();
    one.files.take_arrivals().unwrap();
    assert_eq!(one.files.append(first, 20_000, b"still more", false).unwrap(), 20_004);
    one.publish();
    other.files.take_arrivals().unwrap();
    assert_equal(&one, &other);
    let mut end = [0; 20];
    assert_eq!(one.files.read(first, 20_000, &mut end).unwrap(), 14);
    assert_eq!(&end[..14], b"morestill more");
    // Shorter, too.
    other.files.write(first, 0, b"x", false).unwrap();
    let size = hushfs::fs::AttributeChange { size: Some(5), ..Default::default() };
    other.files.set_attributes(first, &size).unwrap();
    other.publish();
    one.files.take_arrivals().unwrap();
    assert_eq!(one.files.append(first, 20_014, b"last", false).unwrap(), 5);
    assert_eq!(one.files.attributes(first).unwrap().size, 9);
}
