//! A log object of somebody who has the key writes nothing outside the destination.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::format::{
    DeviceId, Frontier, Ino, LogDraft, LogHash, LogKind, NodeKind, Operation, Time, Times,
    encode_operation,
};
use hushfs::store::{HostDisk, VaultFolder};

use crate::bench::Bench;
use crate::both::Both;

pub fn create<'a>(parent: Ino, name: &'a [u8], ino: u64, kind: NodeKind<'a>) -> Operation<'a> {
    let times = Times::Same(Time::default());
    Operation::Create { parent, name, ino: Ino(ino), kind, mode: 0o644, uid: 0, gid: 0, times }
}

/// Puts the first log object of a device into the vault, with these operations.
pub fn put(bench: &Bench, operations: &[Operation<'_>]) {
    let folder = VaultFolder::new(Arc::new(HostDisk), bench.vault());
    let how = UnlockArgs { key_file: Some(bench.key()), ..UnlockArgs::default() };
    let Unlocked { keys, .. } = unlock(&bench.vault(), &folder, &how).unwrap();
    let mut encoded = Vec::new();
    operations.iter().for_each(|operation| encode_operation(operation, &mut encoded));
    let draft = LogDraft {
        device: DeviceId(1),
        seq: 1,
        previous: LogHash::NONE,
        frontier: Frontier::default(),
        clock: 1,
        kind: LogKind::Increment,
        published: Time::default(),
        device_name: "\x1b[31mevil".into(),
        operations: encoded,
    };
    folder.put_log(LogKind::Increment, DeviceId(1), 1, &draft.seal(&keys)).unwrap();
}

#[test]
fn an_impossible_name_makes_its_log_object_unfit() {
    for name in [&b"../out of here"[..], b"..", b".", b"", b"a/b", b"a\0b", b"/etc/evil"] {
        let bench = Bench::new();
        let file = create(Ino::ROOT, name, 2, NodeKind::File);
        put(&bench, &[create(Ino::ROOT, b"before", 3, NodeKind::File), file]);
        let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
        let said = both.in_python("key", &both.place("out"), &[]);
        said.expect(11, &["0000000000000001-00000001 has an impossible name"]);
        assert_eq!(fs::read_dir(both.place("out")).unwrap().count(), 0);
        assert!(!both.place("out of here").exists());
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let bench = Bench::new();
    let target = bench.place("target");
    fs::create_dir(&target).unwrap();
    let link = NodeKind::Symlink(target.as_os_str().as_encoded_bytes());
    // A folder's number and a link's: what is made in the one does not come into the other.
    put(
        &bench,
        &[
            create(Ino::ROOT, b"link", 2, link),
            create(Ino::ROOT, b"folder", 3, NodeKind::Folder),
            create(Ino(3), b"file", 4, NodeKind::File),
        ],
    );
    let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
    assert_eq!(both.assert_same("key", 0).len(), 4);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);

    let bench = Bench::new();
    let link = NodeKind::Symlink(target.as_os_str().as_encoded_bytes());
    put(&bench, &[create(Ino::ROOT, b"link", 2, link), create(Ino(2), b"file", 4, NodeKind::File)]);
    let both = Both::of(&bench.vault(), &bench.key()).unwrap();
    both.in_python("key", &both.place("out"), &[]).expect(11, &["takes one kind"]);
    assert!(!Path::new(&target).join("file").exists());
}
