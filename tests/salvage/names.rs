//! Where files go.

use std::fs;

use hushfs::format::Ino;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::files::files_below;
use crate::wreck::Wreck;

#[test]
fn nothing_in_the_destination_is_overwritten_or_written_through() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let (destination, outside) = (wreck.bench.place("salvaged"), wreck.bench.place("outside"));
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(&destination).unwrap();
    fs::write(destination.join("big.bin"), b"mine").unwrap();
    std::os::unix::fs::symlink(&outside, destination.join("chats")).unwrap();
    let said = wreck.salvage_into("salvaged", &[]);
    said.expect(1, &["IN THE WAY big.bin", "IN THE WAY chats/first.jpg", "3 files were not"]);
    assert_eq!(fs::read(destination.join("big.bin")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_destination_in_the_vault_is_refused() {
    let wreck = Wreck::new();
    wreck.salvage_into("vault/salvaged", &[]).expect(2, &["would be uploaded unencrypted"]);
    assert!(!wreck.vault().join("salvaged").exists());
}

#[test]
fn what_was_replaced_or_deleted_comes_back_beside_what_is_there() {
    let bench = Bench::new();
    let device = bench.device();
    let old = device.file("diary", &content(1, 5_000));
    let gone = device.file("gone", &content(2, 6_000));
    device.publish();
    device.files.unlink(Ino::ROOT, b"diary").unwrap();
    device.files.unlink(Ino::ROOT, b"gone").unwrap();
    device.file("diary", &content(3, 7_000));
    device.unmount();
    fs::remove_dir_all(bench.vault().join("log")).unwrap();
    let wreck = Wreck {
        bench,
        files: [
            ("diary".to_owned(), content(3, 7_000)),
            ("gone".to_owned(), content(2, 6_000)),
            (format!("lost+found/{:016x}-diary", old.0), content(1, 5_000)),
        ]
        .into(),
    };
    let (said, found) = wreck.salvage();
    said.expect(0, &["no path    lost+found/", "a newer file has its path"]);
    assert!(found == wreck.files, "{:?} {gone}", found.keys());
}

#[test]
fn a_file_and_a_folder_of_one_name_both_come() {
    let bench = Bench::new();
    let device = bench.device();
    let file = device.file("name", &content(1, 5_000));
    device.publish();
    device.files.unlink(Ino::ROOT, b"name").unwrap();
    device.make("name", hushfs::format::NodeKind::Folder);
    device.file("name/inside", &content(2, 5_000));
    device.unmount();
    fs::remove_dir_all(bench.vault().join("log")).unwrap();
    let files = [
        ("name/inside".to_owned(), content(2, 5_000)),
        (format!("lost+found/{:016x}-name", file.0), content(1, 5_000)),
    ];
    let wreck = Wreck { bench, files: files.into() };
    let said = wreck.salvage_into("salvaged", &[]);
    said.expect(0, &[]);
    assert!(files_below(&wreck.bench.place("salvaged")) == wreck.files);
}
