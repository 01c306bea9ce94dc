//! Somebody who is not root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hushfs::format::NodeKind;
use rustix::fs::lgetxattr;

use crate::bench::Bench;
use crate::bench::program::Said;

const USER: u32 = 12_345;

/// A bench that belongs to another user, with a copy of the program where that user finds it.
struct Foreign {
    bench: Bench,
    program: PathBuf,
}

impl Foreign {
    /// `None` where we are nobody who can become another.
    fn take(bench: Bench) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let program = bench.place("hushfs");
        fs::copy(env!("CARGO_BIN_EXE_hushfs"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        hand_over(&bench.place(""));
        Some(Self { bench, program })
    }

    fn restore(&self, more: &[&str]) -> Said {
        let mut restore = Command::new(&self.program);
        restore.uid(USER).gid(USER).current_dir("/").stdin(std::process::Stdio::null());
        restore.arg("restore").arg("--key-file").arg(self.bench.key());
        restore.arg("--state-dir").arg(self.bench.state());
        restore.arg(self.bench.vault()).arg(self.destination()).args(more);
        Said::by(&mut restore)
    }

    fn destination(&self) -> PathBuf {
        self.bench.place("restored")
    }
}

fn hand_over(path: &Path) {
    chown(path, Some(USER), Some(USER)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| hand_over(&entry.unwrap().path()));
    }
}

#[test]
fn files_belong_to_whoever_restores_them_and_that_is_said() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("of root", b"x");
    let own = device.file("own", b"x");
    device.set_owner(own, USER, USER);
    device.set_mode(own, 0o4755);
    let folder = device.make("folder", NodeKind::Folder);
    device.set_owner(folder, USER, USER);
    device.set_mode(device.file("of root, setuid", b"x"), 0o6755);
    device.unmount();
    let Some(foreign) = Foreign::take(bench) else { return };
    let said = foreign.restore(&[]);
    said.expect(0, &["only root can restore owners"]);
    assert_eq!(said.stderr, "");
    let stat = |name| foreign.destination().join(name).metadata().unwrap();
    for name in ["of root", "own", "folder", "of root, setuid"] {
        assert_eq!((stat(name).uid(), stat(name).gid()), (USER, USER));
    }
    assert_eq!(stat("own").mode() & 0o7777, 0o4755);
    // It would run as somebody else than whom it was meant for.
    assert_eq!(stat("of root, setuid").mode() & 0o7777, 0o755);
}

#[test]
fn what_is_read_only_has_all_its_attributes_and_can_be_gone_on_with() {
    let bench = Bench::new();
    let device = bench.device();
    let folder = device.make("folder", NodeKind::Folder);
    for name in ["folder/file", "folder/second"] {
        let file = device.file(name, b"x");
        device.set_xattr(file, "user.note", b"kept");
        device.set_mode(file, 0o444);
    }
    let inner = device.make("folder/inner", NodeKind::Folder);
    device.file("folder/inner/file", b"x");
    for ino in [folder, inner] {
        device.set_xattr(ino, "user.note", b"kept");
        device.set_mode(ino, 0o555);
    }
    device.set_mode(inner, 0);
    device.unmount();
    let Some(foreign) = Foreign::take(bench) else { return };
    let destination = foreign.destination();
    let check = |said: Said| {
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        let modes = [("folder", 0o555), ("folder/file", 0o444), ("folder/inner", 0)];
        for (name, mode) in modes {
            let path = destination.join(name);
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, mode, "{name}");
            let mut value = [0; 10];
            let bytes = lgetxattr(&path, "user.note", &mut value).unwrap();
            assert_eq!(&value[..bytes], b"kept", "{name}");
        }
        assert_eq!(fs::read(destination.join("folder/inner/file")).unwrap(), b"x");
    };
    check(foreign.restore(&[]));
    check(foreign.restore(&[]));
    fs::remove_file(destination.join("folder/second")).unwrap();
    fs::remove_file(destination.join("folder/inner/file")).unwrap();
    check(foreign.restore(&[]));
    assert_eq!(fs::read(destination.join("folder/second")).unwrap(), b"x");
}

#[test]
fn a_device_is_named_as_what_could_not_be_made() {
    let bench = Bench::new();
    let device = bench.device();
    device.make("null", NodeKind::CharDevice(0x103));
    device.file("file", b"x");
    device.unmount();
    let Some(foreign) = Foreign::take(bench) else { return };
    let said = foreign.restore(&[]);
    said.expect(1, &["FAILED     null: ", "Operation not permitted", "1 entry was not restored"]);
    assert_eq!(fs::read(foreign.destination().join("file")).unwrap(), b"x");
}

#[test]
fn a_destination_that_may_not_be_written_to_is_named() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("file", b"x");
    device.unmount();
    let Some(foreign) = Foreign::take(bench) else { return };
    fs::create_dir(foreign.destination()).unwrap();
    chown(foreign.destination(), Some(0), Some(0)).unwrap();
    foreign.restore(&[]).expect(1, &["FAILED     file: ", "Permission denied"]);
    fs::remove_dir(foreign.destination()).unwrap();
    chown(foreign.bench.place(""), Some(0), Some(0)).unwrap();
    fs::set_permissions(foreign.bench.place(""), fs::Permissions::from_mode(0o755)).unwrap();
    foreign.restore(&[]).expect(1, &["restored", "Permission denied"]);
}
