//! What is whole comes back as `hushfs restore` brings it back.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{AllocateMode, AttributeChange, RenameMode};

use crate::bench::Bench;
use crate::bench::device::{Device, content};
use crate::both::Both;

#[test]
fn the_sample_of_format_1_comes_back_with_its_password_and_with_its_key() {
    let Some(both) = Both::of_sample("format-1") else { return };
    assert_eq!(both.assert_same("password", 0).len(), 15);
    assert_eq!(both.assert_same("key", 0).len(), 15);
    // Its slots are of the second version.
    let Some(both) = Both::of_sample("format-1-slots-2") else { return };
    assert!(!both.assert_same("password", 0).is_empty());
    both.assert_same("key", 0);
}

#[test]
fn the_sample_of_format_1_comes_back_without_its_checkpoint() {
    let Some(both) = Both::of_sample("format-1") else { return };
    fs::remove_file(both.vault().join("log/6120fe8295880e41-00000003.ckpt")).unwrap();
    assert_eq!(both.assert_same("key", 0).len(), 15);
}

fn set_size(device: &Device, ino: Ino, size: u64) {
    let change = AttributeChange { size: Some(size), ..AttributeChange::default() };
    device.files.set_attributes(ino, &change).unwrap();
}

/// Whatever files can have and programs can do to them.
pub fn fill(device: &Device) {
    for folder in ["Chats", "Chats/2024", "Chats/2024/Grüße", "Empty folder", "gone"] {
        device.make(folder, NodeKind::Folder);
    }
    // More than a pack holds, and then overwritten, cut within a chunk, and grown.
    let big = device.file("Chats/big", &content(1, 20_000_000));
    device.files.write(big, 4_000, &content(2, 100_000), false).unwrap();
    device.files.write(big, 16_000_001, &content(3, 2), false).unwrap();
    set_size(device, big, 19_000_001);
    set_size(device, big, 19_000_500);
    device.link(big, "Chats/2024/the same");
    device.publish();

    let sparse = device.make("sparse", NodeKind::File);
    device.files.write(sparse, 1 << 25, b"far away", false).unwrap();
    set_size(device, sparse, 1 << 26);
    let punched = device.file("punched", &content(4, 100_000));
    device.files.allocate(punched, AllocateMode::PunchHole, 5_000, 50_000).unwrap();
    device.file("empty", b"");
    device.file(b"caf\xE9\nnew line".as_slice(), b"no UTF-8");
    device.file("Chats/2024/Grüße/Schöne", "Grüße".as_bytes());
    device.file("gone/too", &content(5, 5_000));
    device.make("link", NodeKind::Symlink(b"Chats/2024"));
    device.make("out of here", NodeKind::Symlink(b"/etc/passwd"));
    device.make("pipe", NodeKind::Fifo);
    device.set_xattr(punched, "user.mime_type", b"image/\xFF");
    device.set_xattr(device.ino("Chats"), "user.of a folder", b"");
    device.publish();

    let (root, chats) = (Ino::ROOT, device.ino("Chats"));
    device.files.rename(chats, b"2024", root, b"renamed", RenameMode::Replace).unwrap();
    device.files.rename(root, b"empty", root, b"link", RenameMode::Exchange).unwrap();
    device.file("replaces", &content(6, 9_000));
    device.file("replaced", &content(7, 9_000));
    device.files.rename(root, b"replaces", root, b"replaced", RenameMode::Replace).unwrap();
    device.files.unlink(device.ino("gone"), b"too").unwrap();
    device.files.remove_folder(root, b"gone").unwrap();
    device.set_mode(big, 0o4751);
    device.set_mode(chats, 0o2770);
    device.set_mode(punched, 0o400);
    if rustix::process::geteuid().is_root() {
        device.set_owner(big, 1000, 100);
        device.make("device", NodeKind::CharDevice(0x0012_3407));
    }
    let out = device.ino("out of here");
    for (ino, time) in [(punched, (-86_400, 500_000_000)), (out, (1, 2)), (chats, (3, 4))] {
        device.set_times(ino, (1_700_000_000, 0), time);
    }
}

#[test]
fn a_tree_of_everything_comes_back() {
    let bench = Bench::new();
    let device = bench.device();
    fill(&device);
    device.unmount();
    let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
    let restored = both.assert_same("key", 0);
    assert_eq!(restored[Path::new("Chats/big")].links, 2);
    assert!(restored.contains_key(Path::new("renamed/Grüße/Schöne")));

    let again = both.place("again");
    assert_eq!(both.in_python("key", &again, &[]).code, 0);
    assert!(again.join("sparse").metadata().unwrap().blocks() * 512 < 100_000);
}

/// Lets a collection move chunks, also those of a file that was cut within one.
pub fn collect(device: &Device) {
    device.file("stays", &content(1, 30_000));
    let cut = device.file("is cut", &content(2, 30_000));
    device.file("goes", &content(3, 200_000));
    device.publish();
    set_size(device, cut, 17_001);
    device.files.unlink(Ino::ROOT, b"goes").unwrap();
    device.publish();
    device.files.collect(std::time::Duration::ZERO).unwrap();
}

#[test]
fn chunks_that_a_collection_moved_come_back() {
    let bench = Bench::new();
    let device = bench.device();
    collect(&device);
    device.unmount();
    let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
    assert_eq!(both.assert_same("key", 0).len(), 3);
}

#[test]
fn a_wrong_password_or_key_is_told_and_writes_nothing() {
    let Some(both) = Both::of_sample("format-1") else { return };
    both.secret("password", b"marmot brazier lectern oxbou\n");
    both.secret("key", "0123456789abcdef".repeat(4).as_bytes());
    for way in ["password", "key"] {
        let said = both.in_python(way, &both.place("out"), &[]);
        said.expect(10, &["Wrong password or key."]);
        assert!(!both.place("out").exists());
    }
}

#[test]
fn nothing_is_written_into_a_folder_that_is_not_empty_or_into_the_vault() {
    let Some(both) = Both::of_sample("format-1") else { return };
    fs::create_dir(both.place("full")).unwrap();
    fs::write(both.place("full/mine"), b"mine").unwrap();
    both.in_python("key", &both.place("full"), &[]).expect(1, &["is not empty"]);
    assert_eq!(fs::read_dir(both.place("full")).unwrap().count(), 1);
    let inside = both.vault().join("data/out");
    both.in_python("key", &inside, &[]).expect(2, &["in the vault"]);
    assert!(!inside.exists());
}

#[test]
fn what_is_no_vault_is_told_from_what_needs_a_newer_program() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let descriptor = both.vault().join("hushfs.vault");
    let mut bytes = fs::read(&descriptor).unwrap();
    bytes[8] = 2;
    fs::write(&descriptor, bytes).unwrap();
    both.in_python("key", &both.place("out"), &[]).expect(12, &["newer format"]);
    fs::remove_dir_all(both.vault()).unwrap();
    fs::create_dir(both.vault()).unwrap();
    both.in_python("key", &both.place("out"), &[]).expect(12, &["is not a vault"]);
}
