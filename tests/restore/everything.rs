//! Everything that a file can have comes back.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use hushfs::format::NodeKind;
use rustix::fs::{lgetxattr, makedev};

use crate::bench::Bench;
use crate::bench::device::{Device, content};

/// Restores everything into a new folder.
#[track_caller]
fn restored(bench: &Bench) -> std::path::PathBuf {
    let destination = bench.place("restored");
    let said = bench.restore(&destination, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    destination
}

fn metadata(folder: &Path, name: impl AsRef<Path>) -> Metadata {
    folder.join(name).symlink_metadata().unwrap()
}

fn xattr(path: &Path, name: &str) -> Vec<u8> {
    let mut value = [0; 100];
    let bytes = lgetxattr(path, name, &mut value).unwrap();
    value[..bytes].to_vec()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn times_come_back_to_the_nanosecond_and_from_before_1970() {
    let bench = Bench::new();
    let device = bench.device();
    let times = [(-1, 999_999_999), (-300_000_000, 1), (0, 0), (1_700_000_000, 123_456_789)];
    for (nth, time) in times.into_iter().enumerate() {
        let later = (time.0 + 7, time.1);
        let file = device.file(format!("file {nth}"), b"x");
        device.set_times(file, later, time);
        let link = device.make(format!("link {nth}"), NodeKind::Symlink(b"x"));
        device.set_times(link, later, time);
        let folder = device.make(format!("folder {nth}"), NodeKind::Folder);
        device.file(format!("folder {nth}/file"), b"x");
        device.set_times(folder, later, time);
        device.set_times(hushfs::format::Ino::ROOT, later, time);
    }
    device.unmount();
    let folder = restored(&bench);
    for (nth, (secs, nanos)) in times.into_iter().enumerate() {
        for kind in ["file", "link", "folder"] {
            let found = metadata(&folder, format!("{kind} {nth}"));
            assert_eq!((found.mtime(), found.mtime_nsec()), (secs, nanos.into()), "{kind} {nth}");
            // The test itself may have changed when a folder was last read.
            if kind != "folder" {
                let accessed = (found.atime(), found.atime_nsec());
                assert_eq!(accessed, (secs + 7, nanos.into()), "{kind} {nth}");
            }
        }
    }
    let root = folder.metadata().unwrap();
    assert_eq!((root.mtime(), root.mtime_nsec()), (1_700_000_000, 123_456_789));
}

#[test]
fn modes_come_back_with_setuid_setgid_and_sticky() {
    let bench = Bench::new();
    let device = bench.device();
    for mode in [0o0, 0o400, 0o4755, 0o2755, 0o6711, 0o1777, 0o777] {
        device.set_mode(device.file(format!("file {mode:o}"), b"x"), mode);
        device.set_mode(device.make(format!("folder {mode:o}"), NodeKind::Folder), mode);
        device.file(format!("folder {mode:o}/file"), b"x");
    }
    device.set_mode(hushfs::format::Ino::ROOT, 0o751);
    device.unmount();
    let folder = restored(&bench);
    for mode in [0o0, 0o400, 0o4755, 0o2755, 0o6711, 0o1777, 0o777] {
        for kind in ["file", "folder"] {
            let found = metadata(&folder, format!("{kind} {mode:o}")).mode();
            assert_eq!(found & 0o7777, mode, "{kind} {mode:o}");
        }
    }
    assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o751);
}

#[test]
fn owners_and_setuid_come_back_for_root() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    let device = bench.device();
    let kinds = [NodeKind::File, NodeKind::Folder, NodeKind::Symlink(b"nowhere"), NodeKind::Fifo];
    for (nth, kind) in kinds.into_iter().enumerate() {
        let ino = device.make(format!("{nth}"), kind);
        device.set_owner(ino, 1234, 100_000 + nth as u32);
        if nth != 2 {
            device.set_mode(ino, 0o4750);
        }
    }
    device.unmount();
    let folder = restored(&bench);
    for nth in 0..kinds.len() {
        let found = metadata(&folder, format!("{nth}"));
        assert_eq!((found.uid(), found.gid()), (1234, 100_000 + nth as u32));
        assert!(nth == 2 || found.mode() & 0o7777 == 0o4750, "{nth}");
    }
}

#[test]
fn links_come_back_as_links() {
    let bench = Bench::new();
    let device = bench.device();
    let file = device.file("file", b"three names");
    device.make("folder", NodeKind::Folder);
    device.link(file, "folder/second");
    device.link(file, "third");
    let longest = vec![b'x'; 4095];
    let targets = [&b"file"[..], b"nowhere/at/all", b"/etc/passwd", b"..", b"caf\xE9", &longest];
    for (nth, target) in targets.into_iter().enumerate() {
        device.make(format!("link {nth}"), NodeKind::Symlink(target));
    }
    let twice = device.make("link twice", NodeKind::Symlink(b"file"));
    device.link(twice, "link thrice");
    device.unmount();
    let folder = restored(&bench);
    let number = |name| metadata(&folder, name).ino();
    assert_eq!((number("file"), number("file")), (number("folder/second"), number("third")));
    assert_eq!(metadata(&folder, "file").nlink(), 3);
    assert_eq!(number("link twice"), number("link thrice"));
    for (nth, target) in targets.into_iter().enumerate() {
        let found = fs::read_link(folder.join(format!("link {nth}"))).unwrap();
        assert_eq!(found.as_os_str().as_bytes(), target);
    }
}

#[test]
fn pipes_sockets_and_devices_come_back() {
    let bench = Bench::new();
    let device = bench.device();
    device.set_mode(device.make("pipe", NodeKind::Fifo), 0o622);
    device.set_times(device.ino("pipe"), (5, 6), (7, 8));
    device.make("socket", NodeKind::Socket);
    let (null, large) = (makedev(1, 3), makedev(259, 300));
    if is_root() {
        device.make("null", NodeKind::CharDevice(null as u32));
        device.make("disk", NodeKind::BlockDevice(large as u32));
    }
    device.unmount();
    let folder = restored(&bench);
    let pipe = metadata(&folder, "pipe");
    assert!(pipe.file_type().is_fifo() && metadata(&folder, "socket").file_type().is_socket());
    assert_eq!((pipe.mode() & 0o7777, pipe.mtime(), pipe.mtime_nsec()), (0o622, 7, 8));
    if is_root() {
        let (found_null, found_large) = (metadata(&folder, "null"), metadata(&folder, "disk"));
        assert!(found_null.file_type().is_char_device());
        assert!(found_large.file_type().is_block_device());
        assert_eq!((found_null.rdev(), found_large.rdev()), (null, large));
    }
}

#[test]
fn extended_attributes_come_back() {
    let bench = Bench::new();
    let device = bench.device();
    let file = device.file("file", b"x");
    device.set_mode(file, 0o400);
    let folder = device.make("folder", NodeKind::Folder);
    for ino in [file, folder] {
        device.set_xattr(ino, "user.mime_type", b"text/plain");
        device.set_xattr(ino, "user.empty", b"");
        device.set_xattr(ino, "user.bytes", b"\0\xFF\n");
    }
    let link = device.make("link", NodeKind::Symlink(b"x"));
    if is_root() {
        for ino in [file, folder, link] {
            device.set_xattr(ino, "trusted.hushfs", b"root alone");
        }
    }
    device.unmount();
    let restored = restored(&bench);
    for name in ["file", "folder"] {
        let path = restored.join(name);
        assert_eq!(xattr(&path, "user.mime_type"), b"text/plain");
        assert_eq!(xattr(&path, "user.empty"), b"");
        assert_eq!(xattr(&path, "user.bytes"), b"\0\xFF\n");
    }
    if is_root() {
        for name in ["file", "folder", "link"] {
            assert_eq!(xattr(&restored.join(name), "trusted.hushfs"), b"root alone");
        }
    }
}

#[test]
fn holes_stay_holes() {
    let bench = Bench::new();
    let device = bench.device();
    let file = device.make("sparse", NodeKind::File);
    let data = content(1, 10_000);
    for at in [0u64, 5_000_000, 40_000_000] {
        device.files.write(file, at, &data, false).unwrap();
    }
    let resized = hushfs::fs::AttributeChange {
        size: Some(1 << 40),
        ..hushfs::fs::AttributeChange::default()
    };
    device.files.set_attributes(file, &resized).unwrap();
    device.files.close(file).unwrap();
    device.unmount();
    let folder = restored(&bench);
    let found = metadata(&folder, "sparse");
    assert_eq!(found.size(), 1 << 40);
    assert!(found.blocks() * 512 < 200_000, "{} blocks", found.blocks());
    let restored = fs::File::open(folder.join("sparse")).unwrap();
    for at in [0u64, 5_000_000, 40_000_000] {
        let mut piece = vec![1; 12_000];
        std::os::unix::fs::FileExt::read_exact_at(&restored, &mut piece, at).unwrap();
        assert!(piece[..10_000] == data && piece[10_000..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn names_of_any_bytes_and_folders_with_nothing_in_them_come_back() {
    let bench = Bench::new();
    let device = bench.device();
    let longest = vec![0xFE; 255];
    let names = [&b"caf\xE9 \xFF"[..], &longest, b"new\nline", b"-rf", b" ", b"\x01", b"..."];
    for name in names {
        device.file(name, name);
    }
    device.make("empty", NodeKind::Folder);
    device.make("empty/as well", NodeKind::Folder);
    device.file("no bytes", b"");
    device.file("many chunks", &content(3, 3_000_000));
    device.unmount();
    let folder = restored(&bench);
    for name in names {
        assert_eq!(fs::read(folder.join(OsStr::from_bytes(name))).unwrap(), name);
    }
    assert_eq!(fs::read_dir(folder.join("empty/as well")).unwrap().count(), 0);
    assert_eq!(fs::read(folder.join("no bytes")).unwrap(), b"");
    assert_eq!(fs::read(folder.join("many chunks")).unwrap(), content(3, 3_000_000));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), names.len() + 3);
}

#[test]
fn a_folder_of_thousands_of_files_comes_back_whole() {
    let bench = Bench::new();
    let device = bench.device();
    for nth in 0..2500 {
        add_small(&device, nth);
    }
    device.unmount();
    let folder = restored(&bench);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2500);
    for nth in [0, 1023, 1024, 1025, 2048, 2499] {
        assert_eq!(fs::read(folder.join(format!("{nth}"))).unwrap(), content(nth, 10));
    }
}

fn add_small(device: &Device, nth: u32) {
    device.file(format!("{nth}"), &content(nth, 10));
}
