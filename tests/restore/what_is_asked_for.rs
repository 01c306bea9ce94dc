//! Parts of a vault, and destinations that are refused.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use hushfs::format::NodeKind;

use crate::bench::Bench;

fn filled() -> Bench {
    let bench = Bench::new();
    let device = bench.device();
    for folder in ["chats", "chats/2025", "chats/2026", "other"] {
        device.set_mode(device.make(folder, NodeKind::Folder), 0o750);
    }
    for file in ["chats/2025/a", "chats/2026/b", "chats/2026/c", "other/d", "e"] {
        device.file(file, file.as_bytes());
    }
    device.link(device.ino("e"), "other/e too");
    device.make("link", NodeKind::Symlink(b"chats"));
    device.set_times(device.ino("chats"), (5, 6), (7, 8));
    device.unmount();
    bench
}

/// Restores these paths into a new folder; tells which files came.
fn restored(bench: &Bench, paths: &[&str], code: i32, texts: &[&str]) -> Vec<String> {
    let destination = tempfile::tempdir_in(bench.place("")).unwrap();
    let paths: Vec<&OsStr> = paths.iter().map(OsStr::new).collect();
    bench.restore(destination.path(), &paths).expect(code, texts);
    let mut names = names(destination.path(), destination.path());
    names.sort();
    names
}

fn names(root: &Path, folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    entries
        .flat_map(|path| match path.symlink_metadata().unwrap().is_dir() {
            true => names(root, &path),
            false => vec![name(&path)],
        })
        .collect()
}

#[test]
fn files_and_folders_can_be_named() {
    let bench = filled();
    let chats = ["chats/2025/a", "chats/2026/b", "chats/2026/c"];
    assert_eq!(restored(&bench, &["chats"], 0, &["restored 6 entries"]), chats);
    assert_eq!(restored(&bench, &["/chats/"], 0, &[]), chats);
    assert_eq!(restored(&bench, &["./chats/2026/../../x"], 2, &["no “..”"]), [] as [&str; 0]);
    assert_eq!(restored(&bench, &["chats/2026/b", "e"], 0, &[]), ["chats/2026/b", "e"]);
    assert_eq!(restored(&bench, &["chats/2026/b", "chats"], 0, &[]), chats);
    assert_eq!(restored(&bench, &["chats", "chats/2026/b"], 0, &[]), chats);
    assert_eq!(restored(&bench, &["link"], 0, &[]), ["link"]);
    assert_eq!(restored(&bench, &["e", "other/e too"], 0, &[]), ["e", "other/e too"]);
    assert_eq!(restored(&bench, &["other/e too"], 0, &[]), ["other/e too"]);
    assert_eq!(restored(&bench, &["/"], 0, &[]).len(), 7);
}

#[test]
fn a_path_that_is_not_there_is_named_and_the_others_are_restored() {
    let bench = filled();
    let missing = |path| format!("FAILED     {path}: there is no such file in the vault");
    for path in ["nothing", "chats/nothing", "e/nothing", "link/2025"] {
        let found =
            restored(&bench, &["e", path], 1, &[&missing(path), "1 entry was not restored"]);
        assert_eq!(found, ["e"]);
    }
    assert_eq!(restored(&bench, &["nothing"], 1, &[&missing("nothing")]), [] as [&str; 0]);
}

#[test]
fn a_part_has_the_folders_around_it_as_they_are_and_the_destination_as_it_was() {
    let bench = filled();
    let destination = bench.place("restored");
    fs::create_dir(&destination).unwrap();
    let before = destination.metadata().unwrap();
    bench.restore(&destination, &["chats/2026/b".as_ref()]).expect(0, &[]);
    let chats = destination.join("chats").metadata().unwrap();
    assert_eq!((chats.mode() & 0o7777, chats.mtime(), chats.mtime_nsec()), (0o750, 7, 8));
    assert_eq!(destination.metadata().unwrap().mode(), before.mode());
    assert!(!destination.join("chats/2026/c").exists());
}

#[test]
fn a_destination_in_the_vault_is_refused() {
    let bench = filled();
    let vault = bench.vault();
    let count = || fs::read_dir(&vault).unwrap().count();
    let before = count();
    let way_in = bench.place("way-in");
    symlink(&vault, &way_in).unwrap();
    let places = [vault.clone(), vault.join("new/folder"), way_in.join("new"), vault.join("log")];
    for place in places {
        let said = bench.restore(&place, &[]);
        said.expect(2, &["is in the vault, and would be uploaded unencrypted"]);
        assert_eq!(said.stdout, "");
    }
    assert_eq!(count(), before);
    bench.restore(&bench.place("vault-restored"), &[]).expect(0, &[]);
}
