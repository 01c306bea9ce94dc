//! A vault of every format version opens forever.
//!
//! The samples were made once, by `sample_vaults/make.rs`, and never change. Their passwords and keys
//! stand beside them: they protect nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "bench/copied.rs"]
mod copied;
#[path = "bench/decorate.rs"]
mod decorate;
#[path = "bench/device.rs"]
mod device;
#[path = "sample_vaults/make.rs"]
mod make;
#[path = "bench/program.rs"]
mod program;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::lgetxattr;

use self::copied::copy_folder;
use self::device::{Device, content};
use self::program::{Said, hushfs};

/// The committed samples.
fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_vaults")
}

/// A copy of a sample, which goes away.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn of(name: &str) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        copy_folder(&samples().join(name), &copy.vault());
        for way in ["password", "key"] {
            let secret = copy.place(way);
            fs::copy(samples().join(format!("{name}.{way}")), &secret).unwrap();
            fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        }
        copy
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn vault(&self) -> PathBuf {
        self.place("vault")
    }

    /// Unlocked with the password or the key.
    fn command(&self, name: &str, way: &str) -> std::process::Command {
        let mut command = hushfs(&[name, &format!("--{way}-file")]);
        command.arg(self.place(way)).arg("--state-dir").arg(self.place("state"));
        command.arg(self.vault());
        command
    }

    fn restore(&self, way: &str) -> PathBuf {
        let destination = self.place(&format!("restored with the {way}"));
        let said = Said::by(self.command("restore", way).arg(&destination));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        destination
    }

    /// Its log objects with this extension.
    fn logs(&self, extension: &str) -> Vec<PathBuf> {
        let logs = fs::read_dir(self.vault().join("log")).unwrap();
        let logs = logs.map(|entry| entry.unwrap().path());
        logs.filter(|path| path.extension() == Some(extension.as_ref())).collect()
    }
}

/// Kind (as `ls` shows it), mode, content time, size, and links.
type Facts = (char, u32, (i64, i64), u64, u64);

fn facts(path: &Path) -> Facts {
    let metadata = path.symlink_metadata().unwrap();
    let kind = metadata.file_type();
    let letter = match (kind.is_dir(), kind.is_symlink(), kind.is_fifo()) {
        (true, ..) => 'd',
        (_, true, _) => 'l',
        (.., true) => 'p',
        _ => '-',
    };
    let (size, links) = if kind.is_dir() { (0, 0) } else { (metadata.size(), metadata.nlink()) };
    let time = (metadata.mtime(), metadata.mtime_nsec());
    // A link's own mode is whatever the system says.
    let mode = if kind.is_symlink() { 0 } else { metadata.mode() & 0o7777 };
    (letter, mode, time, size, links)
}

/// Every entry of the first sample, as it was when it was made.
const ENTRIES_1: [(&[u8], Facts); 15] = [
    (b"", ('d', 0o755, (1_700_000_015, 0), 0, 0)),
    (b"Chats", ('d', 0o750, (1_700_000_016, 999_999_999), 0, 0)),
    (b"Chats/Gr\xC3\xBC\xC3\x9Fe.txt", ('-', 0o644, (1_700_000_001, 1), 25, 1)),
    (b"Chats/caf\xE9.txt", ('-', 0o600, (-86_400, 500_000_000), 6, 1)),
    (b"Chats/photo.jpg", ('-', 0o640, (1_700_000_003, 123_456_789), 23_000, 2)),
    (b"Chats/same photo.jpg", ('-', 0o640, (1_700_000_003, 123_456_789), 23_000, 2)),
    (b"Chats/nothing in it", ('-', 0o644, (0, 0), 0, 1)),
    (b"Chats/new name", ('-', 0o644, (1_700_000_005, 5), 9_000, 1)),
    (b"Chats/cut.log", ('-', 0o444, (1_700_000_006, 6), 5_000, 1)),
    (b"Chats/sparse", ('-', 0o644, (1_700_000_007, 7), 10_000_000, 1)),
    (b"Chats/punched", ('-', 0o644, (1_700_000_008, 8), 40_960, 1)),
    (b"Empty folder", ('d', 0o700, (1_600_000_000, 0), 0, 0)),
    (b"latest", ('l', 0, (1_700_000_010, 10), 15, 1)),
    (b"dangling", ('l', 0, (1_700_000_011, 11), 14, 1)),
    (b"pipe", ('p', 0o620, (1_700_000_012, 12), 0, 1)),
];

#[track_caller]
fn check_1(folder: &Path) {
    let place = |name: &[u8]| folder.join(OsStr::from_bytes(name));
    for (name, expected) in ENTRIES_1 {
        assert_eq!(facts(&place(name)), expected, "{}", String::from_utf8_lossy(name));
    }
    let count: usize = ["", "Chats", "Empty folder"]
        .map(|name| fs::read_dir(folder.join(name)).unwrap().count())
        .iter()
        .sum();
    assert_eq!(count, ENTRIES_1.len() - 1);

    let read = |name: &[u8]| fs::read(place(name)).unwrap();
    assert_eq!(read(b"Chats/Gr\xC3\xBC\xC3\x9Fe.txt"), "Schöne Grüße, bis bald".as_bytes());
    assert_eq!(read(b"Chats/caf\xE9.txt"), b"cr\xE8me\n");
    let mut photo = content(1, 20_000);
    photo.splice(5_000..8_000, content(2, 3_000));
    photo.extend(content(3, 3_000));
    assert!(read(b"Chats/photo.jpg") == photo);
    assert!(read(b"Chats/new name") == content(5, 9_000));
    assert!(read(b"Chats/cut.log") == content(6, 5_000));
    let mut sparse = vec![0; 10_000_000];
    sparse[1 << 20..][..6_000].copy_from_slice(&content(7, 6_000));
    assert!(read(b"Chats/sparse") == sparse);
    let mut punched = content(8, 40_960);
    punched[8_192..32_768].fill(0);
    assert!(read(b"Chats/punched") == punched);
    for (name, bytes) in [("Chats/sparse", 100_000), ("Chats/punched", 20_000)] {
        let taken = folder.join(name).metadata().unwrap().blocks() * 512;
        assert!(taken <= bytes, "{name} takes {taken} bytes");
    }

    let number = |name: &str| folder.join(name).metadata().unwrap().ino();
    assert_eq!(number("Chats/photo.jpg"), number("Chats/same photo.jpg"));
    assert_eq!(fs::read_link(folder.join("latest")).unwrap(), Path::new("Chats/photo.jpg"));
    assert_eq!(fs::read_link(folder.join("dangling")).unwrap(), Path::new("nowhere at all"));
    for (name, attribute, value) in [
        ("Chats/photo.jpg", "user.mime_type", &b"image/jpeg"[..]),
        ("Chats", "user.bytes", b"\0\xFF"),
    ] {
        let mut found = [0; 100];
        let bytes = lgetxattr(folder.join(name), attribute, &mut found).unwrap();
        assert_eq!(&found[..bytes], value, "{name}");
    }
    if rustix::process::geteuid().is_root() {
        let owner = |name: &str| {
            let metadata = folder.join(name).metadata().unwrap();
            (metadata.uid(), metadata.gid())
        };
        assert_eq!((owner("Chats"), owner("Chats/photo.jpg")), ((1000, 1000), (1000, 100)));
    }
}

#[test]
fn the_sample_of_format_1_is_whole_with_its_password_and_with_its_key() {
    let copy = Copy::of("format-1");
    for way in ["password", "key"] {
        let said = Said::by(&mut copy.command("verify", way));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        said.expect(0, &["13 files and folders: all is whole"]);
        assert!(!said.stdout.contains("note") && !said.stdout.contains("not used"), "{said:?}");
        check_1(&copy.restore(way));
    }
}

#[test]
fn the_sample_with_slots_of_version_2_opens_in_each_way_and_tells_their_names() {
    let copy = Copy::of("format-1-slots-2");
    fs::write(copy.place("added"), "walnut ferry cobalt hinge\n").unwrap();
    fs::set_permissions(copy.place("added"), fs::Permissions::from_mode(0o600)).unwrap();
    for (way, secret) in [("password", "password"), ("key", "key"), ("password", "added")] {
        let secret = copy.place(secret);
        let on_vault = |words: &[&str]| {
            let mut command = hushfs(words);
            command.arg(format!("--{way}-file")).arg(&secret).arg(copy.vault());
            command
        };
        let destination = secret.with_extension("restored");
        let said = Said::by(on_vault(&["restore"]).arg(&destination));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        let content = fs::read(destination.join("note.txt")).unwrap();
        assert_eq!(content, b"found by any of three ways");
        let listed = Said::by(&mut on_vault(&["key", "list"]));
        listed.expect(0, &["Ann’s", "2026-11-26", "64-digit key"]);
        assert!(!listed.stdout.contains("DAMAGED"), "{listed:?}");
        assert_eq!(listed.stdout.lines().count(), 4);
    }
}

#[cfg(feature = "keyvault")]
#[test]
fn the_sample_with_a_slot_of_a_key_vault_opens_with_what_that_gave_and_without_it() {
    use hushfs::crypto::SecretKey;
    use hushfs::format::UnverifiedSlot;

    let copy = Copy::of("format-1-keyvault");
    for way in ["password", "key"] {
        let restored = copy.restore(way);
        let note = fs::read(restored.join("note.txt")).unwrap();
        assert_eq!(note, b"found by a key vault as well");
        let mut list = hushfs(&["key", "list", &format!("--{way}-file")]);
        let listed = Said::by(list.arg(copy.place(way)).arg(copy.vault()));
        listed.expect(0, &["Bea’s", "key vault", "2026-11-26"]);
        assert!(!listed.stdout.contains("DAMAGED"), "{listed:?}");
    }
    let slots = fs::read_dir(copy.vault().join("keys")).unwrap();
    let slots = slots.map(|slot| UnverifiedSlot::parse(&fs::read(slot.unwrap().path()).unwrap()));
    let slot = slots.map(Result::unwrap).find(|slot| slot.key_vault().is_some()).unwrap();
    let export_key = fs::read(samples().join("format-1-keyvault.export-key")).unwrap();
    let export_key = SecretKey::with(|bytes| bytes.copy_from_slice(&export_key));
    let vault = *slot.claimed_vault();
    let opened = slot.open_with_key_vault(&export_key, &vault).unwrap();
    // The account's key comes from the master key.
    let account = opened.master.account_key(&vault).public_key().id();
    assert_eq!(slot.key_vault().unwrap().account, account);
    assert!(slot.open_with_key_vault(&SecretKey::random(), &vault).is_err());
}

#[test]
fn the_sample_of_format_1_says_the_same_with_its_checkpoint_and_without() {
    let copy = Copy::of("format-1");
    let checkpoints = copy.logs("ckpt");
    assert_eq!((copy.logs("log").len(), checkpoints.len()), (6, 1));
    fs::remove_file(&checkpoints[0]).unwrap();
    check_1(&copy.restore("key"));
}

#[test]
fn the_sample_of_format_1_can_be_gone_on_with() {
    let copy = Copy::of("format-1");
    let device = Device::open(&copy.vault(), &copy.place("key"), &copy.place("state"));
    device.file("Chats/one more", b"of this version");
    device.unmount();
    assert_eq!(copy.logs("log").len(), 7);
    let said = Said::by(&mut copy.command("verify", "key"));
    said.expect(0, &["14 files and folders: all is whole"]);
    let restored = copy.restore("key");
    assert_eq!(fs::read(restored.join("Chats/one more")).unwrap(), b"of this version");
    assert!(fs::read(restored.join("Chats/new name")).unwrap() == content(5, 9_000));
}
