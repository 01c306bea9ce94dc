//! What stands in the destination already, and is something else.

use std::fs;
use std::os::unix::fs::symlink;

use hushfs::format::NodeKind;

use crate::bench::Bench;

fn filled() -> Bench {
    let bench = Bench::new();
    let device = bench.device();
    device.make("folder", NodeKind::Folder);
    device.file("folder/file", b"the vault's");
    device.file("note", b"the vault's");
    device.make("symlink", NodeKind::Symlink(b"note"));
    device.unmount();
    bench
}

#[test]
fn what_is_in_the_way_is_named_and_left_alone_until_it_may_be_replaced() {
    let bench = filled();
    let destination = bench.place("restored");
    fs::create_dir_all(destination.join("folder")).unwrap();
    fs::write(destination.join("folder/file"), b"mine").unwrap();
    fs::write(destination.join("mine alone"), b"mine").unwrap();
    symlink("elsewhere", destination.join("symlink")).unwrap();
    let said = bench.restore(&destination, &[]);
    said.expect(1, &["IN THE WAY folder/file\n", "IN THE WAY symlink\n", "--overwrite"]);
    assert!(said.stderr.contains("2 entries were not restored"), "{said:?}");
    assert_eq!(fs::read(destination.join("folder/file")).unwrap(), b"mine");
    assert_eq!(fs::read_link(destination.join("symlink")).unwrap().to_str(), Some("elsewhere"));
    assert_eq!(fs::read(destination.join("note")).unwrap(), b"the vault's");

    let said = bench.restore(&destination, &["--overwrite".as_ref()]);
    said.expect(0, &["1 file was there already"]);
    assert_eq!(fs::read(destination.join("folder/file")).unwrap(), b"the vault's");
    assert_eq!(fs::read_link(destination.join("symlink")).unwrap().to_str(), Some("note"));
    assert_eq!(fs::read(destination.join("mine alone")).unwrap(), b"mine");
}

#[test]
fn a_folder_is_never_replaced_nor_is_anything_by_one() {
    let bench = filled();
    let destination = bench.place("restored");
    let outside = bench.place("outside");
    fs::create_dir_all(destination.join("note/mine")).unwrap();
    fs::create_dir(&outside).unwrap();
    // A link to a folder is not that folder: nothing is written through it.
    symlink(&outside, destination.join("folder")).unwrap();
    for overwrite in [&[][..], &["--overwrite".as_ref()]] {
        let said = bench.restore(&destination, overwrite);
        said.expect(1, &["IN THE WAY note\n", "IN THE WAY folder (and all below it)\n"]);
        assert_eq!(said.stderr.contains("--overwrite replaces"), overwrite.is_empty(), "{said:?}");
        assert!(destination.join("note/mine").is_dir());
        assert_eq!(fs::read_link(destination.join("folder")).unwrap(), outside);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
}

#[test]
fn what_cannot_be_a_destination_is_named() {
    let bench = filled();
    let file = bench.place("a-file");
    fs::write(&file, b"mine").unwrap();
    bench.restore(&file, &[]).expect(1, &["a-file"]);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    bench.restore("/proc/restored".as_ref(), &[]).expect(1, &["/proc/restored"]);
}

#[test]
fn a_damaged_files_rest_takes_no_other_files_name() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("note", &[1; 5000]);
    device.publish();
    let pack = only_pack(&bench);
    for name in ["note.damaged", "note.damaged-2", "zz note"] {
        device.file(name, b"whole");
    }
    device.unmount();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[100] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let destination = bench.place("restored");
    for _ in 0..2 {
        let said = bench.restore(&destination, &[]);
        said.expect(11, &["DAMAGED    note: 4096 of 5000 bytes", "the rest is in note.damaged-3"]);
        let rest = fs::read(destination.join("note.damaged-3")).unwrap();
        assert!(rest[..4096] == [0; 4096] && rest[4096..] == [1; 904]);
        for name in ["note.damaged", "note.damaged-2", "zz note"] {
            assert_eq!(fs::read(destination.join(name)).unwrap(), b"whole");
        }
        assert!(!destination.join("note").exists());
    }
}

#[test]
fn a_damaged_file_of_the_longest_name_has_its_rest_under_a_shorter_one() {
    let bench = Bench::new();
    let device = bench.device();
    let (first, second) = ("n".repeat(255), "n".repeat(254) + "m");
    device.file(&first, &[1; 100]);
    device.file(&second, &[2; 100]);
    device.unmount();
    let pack = only_pack(&bench);
    fs::write(&pack, b"").unwrap();
    let destination = bench.place("restored");
    bench.restore(&destination, &[]).expect(11, &[&first, &second, "2 files lack content"]);
    for name in ["n".repeat(247) + ".damaged", "n".repeat(245) + ".damaged-2"] {
        assert_eq!(fs::read(destination.join(name)).unwrap(), [0; 100]);
    }
}

fn only_pack(bench: &Bench) -> std::path::PathBuf {
    let folder = fs::read_dir(bench.vault().join("data")).unwrap().next().unwrap().unwrap().path();
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}
