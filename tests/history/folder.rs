//! `.hushfs/history` within a mount.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use rustix::io::Errno;

use super::bench::device::content;
use super::mounted::{Bench, said};
use super::rescues::publish;

/// The folders of all states, the oldest first.
fn states(bench: &Bench) -> Vec<PathBuf> {
    let entries = fs::read_dir(bench.at(".hushfs/history")).unwrap();
    let mut states: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    states.sort();
    states
}

/// A mount with a folder of two files, of which one is deleted and one overwritten later.
fn lived_in() -> Option<(Bench, PathBuf)> {
    let bench = Bench::mounted()?;
    fs::create_dir(bench.at("folder")).unwrap();
    fs::write(bench.at("folder/gone"), content(1, 50_000)).unwrap();
    fs::write(bench.at("folder/changed"), "old").unwrap();
    std::os::unix::fs::symlink("changed", bench.at("folder/link")).unwrap();
    publish(&bench);
    let state = states(&bench).pop().unwrap();
    fs::remove_file(bench.at("folder/gone")).unwrap();
    fs::write(bench.at("folder/changed"), "new and longer").unwrap();
    publish(&bench);
    Some((bench, state))
}

#[test]
fn earlier_states_are_read_in_a_folder_that_is_not_listed() {
    let Some((bench, state)) = lived_in() else { return };
    let listed = fs::read_dir(bench.mount_point()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(listed.collect::<Vec<_>>(), ["folder"]);
    assert!(fs::read(state.join("folder/gone")).unwrap() == content(1, 50_000));
    assert_eq!(fs::read_to_string(state.join("folder/changed")).unwrap(), "old");
    assert_eq!(fs::read_to_string(state.join("folder/link")).unwrap(), "old");
    assert_eq!(fs::read_link(state.join("folder/link")).unwrap(), PathBuf::from("changed"));
    let mut names: Vec<_> = fs::read_dir(state.join("folder"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["changed", "gone", "link"]);
    // The newest one is as it is now, and was there as soon as it was published.
    let newest = states(&bench).pop().unwrap();
    assert_eq!(fs::read_to_string(newest.join("folder/changed")).unwrap(), "new and longer");
    assert!(!newest.join("folder/gone").exists());
    assert!(fs::read_dir(bench.at(".hushfs/history/1999-01-01T00:00:00+00:00")).is_err());
    // Programs copy out of it.
    let mut copy = Command::new("cp");
    let copied = copy.arg("-a").arg(state.join("folder")).arg(bench.at("back")).output();
    let (code, text) = said(&copied.unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(fs::read(bench.at("back/gone")).unwrap() == content(1, 50_000));
    let found = Command::new("find").arg(bench.at(".hushfs")).arg("-name").arg("gone").output();
    let (code, text) = said(&found.unwrap());
    assert_eq!((code, text.lines().count()), (0, 1), "{text}");
}

#[test]
fn nothing_in_an_earlier_state_can_be_changed() {
    let Some((bench, state)) = lived_in() else { return };
    let file = state.join("folder/changed");
    let refused = |what: &str, result: std::io::Result<()>| {
        let error = result.expect_err(what).raw_os_error();
        assert_eq!(error, Some(Errno::ROFS.raw_os_error()), "{what}");
    };
    refused("write", fs::write(&file, "x"));
    refused("append", fs::OpenOptions::new().append(true).open(&file).map(drop));
    refused("create", fs::write(state.join("folder/new"), "x"));
    refused("mkdir", fs::create_dir(state.join("folder/new")));
    refused("unlink", fs::remove_file(&file));
    refused("rmdir", fs::remove_dir(state.join("folder")));
    refused("rename", fs::rename(&file, state.join("folder/other")));
    refused("rename out", fs::rename(&file, bench.at("out")));
    refused("link", fs::hard_link(&file, bench.at("link")));
    refused("symlink", std::os::unix::fs::symlink("x", state.join("new")));
    refused("chmod", fs::set_permissions(&file, fs::Permissions::from_mode(0o600)));
    refused("truncate", rustix_truncate(&file));
    let set = rustix::fs::setxattr(&file, "user.a", b"b", rustix::fs::XattrFlags::empty());
    refused("setxattr", set.map_err(Into::into));
    refused("rmdir of it", fs::remove_dir(bench.at(".hushfs")));
    refused("rename of it", fs::rename(bench.at(".hushfs"), bench.at("x")));
    refused("mkdir in it", fs::create_dir(bench.at(".hushfs/history/x")));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(fs::read_to_string(bench.at("folder/changed")).unwrap(), "new and longer");
}

fn rustix_truncate(path: &std::path::Path) -> std::io::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    file.set_len(0)
}

#[test]
fn numbers_in_earlier_states_are_their_own_and_stay_the_same() {
    let Some((bench, state)) = lived_in() else { return };
    let number = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let newest = states(&bench).pop().unwrap();
    let numbers = [
        number(bench.at("folder/changed")),
        number(state.join("folder/changed")),
        number(newest.join("folder/changed")),
    ];
    assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[0] != numbers[2]);
    let device = |path: PathBuf| fs::metadata(path).unwrap().dev();
    assert_eq!(device(bench.at("folder")), device(state.join("folder")));
    // Also when the kernel has forgotten them, more states were opened than are kept, and after a new
    // mount.
    for round in 0..5 {
        fs::write(bench.at("round"), format!("{round}")).unwrap();
        publish(&bench);
    }
    for state in states(&bench) {
        assert!(state.join("folder/changed").exists());
    }
    fs::write("/proc/sys/vm/drop_caches", "2").unwrap_or_default();
    assert_eq!(number(state.join("folder/changed")), numbers[1]);
    bench.remount();
    assert_eq!(number(state.join("folder/changed")), numbers[1]);
    assert_eq!(fs::read_to_string(state.join("folder/changed")).unwrap(), "old");
}

#[test]
fn only_who_has_mounted_it_gets_into_earlier_states() {
    let Some((bench, _)) = lived_in() else { return };
    for folder in [".hushfs", ".hushfs/history"] {
        let metadata = fs::metadata(bench.at(folder)).unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o500, me), "{folder}");
    }
}

#[test]
fn without_the_folder_there_is_none_and_what_the_vault_has_of_that_name_comes_first() {
    let Some(bench) = Bench::new() else { return };
    for arguments in [&["--no-history-folder"][..], &["-o", "no_history_folder"]] {
        let mounted = bench.try_mount(arguments);
        assert!(mounted.status.success(), "{mounted:?}");
        assert!(!bench.at(".hushfs").exists());
        bench.unmount();
    }
    let mounted = bench.try_mount(&["--no-history-folder"]);
    assert!(mounted.status.success(), "{mounted:?}");
    fs::create_dir(bench.at(".hushfs")).unwrap();
    fs::write(bench.at(".hushfs/mine"), "x").unwrap();
    bench.unmount();
    bench.mount();
    assert_eq!(fs::read_to_string(bench.at(".hushfs/mine")).unwrap(), "x");
    assert!(!bench.at(".hushfs/history").exists());
    fs::write(bench.at(".hushfs/new"), "y").unwrap();
}
