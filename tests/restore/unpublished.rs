//! What the vault does not hold yet, because the last mount was cut off.

use std::fs;

use hushfs::format::{Ino, NodeKind};

use crate::bench::Bench;
use crate::bench::device::content;

#[test]
fn what_a_killed_mount_left_in_the_state_folder_is_restored_too() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("published", b"one");
    device.publish();
    device.make("chats", NodeKind::Folder);
    device.file("chats/closed", &content(1, 300_000));
    let synced = device.make("synced", NodeKind::File);
    device.files.write(synced, 0, b"a few bytes", false).unwrap();
    device.files.fsync(synced).unwrap();
    device.files.write(device.ino("published"), 3, b", two", false).unwrap();
    device.files.close(device.ino("published")).unwrap();
    device.files.fsync(Ino::ROOT).unwrap();
    // No unmount: as after a kill.
    drop(device);
    bench.verify().expect(0, &["changes of this device wait in"]);
    for round in ["first", "second"] {
        let destination = bench.place(round);
        let said = bench.restore(&destination, &[]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        let read = |name| fs::read(destination.join(name)).unwrap();
        assert_eq!(read("published"), b"one, two");
        assert_eq!(read("chats/closed"), content(1, 300_000));
        assert_eq!(read("synced"), b"a few bytes");
    }
    // The next mount still finds everything.
    let device = bench.device();
    device.unmount();
    bench.verify().expect(0, &["all is whole"]);
    fs::remove_dir_all(bench.state()).unwrap();
    let said = bench.restore(&bench.place("third"), &[]);
    said.expect(0, &["restored 5 entries"]);
    assert_eq!(fs::read(bench.place("third/chats/closed")).unwrap(), content(1, 300_000));
}

#[test]
fn beside_a_mount_that_goes_on_what_is_published_is_restored() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("published", b"one");
    device.publish();
    device.file("not yet", b"two");
    let destination = bench.place("restored");
    let said = bench.restore(&destination, &[]);
    said.expect(0, &["warning: the vault is in use", "what is not published yet is left out"]);
    assert_eq!(fs::read(destination.join("published")).unwrap(), b"one");
    assert!(!destination.join("not yet").exists());
}
