//! What clients rename while the vault is open.

use std::fs;

use hushfs::fs::FsError;

use crate::bench::device::content;
use crate::subject::Subject;

#[test]
fn a_pack_that_is_renamed_while_it_is_open_is_found_again() {
    let subject = Subject::new();
    let device = subject.bench.device();
    let packs = subject.objects("data/", ".pack");
    for pack in &packs {
        subject.rename(pack, &pack.replace(".pack", " (1).pack"));
    }
    for nth in 0..4 {
        let mut read = vec![0; 9000];
        let ino = device.ino(format!("chats/{nth}.jpg"));
        assert_eq!(device.files.read(ino, 0, &mut read).unwrap(), 9000);
        assert!(read == content(nth, 9000));
    }
    let status = device.files.status();
    assert_eq!(status.damage, Vec::<String>::new());
    assert!(status.notes.iter().all(|note| note.contains("is read from")), "{status:?}");
    assert!(!status.notes.is_empty());
    // The client puts it back.
    for pack in &packs {
        subject.rename(&pack.replace(".pack", " (1).pack"), pack);
    }
    let mut read = vec![0; 9000];
    assert_eq!(device.files.read(device.ino("chats/0.jpg"), 0, &mut read).unwrap(), 9000);
    assert_eq!(device.files.status().notes, Vec::<String>::new());
    device.unmount();
    subject.bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn what_is_damaged_in_part_is_read_in_part_from_a_copy_that_is_damaged_elsewhere() {
    let subject = Subject::new();
    for pack in subject.objects("data/", ".pack") {
        let bytes = subject.pristine(&pack);
        let flipped = |at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            bytes
        };
        // Chunks of 4112 bytes stand behind a header of 32.
        subject.write(&pack, &flipped(40));
        subject.write(&pack.replace(".pack", " 2.pack"), &flipped(32 + 4112 + 8));
    }
    let device = subject.bench.device();
    for nth in 0..4 {
        let ino = device.ino(format!("chats/{nth}.jpg"));
        let whole = content(nth, 9000);
        for at in [0, 4096, 8192, 0, 4096] {
            let mut read = vec![0; 800];
            assert_eq!(device.files.read(ino, at, &mut read).unwrap(), 800);
            assert!(read == whole[at as usize..][..800]);
        }
    }
    device.unmount();
}

#[test]
fn what_no_copy_has_is_an_error_as_ever() {
    let subject = Subject::new();
    let device = subject.bench.device();
    for pack in subject.objects("data/", ".pack") {
        fs::remove_file(subject.path(&pack)).unwrap();
        subject.write(&pack.replace(".pack", " (1).pack"), b"garbage");
    }
    let read = device.files.read(device.ino("chats/1.jpg"), 0, &mut [0; 9000]);
    assert!(matches!(read, Err(FsError::Damaged { .. })), "{read:?}");
    assert_eq!(device.files.status().notes, Vec::<String>::new());
    device.unmount();
}

#[test]
fn a_descriptor_that_is_renamed_while_the_vault_is_open_is_found_and_publishing_goes_on() {
    let subject = Subject::new();
    let device = subject.bench.device();
    subject.rename("hushfs.vault", "HUSHFS.VAULT");
    device.file("more", b"more");
    device.files.publish().unwrap();
    assert!(device.files.status().notes[0].contains("HUSHFS.VAULT"));
    // Another vault's, or none, is a folder that nothing is put into.
    subject.rename("HUSHFS.VAULT", "elsewhere");
    device.file("and more", b"more");
    assert!(device.files.publish().is_err());
    subject.rename("elsewhere", "hushfs (1).vault");
    device.unmount();
    subject.bench.verify().expect(0, &["all is whole"]);
}
