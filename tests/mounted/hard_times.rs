//! Disks that are full and vault folders that go away, under a real mount: what was acknowledged
//! stays, what cannot be taken is refused, and it heals without a remount.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::bench::{Bench, is_root};
use super::disk::SmallDisk;

fn content(nth: u64) -> Vec<u8> {
    let word = |i: u64| (i ^ nth.wrapping_mul(0x9E37_79B9)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (0..64 << 10).flat_map(|i| word(i).to_le_bytes()).collect()
}

/// Writes files of half a megabyte, each synced, until there is no more room; tells how many were.
fn fill(bench: &Bench, prefix: &str) -> u64 {
    for nth in 0..2000 {
        let path = bench.at(format!("{prefix}-{nth}"));
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(&content(nth))?;
            file.sync_all()
        });
        if let Err(error) = written {
            assert!(matches!(error.kind(), ErrorKind::StorageFull), "{error}");
            let _ = fs::remove_file(&path);
            return nth;
        }
    }
    panic!("there is no end to this disk");
}

fn assert_whole(bench: &Bench, prefix: &str, files: impl Iterator<Item = u64>) {
    for nth in files {
        assert!(fs::read(bench.at(format!("{prefix}-{nth}"))).unwrap() == content(nth), "{nth}");
    }
}

/// Until publishing has gone as it should, which the background thread sees to.
fn wait_until(bench: &Bench, is_so: impl Fn(&hushfs::fs::Status) -> bool) {
    for _ in 0..600 {
        if is_so(&bench.status()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{:?}", bench.status());
}

/// Which of the two folders is on the small disk.
fn fills_up_and_heals(of_vault: bool) {
    let Some(bench) = Bench::empty() else { return };
    if !is_root() {
        return;
    }
    let small = if of_vault { bench.folder().join("small") } else { bench.state() };
    let disk = SmallDisk::at(&small, 96).expect("root may mount");
    let vault = if of_vault { small.join("vault") } else { bench.vault() };
    let made = bench.run("init", &["--yes".as_ref(), "--key-file".as_ref()], |command| {
        command.arg(bench.key_file()).arg(&vault);
    });
    assert!(made.status.success(), "{made:?}");
    let mount = || {
        let mut command = bench.command("mount");
        command.arg("--key-file").arg(bench.key_file()).arg("--state-dir").arg(bench.state());
        let mounted = command.arg(&vault).arg(bench.mount_point()).output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        bench.note_daemon(&bench.mount_point());
    };
    mount();
    // Something beside it takes the room away, but for a part. From the state folder a full pack
    // goes to the vault at once, so there it is less than a pack.
    let other = File::create(small.join("other")).unwrap();
    let room = rustix::fs::statvfs(&small).unwrap();
    let left = if of_vault { 40 << 20 } else { 12 << 20 };
    let taken = (room.f_bavail * room.f_frsize).saturating_sub(left);
    (0..taken >> 20).for_each(|mb| other.write_all_at(&[7; 1 << 20], mb << 20).unwrap());
    let files = fill(&bench, "file");
    assert!(files > 4, "only {files} fitted");
    assert_whole(&bench, "file", 0..files);
    assert!(bench.status().read_only.is_none());
    // Killed while it is full.
    bench.kill();
    rustix::mount::unmount(bench.mount_point(), rustix::mount::UnmountFlags::DETACH).unwrap();
    mount();
    assert_whole(&bench, "file", 0..files);
    other.set_len(0).unwrap();
    fs::remove_file(small.join("other")).unwrap();
    // The mount that was refused room takes files again, as soon as it looks.
    let more = bench.at("more");
    let took_more = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        fs::write(&more, content(999)).is_ok()
    });
    assert!(took_more, "{:?}", bench.status());
    bench.unmount();
    mount();
    assert_whole(&bench, "file", 0..files);
    assert!(fs::read(&more).unwrap() == content(999));
    let verified = bench.run("verify", &["--key-file".as_ref()], |command| {
        command.arg(bench.key_file()).arg("--state-dir").arg(bench.state()).arg(&vault);
    });
    assert!(verified.status.success(), "{verified:?}");
    bench.unmount();
    drop(disk);
}

#[test]
fn a_full_disk_under_the_vault_refuses_and_heals() {
    fills_up_and_heals(true);
}

#[test]
fn a_full_disk_under_the_state_folder_refuses_and_heals() {
    fills_up_and_heals(false);
}

/// The vault goes away as `take` does it, and comes back as `give` does.
fn goes_away_and_comes_back(bench: &Bench, take: impl FnOnce(), give: impl FnOnce()) {
    fs::write(bench.at("before-0"), content(0)).unwrap();
    wait_until(bench, |status| status.unpublished_operations == 0);
    take();
    for nth in 0..10 {
        fs::write(bench.at(format!("during-{nth}")), content(nth)).unwrap();
        File::open(bench.at(format!("during-{nth}"))).unwrap().sync_all().unwrap();
    }
    wait_until(bench, |status| status.publish_error.is_some());
    let status = bench.status();
    assert!(status.read_only.is_none(), "{status:?}");
    assert!(status.unpublished_bytes > 5 << 20, "{status:?}");
    assert_whole(bench, "during", 0..10);
    give();
    wait_until(bench, |status| {
        status.publish_error.is_none() && status.unpublished_operations == 0
    });
    bench.unmount();
    bench.mount_elsewhere();
    assert_whole(bench, "before", 0..1);
    assert_whole(bench, "during", 0..10);
}

#[test]
fn a_vault_folder_that_goes_away_is_waited_for() {
    let Some(bench) = Bench::mounted() else { return };
    let away = bench.folder().join("away");
    goes_away_and_comes_back(
        &bench,
        || {
            fs::rename(bench.vault(), &away).unwrap();
            // What an unplugged disk leaves: nothing may be put there.
            fs::create_dir(bench.vault()).unwrap();
        },
        || {
            assert_eq!(fs::read_dir(bench.vault()).unwrap().count(), 0);
            fs::remove_dir(bench.vault()).unwrap();
            fs::rename(&away, bench.vault()).unwrap();
        },
    );
}

#[test]
fn a_vault_folder_that_may_not_be_written_any_more_is_waited_for() {
    let Some(bench) = Bench::empty() else { return };
    if !is_root() {
        return;
    }
    let _disk = SmallDisk::at(&bench.vault(), 64).expect("root may mount");
    // A vault wants an empty folder.
    fs::remove_dir(bench.vault().join("lost+found")).unwrap();
    let made = bench.run("init", &["--yes".as_ref(), "--key-file".as_ref()], |command| {
        command.arg(bench.key_file()).arg(bench.vault());
    });
    assert!(made.status.success(), "{made:?}");
    bench.mount();
    // Not even root may write there then.
    let folders = || {
        let mut folders = vec![bench.vault()];
        let below =
            |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(below(&bench.vault()).filter(|path| path.is_dir()));
        folders.extend(below(&bench.vault().join("data")));
        folders
    };
    let set = |flag: &str| {
        let set = Command::new("chattr").arg(flag).args(folders()).output().unwrap();
        assert!(set.status.success(), "{set:?}");
    };
    goes_away_and_comes_back(&bench, || set("+i"), || set("-i"));
    bench.unmount();
}

#[test]
fn what_waits_for_a_vault_that_is_away_is_limited() {
    let Some(bench) = Bench::new() else { return };
    let mounted = bench.try_mount(&["--waiting-limit", "64M"]);
    assert!(mounted.status.success(), "{mounted:?}");
    let away = bench.folder().join("away");
    fs::rename(bench.vault(), &away).unwrap();
    let files = fill(&bench, "file");
    assert!((100..200).contains(&files), "{files} files of half a megabyte fitted into 64 MiB");
    assert_whole(&bench, "file", 0..files);
    assert_eq!(bench.status().waiting_limit_bytes, 64 << 20);
    fs::rename(&away, bench.vault()).unwrap();
    wait_until(&bench, |status| status.publish_error.is_none() && status.unpublished_bytes == 0);
    fs::write(bench.at("more"), content(1)).unwrap();
    bench.unmount();
    bench.mount_elsewhere();
    assert_whole(&bench, "file", 0..files);
}
