//! Bringing things back, through the library.

use std::time::Duration;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{HistoryError, UndeleteError, When};

use super::bench::Bench;
use super::bench::device::content;
use super::bench::program::{Said, hushfs};
use super::files::files_below;
use super::past::{content as content_of, history_of, id, ids};
use super::shown;

const NO_HISTORY: Duration = Duration::ZERO;

#[test]
fn a_tree_comes_back_with_all_that_it_had_and_takes_no_room() {
    let bench = Bench::new();
    let device = bench.device();
    let folder = device.make("folder", NodeKind::Folder);
    device.make("folder/below", NodeKind::Folder);
    let file = device.file("folder/below/file", &content(1, 300_000));
    device.set_mode(file, 0o6750);
    device.set_owner(file, 12, 34);
    device.set_xattr(file, "user.note", b"kept");
    device.link(file, "folder/link");
    device.make("folder/symlink", NodeKind::Symlink(b"below/file"));
    device.make("folder/pipe", NodeKind::Fifo);
    device.file("folder/empty", b"");
    device.set_times(file, (5, 6), (7, 8));
    device.set_times(folder, (9, 10), (11, 12));
    device.publish();
    let before = shown::of(&device.files);
    let packs = || -> usize {
        let all = files_below(&bench.vault());
        all.iter().filter(|(path, _)| path.ends_with(".pack")).map(|(_, bytes)| bytes.len()).sum()
    };
    let pack_bytes = packs();
    let below = device.ino("folder/below");
    device.files.unlink(below, b"file").unwrap();
    device.files.remove_folder(folder, b"below").unwrap();
    for name in ["link", "symlink", "pipe", "empty"] {
        device.files.unlink(folder, name.as_bytes()).unwrap();
    }
    device.files.remove_folder(Ino::ROOT, b"folder").unwrap();
    device.publish();
    let done = device.files.undelete(b"folder", None).unwrap();
    assert_eq!((done.path.as_str(), done.entries, done.lacking_count), ("folder", 7, 0));
    let after = shown::of(&device.files);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, old) in &before {
        let new = &after[path];
        let same = (old.kind, old.mode, old.links, old.mtime)
            == (new.kind, new.mode, new.links, new.mtime);
        assert!(same && old.content == new.content && old.ino != new.ino, "{path}");
    }
    let file = device.ino("folder/link");
    assert_eq!(file, device.ino("folder/below/file"));
    let attributes = device.files.attributes(file).unwrap();
    assert_eq!((attributes.uid, attributes.gid, attributes.atime.secs), (12, 34, 5));
    assert_eq!(device.files.xattr(file, b"user.note").unwrap(), b"kept");
    assert_eq!(packs(), pack_bytes, "content was written anew");
    // What came back needs no history.
    device.files.collect(NO_HISTORY).unwrap();
    assert!(content_of(&device.files, "folder/link") == content(1, 300_000));
    drop(device);
    let device = bench.device();
    assert!(content_of(&device.files, "folder/below/file") == content(1, 300_000));
    bench.verify().expect(0, &[]);
}

#[test]
fn the_newest_other_version_comes_back_beside_the_one_that_is_there() {
    let bench = Bench::new();
    let device = bench.device();
    let ino = device.file("a.txt", &content(1, 5000));
    device.publish();
    device.files.write(ino, 0, &content(2, 6000), false).unwrap();
    device.publish();
    device.files.write(ino, 0, &content(3, 7000), false).unwrap();
    device.publish();
    let done = device.files.undelete(b"a.txt", None).unwrap();
    assert!(done.path.starts_with("a (restored ") && done.path.ends_with(").txt"), "{}", done.path);
    assert!(content_of(&device.files, &done.path) == content(2, 6000));
    let first = ids(&device.files.vault_history().unwrap())[0].clone();
    let again = device.files.undelete(b"a.txt", Some(&id(&first))).unwrap();
    assert!(again.path.ends_with(" 2).txt"), "{}", again.path);
    assert!(content_of(&device.files, &again.path) == content(1, 5000));
    assert!(content_of(&device.files, "a.txt") == content(3, 7000));
}

#[test]
fn what_lacks_content_is_left_out_and_told() {
    let bench = Bench::new();
    let device = bench.device();
    let folder = device.make("folder", NodeKind::Folder);
    device.file("folder/kept", &content(1, 30_000));
    device.publish();
    let before = files_below(&bench.vault());
    device.file("folder/lacking", &content(2, 30_000));
    device.publish();
    let is_new = |path: &&String| path.ends_with(".pack") && !before.contains_key(*path);
    let pack = files_below(&bench.vault()).into_keys().find(|path| is_new(&path)).unwrap();
    let state = ids(&history_of(&bench.vault(), &bench.key())).pop().unwrap();
    device.files.unlink(folder, b"lacking").unwrap();
    device.publish();
    std::fs::remove_file(bench.vault().join(pack)).unwrap();
    let done = device.files.undelete(b"folder", Some(&id(&state))).unwrap();
    assert_eq!((done.entries, &done.lacking[..]), (2, &["folder/lacking".to_owned()][..]));
    assert!(content_of(&device.files, &format!("{}/kept", done.path)) == content(1, 30_000));
}

#[test]
fn what_no_state_has_is_refused_and_nothing_is_made() {
    let bench = Bench::new();
    let device = bench.device();
    device.make("folder", NodeKind::Folder);
    device.file("file", b"x");
    device.publish();
    let before = shown::of(&device.files);
    let refused = |path: &[u8], when: Option<&When>| device.files.undelete(path, when).unwrap_err();
    assert!(matches!(refused(b"never", None), UndeleteError::NowhereThere(_)));
    assert!(matches!(refused(b"file", None), UndeleteError::NowhereThere(_)));
    assert!(matches!(refused(b"folder", None), UndeleteError::FolderIsThere(_)));
    assert!(matches!(refused(b"never", Some(&When::Now)), UndeleteError::NotThere { .. }));
    assert!(matches!(refused(b"", None), UndeleteError::Root));
    let error = refused(b"file", Some(&id("0123456789")));
    assert!(matches!(error, UndeleteError::History(HistoryError::NoSuchId(_))), "{error}");
    assert!(shown::of(&device.files) == before, "something was made");
}

#[test]
fn the_program_brings_back_what_a_vault_had_that_is_not_mounted() {
    let bench = Bench::new();
    let device = bench.device();
    let folder = device.make("folder", NodeKind::Folder);
    device.file("folder/file", &content(1, 5000));
    device.publish();
    device.files.unlink(folder, b"file").unwrap();
    device.files.remove_folder(Ino::ROOT, b"folder").unwrap();
    device.unmount();
    let mut program = hushfs(&["undelete", "--key-file"]);
    program.arg(bench.key()).arg("--state-dir").arg(bench.state());
    let said = Said::by(program.arg("--vault").arg(bench.vault()).arg("folder/file"));
    said.expect(0, &["folder/file: 2 entries, 5.0 kB"]);
    assert!(content_of(&bench.device().files, "folder/file") == content(1, 5000));
}
