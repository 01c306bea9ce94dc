//! `docs/reader.py` gives what `hushfs restore` gives, or stops before it has written anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hushfs::format::{Ino, NodeKind, Operation, Time};

use crate::bench::Bench;
use crate::bench::device::content;
use crate::both::Both;
use crate::files::files_below;
use crate::fleet::Fleet;
use crate::hostile::{create, put};
use crate::snapshot::{self, Snapshot};
use crate::whole::{collect, fill};

/// Both give the same, but for these paths, which the reader says that it leaves out.
#[track_caller]
fn assert_reads(both: &Both, way: &str, left_out: &[&str]) -> Snapshot {
    let [ours, theirs] = ["read", "restored"].map(|name| both.place(name));
    let said = both.with_reader(way, &ours);
    said.expect(0, left_out);
    assert_eq!(said.stderr.lines().count(), left_out.len(), "{said:?}");
    both.with_hushfs(way, &theirs).expect(0, &[]);
    let (read, mut restored) = (snapshot::of(&ours), snapshot::of(&theirs));
    restored.retain(|path, _| left_out.iter().all(|left_out| path != Path::new(left_out)));
    snapshot::assert_same(&read, &restored);
    for folder in [ours, theirs] {
        fs::remove_dir_all(folder).unwrap();
    }
    read
}

/// The reader ends with this code, says this, and has written nothing.
#[track_caller]
fn assert_stops(both: &Both, way: &str, code: i32, texts: &[&str]) {
    both.with_reader(way, &both.place("out")).expect(code, texts);
    assert!(!both.place("out").exists());
}

#[test]
fn the_samples_are_read_with_password_and_with_key() {
    for (name, paths) in [("format-1", 15), ("format-1-slots-2", 2), ("format-1-keyvault", 2)] {
        let Some(both) = Both::of_sample(name) else { return };
        for way in ["password", "key"] {
            assert_eq!(assert_reads(&both, way, &[]).len(), paths, "{name}");
        }
    }
}

#[test]
fn the_sample_of_format_1_is_read_without_its_checkpoint() {
    let Some(both) = Both::of_sample("format-1") else { return };
    fs::remove_file(both.vault().join("log/6120fe8295880e41-00000003.ckpt")).unwrap();
    assert_eq!(assert_reads(&both, "key", &[]).len(), 15);
}

#[test]
fn a_tree_of_everything_is_read_but_for_devices() {
    let bench = Bench::new();
    let device = bench.device();
    fill(&device);
    device.unmount();
    let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
    let is_root = rustix::process::geteuid().is_root();
    let read = assert_reads(&both, "key", if is_root { &["device"] } else { &[] });
    assert!(read.contains_key(Path::new("renamed/Grüße/Schöne")));
}

#[test]
fn chunks_that_a_collection_moved_are_read() {
    let bench = Bench::new();
    let device = bench.device();
    collect(&device);
    device.unmount();
    let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
    assert_eq!(assert_reads(&both, "key", &[]).len(), 3);
}

#[test]
fn the_reader_writes_nothing_with_a_wrong_password_or_key() {
    let Some(both) = Both::of_sample("format-1") else { return };
    both.secret("password", b"marmot brazier lectern oxbou\n");
    both.secret("key", "0123456789abcdef".repeat(4).as_bytes());
    for way in ["password", "key"] {
        assert_stops(&both, way, 10, &["wrong password or key"]);
    }
}

#[test]
fn the_reader_stops_at_a_flipped_bit_in_an_object_of_any_kind() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let whole = assert_reads(&both, "password", &[]);
    let mut stopped_at = BTreeSet::new();
    for (object, bytes) in &files_below(&both.vault()) {
        let path = both.vault().join(object);
        let last = bytes.len() - 1;
        for at in [3, 8, 11, 20, 40, 60, bytes.len() / 2, last - 30, last] {
            let mut flipped = bytes.clone();
            let Some(byte) = flipped.get_mut(at) else { continue };
            *byte ^= 0x10;
            fs::write(&path, flipped).unwrap();
            let out = both.place("out");
            let said = both.with_reader("password", &out);
            let extension = object.rsplit('.').next().unwrap();
            if said.code == 0 {
                // The other slot, a text that nobody reads, and chunks that no file needs any more.
                assert!(["key", "txt", "pack"].contains(&extension), "{object} at {at}: {said:?}");
                snapshot::assert_same(&snapshot::of(&out), &whole);
                fs::remove_dir_all(&out).unwrap();
            } else {
                // Without the vault's id no slot is known to be of this vault.
                let is_id = extension == "vault" && (18..34).contains(&at);
                said.expect(11, &[if is_id { "another vault's" } else { object.as_str() }]);
                assert!(!out.exists(), "{object} at {at}");
                stopped_at.insert((extension.to_owned(), at.min(last)));
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    let count = |kind: &str| stopped_at.iter().filter(|(extension, _)| extension == kind).count();
    for kind in ["vault", "key", "log", "ckpt", "pack"] {
        assert!(count(kind) >= 7, "{kind}: {stopped_at:?}");
    }
}

#[test]
fn the_reader_stops_where_an_object_is_missing() {
    let missing = [
        ("log/cdd445368c6e0968-00000002.log", 14),
        ("data/4f/4f2dc28321957ecd3bbe8209090878ff.pack", 14),
        ("hushfs.vault", 12),
    ];
    for (object, code) in missing {
        let Some(both) = Both::of_sample("format-1") else { return };
        fs::remove_file(both.vault().join(object)).unwrap();
        assert_stops(&both, "key", code, &[object]);
    }
    let Some(both) = Both::of_sample("format-1") else { return };
    fs::remove_dir_all(both.vault().join("keys")).unwrap();
    assert_stops(&both, "key", 14, &["keys"]);
}

#[test]
fn the_reader_stops_where_devices_did_something_at_the_same_time() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("of both", &content(1, 9_000));
    fleet.join();
    for nth in [0, 1] {
        fleet.device(nth).make(format!("of {nth}"), NodeKind::Folder);
        fleet.device(nth).publish();
    }
    fleet.sync(1, 0, || true);
    let Some(both) = Both::of(&fleet.vault(0), &fleet.bench.key()) else { return };
    assert_stops(&both, "key", 20, &["at the same time", "`hushfs restore` and docs/restore.py"]);
}

fn rename<'a>(from: (Ino, &'a [u8]), to: (Ino, &'a [u8]), exchange: bool) -> Operation<'a> {
    let ((from_parent, from_name), (to_parent, to_name)) = (from, to);
    let time = Time::default();
    Operation::Rename { from_parent, from_name, to_parent, to_name, exchange, time }
}

#[test]
fn the_reader_refuses_operations_that_hushfs_refuses() {
    let root = Ino::ROOT;
    let names = [&b"../out of here"[..], b"..", b"", b"a/b", b"a\0b", &[b'a'; 256]];
    let impossible = names.map(|name| create(root, name, 4, NodeKind::File));
    let renames = [
        rename((root, b"a"), (root, b"none"), true),
        rename((root, b"none"), (root, b"a"), false),
        rename((root, b"a"), (root, b"a"), false),
        rename((root, b"a"), (Ino(3), b"within itself"), false),
        rename((root, b"a"), (Ino(2), b"b"), true),
        create(Ino(2), b"b", 4, NodeKind::File),
        create(root, b"number is taken", 3, NodeKind::File),
    ];
    for operation in impossible.into_iter().chain(renames) {
        let bench = Bench::new();
        let what = format!("{operation:?}");
        let folders = [(root, "a", 2), (Ino(2), "b", 3)];
        let [a, b] = folders
            .map(|(parent, name, ino)| create(parent, name.as_bytes(), ino, NodeKind::Folder));
        put(&bench, &[a, b, operation]);
        let Some(both) = Both::of(&bench.vault(), &bench.key()) else { return };
        assert_eq!(both.with_hushfs("key", &both.place("restored")).code, 11, "{what}");
        assert_stops(&both, "key", 11, &["log/0000000000000001-00000001.log is damaged"]);
        assert!(!both.place("out of here").exists());
    }
}

#[test]
fn the_reader_leaves_alone_what_is_in_a_folder_and_the_vault() {
    let Some(both) = Both::of_sample("format-1") else { return };
    fs::create_dir(both.place("full")).unwrap();
    fs::write(both.place("full/mine"), b"mine").unwrap();
    both.with_reader("key", &both.place("full")).expect(1, &["not empty"]);
    assert_eq!(fs::read_dir(both.place("full")).unwrap().count(), 1);
    let inside = both.vault().join("data/out");
    both.with_reader("key", &inside).expect(1, &["in the vault"]);
    assert!(!inside.exists());
}
