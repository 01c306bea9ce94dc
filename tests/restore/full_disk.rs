//! A destination that takes only a part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hushfs::format::NodeKind;

use crate::bench::Bench;
use crate::bench::device::content;

/// A small disk in a folder; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this machine lets us mount nothing.
    fn at(folder: &Path, kind: &str, options: &str, device: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", kind, "-o", options]).arg(device).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            refused => {
                eprintln!("left out, no small disk: {refused:?}");
                None
            }
        }
    }

    fn tmpfs(folder: &Path, options: &str) -> Option<Self> {
        Self::at(folder, "tmpfs", options, "none".as_ref())
    }

    fn ext4(bench: &Bench, folder: &Path) -> Option<Self> {
        let image = bench.place("image");
        fs::File::create(&image).unwrap().set_len(2 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
        made.ok().filter(|output| output.status.success())?;
        Self::at(folder, "ext4", "loop", &image)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

const FILES: u32 = 10;
const BYTES: usize = 400_000;

fn filled() -> Bench {
    let bench = Bench::new();
    let device = bench.device();
    device.make("chats", NodeKind::Folder);
    for nth in 0..FILES {
        device.file(format!("chats/{nth}"), &content(nth, BYTES));
    }
    device.unmount();
    bench
}

/// Restores until the disk is full, and after room was made again.
fn check(bench: &Bench, destination: &Path, make_room: impl FnOnce()) {
    let said = bench.restore(destination, &[]);
    said.expect(1, &["chats/", "what is restored so far is whole", "make room", "No space left"]);
    let count = whole_files(destination);
    assert!(0 < count && count < FILES as usize, "{said:?}");
    make_room();
    bench.restore(destination, &[]).expect(0, &["there already"]);
    assert_eq!(whole_files(destination), FILES as usize);
}

/// Counts files; every one that has its name is whole.
fn whole_files(destination: &Path) -> usize {
    let entries = fs::read_dir(destination.join("chats")).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let nth = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            assert!(fs::read(&path).unwrap() == content(nth, BYTES), "{}", path.display());
        })
        .count()
}

#[test]
fn a_full_disk_is_said_and_what_has_its_name_is_whole() {
    let bench = filled();
    let folder = bench.place("small");
    let Some(disk) = SmallDisk::tmpfs(&folder, "size=2m") else { return };
    check(&bench, &folder, || {
        let mut mount = Command::new("mount");
        let larger = mount.args(["-o", "remount,size=20m"]).arg(&disk.0).status().unwrap();
        assert!(larger.success());
    });
}

#[test]
fn a_full_disk_with_a_journal_is_said_as_well() {
    let bench = filled();
    let folder = bench.place("small");
    let Some(_disk) = SmallDisk::ext4(&bench, &folder) else { return };
    let obstacle = folder.join("obstacle");
    fs::write(&obstacle, vec![1; 100_000]).unwrap();
    let said = bench.restore(&folder, &[]);
    said.expect(1, &["chats/", "what is restored so far is whole", "No space left"]);
    assert!(whole_files(&folder) < FILES as usize);
    assert_eq!(fs::read(&obstacle).unwrap(), vec![1; 100_000]);
}

#[test]
fn a_disk_without_room_for_one_more_name_is_said_too() {
    let bench = filled();
    let folder = bench.place("small");
    let Some(disk) = SmallDisk::tmpfs(&folder, "size=20m,nr_inodes=6") else { return };
    check(&bench, &folder, || {
        let mut mount = Command::new("mount");
        let more = mount.args(["-o", "remount,nr_inodes=100"]).arg(&disk.0).status().unwrap();
        assert!(more.success());
    });
}
