//! What a killed daemon has acknowledged is there after the next mount.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;

use rustix::fs::{XattrFlags, lsetxattr};
use rustix::io::Errno;

use super::bench::Bench;
use super::snapshot;

#[test]
fn what_was_closed_before_the_daemon_was_killed_is_there() {
    let Some(bench) = Bench::mounted() else { return };
    for size in [0, 1, 4096, 4097, 100_000, 5_000_000] {
        fs::write(bench.at(size.to_string()), vec![size as u8 | 1; size]).unwrap();
    }
    // In place too: a database's pages.
    let file = OpenOptions::new().write(true).open(bench.at("100000")).unwrap();
    file.write_all_at(b"page", 40_000).unwrap();
    drop(file);
    let before = snapshot::of(&bench.mount_point());
    bench.kill();
    bench.mount();
    snapshot::assert_same(&snapshot::of(&bench.mount_point()), &before);
}

#[test]
fn what_was_synced_before_the_daemon_was_killed_is_there_with_every_name_and_attribute() {
    let Some(bench) = Bench::mounted() else { return };
    let at = |path: &str| bench.at(path);
    fs::create_dir_all(at("a/b")).unwrap();
    symlink("target", at("a/link")).unwrap();
    let mut open = File::create(at("a/b/open")).unwrap();
    open.write_all(&[7; 300_000]).unwrap();
    fs::write(at("closed"), "x").unwrap();
    fs::hard_link(at("closed"), at("a/hard")).unwrap();
    fs::rename(at("closed"), at("a/b/renamed")).unwrap();
    lsetxattr(at("a/hard"), "user.note", b"kept", XattrFlags::empty()).unwrap();
    fs::write(at("gone"), "x").unwrap();
    fs::remove_file(at("gone")).unwrap();
    open.sync_all().unwrap();
    let before = snapshot::of(&bench.mount_point());
    open.write_all(b"not synced").unwrap();
    bench.kill();
    drop(open);
    bench.mount();
    let mut after = snapshot::of(&bench.mount_point());
    // What came after the sync may be there or not; a file is as it was at one moment.
    let content = fs::read(at("a/b/open")).unwrap();
    let whole = [&[7; 300_000][..], b"not synced"].concat();
    assert!(content == whole || content == whole[..300_000], "{} bytes", content.len());
    if content == whole {
        let path = Path::new("a/b/open");
        after.insert(path.into(), snapshot::of(&bench.mount_point()).remove(path).unwrap());
    } else {
        snapshot::assert_same(&after, &before);
    }
}

#[test]
fn an_fsynced_folder_keeps_the_names_in_it() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    for name in ["one", "two"] {
        fs::create_dir(bench.at("folder").join(name)).unwrap();
    }
    fs::rename(bench.at("folder/two"), bench.at("folder/three")).unwrap();
    File::open(bench.at("folder")).unwrap().sync_all().unwrap();
    bench.kill();
    bench.mount();
    let mut names: Vec<_> =
        fs::read_dir(bench.at("folder")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["one", "three"]);
}

#[test]
fn a_daemon_killed_again_and_again_loses_nothing_and_repeats_nothing() {
    let Some(bench) = Bench::mounted() else { return };
    for round in 0..8_u8 {
        let mut log = OpenOptions::new().append(true).create(true).open(bench.at("log")).unwrap();
        log.write_all(&[round; 10_000]).unwrap();
        log.sync_all().unwrap();
        drop(log);
        fs::write(bench.at(format!("round-{round}")), [round]).unwrap();
        if round % 3 == 0 {
            fs::remove_file(bench.at(format!("round-{round}"))).unwrap();
            File::open(bench.mount_point()).unwrap().sync_all().unwrap();
        }
        bench.kill();
        bench.mount();
        let expected: Vec<u8> = (0..=round).flat_map(|round| [round; 10_000]).collect();
        assert!(fs::read(bench.at("log")).unwrap() == expected, "after round {round}");
        for earlier in 0..=round {
            let there = fs::read(bench.at(format!("round-{earlier}"))).ok();
            let expected = (earlier % 3 != 0).then(|| vec![earlier]);
            assert_eq!(there, expected, "round {earlier} after round {round}");
        }
    }
    bench.unmount();
    bench.mount_elsewhere();
    assert_eq!(fs::metadata(bench.at("log")).unwrap().size(), 80_000);
}

#[test]
fn programs_that_were_in_a_killed_mount_get_errors_and_do_not_hang() {
    let Some(bench) = Bench::mounted() else { return };
    let mut open = File::create(bench.at("open")).unwrap();
    open.write_all(b"x").unwrap();
    bench.kill();
    let gone = [
        open.write_all(b"y").unwrap_err(),
        open.sync_all().unwrap_err(),
        fs::read_dir(bench.mount_point()).unwrap_err(),
        File::create(bench.at("new")).unwrap_err(),
    ];
    for error in gone {
        let number = Errno::from_io_error(&error);
        assert!(matches!(number, Some(Errno::NOTCONN | Errno::CONNABORTED)), "{error}");
    }
    // A handle of the dead mount is not one of the new.
    bench.mount();
    assert!(open.write_all(b"z").is_err());
}
