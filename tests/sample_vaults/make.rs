//! How the sample was made: with
//!
//! ```text
//! cargo test --test sample_vaults -- --ignored
//! ```
//!
//! in an empty place. What is there is frozen; for a new format, make a new sample beside it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::format::{DeviceId, Ino, LogDraft, LogKind, NodeKind, Time};
use hushfs::fs::{AllocateMode, AttributeChange, fold};
use hushfs::store::{HostDisk, VaultFolder};

use crate::device::{Device, content};
use crate::program::{Said, hushfs};
use crate::samples;

const CAFE: &[u8] = b"Chats/caf\xE9.txt";

#[test]
#[ignore = "makes a sample where there is none"]
fn make_the_sample_of_format_1() {
    let (vault, key) = (samples().join("format-1"), samples().join("format-1.key"));
    if vault.exists() {
        eprintln!("{} is there, and frozen", vault.display());
        return;
    }
    let password = samples().join("format-1.password");
    fs::write(&password, "marmot brazier lectern oxbow\n").unwrap();
    let mut init = hushfs(&["init", "--yes", "--password-file"]);
    Said::by(init.arg(password).arg("--key-file").arg(&key).arg(&vault)).expect(0, &[]);

    let states = tempfile::tempdir().unwrap();
    let device = |name: &str| Device::open(&vault, &key, &states.path().join(name));
    first_turn(device("laptop"));
    second_turn(device("phone"));
    third_turn(device("laptop"));
    put_checkpoint(&vault, &key);
    fourth_turn(device("phone"));
    fifth_turn(device("laptop"));
}

/// Makes a vault with one file, opened by a password and by a key beside it, which is returned with it; `None` if
/// there is one.
fn make(name: &str, note: &[u8]) -> Option<(PathBuf, PathBuf)> {
    let place = |way: &str| samples().join(format!("{name}{way}"));
    let (vault, password, key) = (place(""), place(".password"), place(".key"));
    if vault.exists() {
        eprintln!("{} is there, and frozen", vault.display());
        return None;
    }
    fs::write(&password, "marmot brazier lectern oxbow\n").unwrap();
    let mut init = hushfs(&["init", "--yes", "--password-file"]);
    Said::by(init.arg(&password).arg("--key-file").arg(&key).arg(&vault)).expect(0, &[]);
    let state = tempfile::tempdir().unwrap();
    let device = Device::open(&vault, &key, state.path());
    device.file("note.txt", note);
    device.unmount();
    Some((vault, key))
}

#[test]
#[ignore = "makes a sample where there is none"]
fn make_the_sample_with_slots_of_version_2() {
    let Some((vault, key)) = make("format-1-slots-2", b"found by any of three ways") else {
        return;
    };
    let add = ["key", "add", "--password", "--yes", "--name", "Ann’s", "--new-password-command"];
    let mut add = hushfs(&add);
    add.arg("echo walnut ferry cobalt hinge").arg("--key-file").arg(&key).arg(&vault);
    Said::by(&mut add).expect(0, &[]);
}

/// The slot names where its server listened then: whoever logs in has to say where the store is served.
#[cfg(feature = "keyvault-server")]
#[test]
#[ignore = "makes a sample where there is none"]
fn make_the_sample_with_a_slot_of_a_key_vault() {
    use std::io::{BufRead, BufReader};

    use hushfs::crypto::{Password, StretchParameters};
    use hushfs::format::UnverifiedSlot;
    use hushfs::keyvault::client::log_in;

    let place = |way: &str| samples().join(format!("format-1-keyvault{way}"));
    let made = make("format-1-keyvault", b"found by a key vault as well");
    let Some((vault, key)) = made else { return };
    let mut serve = hushfs(&["keyvault", "serve", "--listen", "127.0.0.1:0", "--store"]);
    serve.arg(place(".accounts")).stdout(std::process::Stdio::piped());
    let mut server = serve.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut told = |before: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(before).unwrap().to_owned()
    };
    let (address, pin) = (told("listening at "), told("pin "));
    let mut register =
        hushfs(&["keyvault", "register", "--yes", "--name", "Bea’s", "--new-password-command"]);
    register.arg("echo walnut ferry cobalt hinge").args(["--server", &address, "--pin", &pin]);
    Said::by(register.arg("--key-file").arg(&key).arg(&vault)).expect(0, &[]);
    let slots = fs::read_dir(vault.join("keys")).unwrap();
    let slots = slots.map(|slot| UnverifiedSlot::parse(&fs::read(slot.unwrap().path()).unwrap()));
    let slot = slots.map(Result::unwrap).find(|slot| slot.key_vault().is_some()).unwrap();
    let secret = Password::new(zeroize::Zeroizing::new(b"walnut ferry cobalt hinge".to_vec()));
    let stretch = StretchParameters::FLOOR;
    let logged_in = log_in(slot.key_vault().unwrap(), &secret.unwrap(), stretch).unwrap();
    fs::write(place(".export-key"), logged_in.export_key.bytes()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&server),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert!(server.wait().unwrap().success());
}

fn first_turn(device: Device) {
    device.make("Chats", NodeKind::Folder);
    device.make("Empty folder", NodeKind::Folder);
    let photo = device.file("Chats/photo.jpg", &content(1, 20_000));
    device.set_xattr(photo, "user.mime_type", b"image/jpeg");
    device.publish();
    device.file("Chats/old name", &content(5, 9_000));
    device.file("Chats/removed", &content(9, 5_000));
    device.make("latest", NodeKind::Symlink(b"Chats/photo.jpg"));
    device.unmount();
}

/// Overwrites, appends, links.
fn second_turn(device: Device) {
    let photo = device.ino("Chats/photo.jpg");
    device.files.write(photo, 5_000, &content(2, 3_000), false).unwrap();
    device.files.write(photo, 20_000, &content(3, 3_000), false).unwrap();
    device.files.close(photo).unwrap();
    device.link(photo, "Chats/same photo.jpg");
    device.file("Chats/cut.log", &content(6, 9_000));
    device.file("Chats/punched", &content(8, 40_960));
    device.file(CAFE, b"cr\xE8me\n");
    device.unmount();
}

/// Renames, removes, cuts.
fn third_turn(device: Device) {
    let chats = device.ino("Chats");
    let replace = hushfs::fs::RenameMode::Replace;
    device.files.rename(chats, b"old name", chats, b"new name", replace).unwrap();
    device.files.unlink(chats, b"removed").unwrap();
    let cut = AttributeChange { size: Some(5_000), ..AttributeChange::default() };
    device.files.set_attributes(device.ino("Chats/cut.log"), &cut).unwrap();
    device.unmount();
}

/// What a device puts beside its log object when enough has happened since the last one.
fn put_checkpoint(vault: &Path, key: &Path) {
    let folder = VaultFolder::new(Arc::new(HostDisk), vault);
    let how = UnlockArgs { key_file: Some(key.to_owned()), ..UnlockArgs::default() };
    let Unlocked { descriptor, keys } = unlock(vault, &folder, &how).unwrap();
    let folded = fold(&folder, &folder.listing().unwrap(), &keys, descriptor.chunk_size);
    assert!(folded.gaps.is_empty());
    let own = folded.frontier.iter().max_by_key(|entry| entry.seq).unwrap();
    let (device, seq): (DeviceId, u64) = (own.device, own.seq);
    let mut operations = Vec::new();
    folded.tree.encode_checkpoint(&mut operations);
    let draft = LogDraft {
        device,
        seq,
        previous: own.hash,
        frontier: folded.frontier.clone(),
        clock: folded.clock,
        kind: LogKind::Checkpoint,
        published: Time::now(),
        device_name: "bench".into(),
        operations,
    };
    folder.put_log(LogKind::Checkpoint, device, seq, &draft.seal(&keys)).unwrap();
}

/// Holes, and kinds that are no files.
fn fourth_turn(device: Device) {
    let sparse = device.make("Chats/sparse", NodeKind::File);
    device.files.write(sparse, 1 << 20, &content(7, 6_000), false).unwrap();
    let grown = AttributeChange { size: Some(10_000_000), ..AttributeChange::default() };
    device.files.set_attributes(sparse, &grown).unwrap();
    let punched = device.ino("Chats/punched");
    device.files.allocate(punched, AllocateMode::PunchHole, 8_192, 24_576).unwrap();
    device.make("dangling", NodeKind::Symlink(b"nowhere at all"));
    device.make("pipe", NodeKind::Fifo);
    device.unmount();
}

/// The last files, and everything's attributes.
fn fifth_turn(device: Device) {
    device.file("Chats/Grüße.txt", "Schöne Grüße, bis bald".as_bytes());
    device.file("Chats/nothing in it", b"");
    let photo = device.ino("Chats/photo.jpg");
    device.set_owner(photo, 1000, 100);
    device.set_owner(device.ino("Chats"), 1000, 1000);
    device.set_xattr(device.ino("Chats"), "user.bytes", b"\0\xFF");
    for (path, mode) in [
        (&b"Chats"[..], 0o750),
        (CAFE, 0o600),
        (b"Chats/photo.jpg", 0o640),
        (b"Chats/cut.log", 0o444),
        (b"Empty folder", 0o700),
        (b"pipe", 0o620),
    ] {
        device.set_mode(device.ino(path), mode);
    }
    let path = |path: &str| OsStr::new(path).as_bytes().to_vec();
    for (path, time) in [
        (path("Chats/Grüße.txt"), (1_700_000_001, 1)),
        (CAFE.to_vec(), (-86_400, 500_000_000)),
        (path("Chats/photo.jpg"), (1_700_000_003, 123_456_789)),
        (path("Chats/nothing in it"), (0, 0)),
        (path("Chats/new name"), (1_700_000_005, 5)),
        (path("Chats/cut.log"), (1_700_000_006, 6)),
        (path("Chats/sparse"), (1_700_000_007, 7)),
        (path("Chats/punched"), (1_700_000_008, 8)),
        (path("Empty folder"), (1_600_000_000, 0)),
        (path("latest"), (1_700_000_010, 10)),
        (path("dangling"), (1_700_000_011, 11)),
        (path("pipe"), (1_700_000_012, 12)),
        (path("Chats"), (1_700_000_016, 999_999_999)),
    ] {
        device.set_times(device.ino(path), (1_700_000_100, 0), time);
    }
    device.set_times(Ino::ROOT, (1_700_000_100, 0), (1_700_000_015, 0));
    device.unmount();
}
