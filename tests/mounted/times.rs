//! Which times change with what is done, and that no others do.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, Timespec, Timestamps, XattrFlags, fallocate, lremovexattr,
    lsetxattr, utimensat,
};

use super::bench::Bench;

/// Which times of a path `action` changes: any of `a`, `m` and `c`. The path may have moved to
/// `then`.
fn changed(path: &Path, then: &Path, action: impl FnOnce()) -> String {
    let told = |path: &Path| {
        let told = fs::symlink_metadata(path).unwrap();
        [
            (told.atime(), told.atime_nsec()),
            (told.mtime(), told.mtime_nsec()),
            (told.ctime(), told.ctime_nsec()),
        ]
    };
    // No clock tells these two.
    let [last_access, last_modification] = [1, 2].map(|tv_sec| Timespec { tv_sec, tv_nsec: 3 });
    let old = Timestamps { last_access, last_modification };
    utimensat(CWD, path, &old, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    let before = told(path);
    action();
    let after = told(then);
    let names = ['a', 'm', 'c'].into_iter().zip(before.into_iter().zip(after));
    names.filter(|(_, (before, after))| before != after).map(|(name, _)| name).collect()
}

/// What is done to one path, by name.
type Action<'a> = (&'a str, &'a dyn Fn(), &'a str);

fn check(path: &Path, actions: &[Action<'_>]) {
    for (what, action, expected) in actions {
        assert_eq!(changed(path, path, action), *expected, "{what}");
    }
}

#[test]
fn a_change_of_content_sets_mtime_and_ctime() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, vec![b'x'; 9000]).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let allocate = |flags, at, bytes| fallocate(&file, flags, at, bytes).unwrap();
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    check(
        &path,
        &[
            ("a write", &|| file.write_all_at(b"1", 3).unwrap(), "mc"),
            ("a write of nothing", &|| assert_eq!(file.write_at(b"", 3).unwrap(), 0), ""),
            ("a cut", &|| file.set_len(8000).unwrap(), "mc"),
            ("a cut to the same size", &|| file.set_len(8000).unwrap(), "mc"),
            ("growing", &|| file.set_len(20_000).unwrap(), "mc"),
            ("a hole", &|| allocate(punch, 10, 5000), "mc"),
            ("zeroes", &|| allocate(FallocateFlags::ZERO_RANGE, 10, 10), "mc"),
            ("room that makes it longer", &|| allocate(FallocateFlags::empty(), 0, 30_000), "mc"),
            // Where ext4 sets times although nothing can be told from before.
            ("room that is there", &|| allocate(FallocateFlags::empty(), 0, 100), ""),
            ("room past the end", &|| allocate(FallocateFlags::KEEP_SIZE, 0, 90_000), ""),
            ("a hole past the end", &|| allocate(punch, 100_000, 10), ""),
            ("opening it cut", &|| drop(File::create(&path).unwrap()), "mc"),
            ("opening it cut when empty", &|| drop(File::create(&path).unwrap()), "mc"),
        ],
    );
}

#[test]
fn a_change_of_anything_else_sets_ctime_alone() {
    let Some(bench) = Bench::mounted() else { return };
    let [path, link, moved] = ["file", "link", "moved"].map(|name| bench.at(name));
    fs::write(&path, "x").unwrap();
    let set_mode = || fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let set = |how| lsetxattr(&path, "user.a", b"1", how);
    check(
        &path,
        &[
            ("chmod", &set_mode, "c"),
            ("chmod to the same", &set_mode, "c"),
            (
                "chown to the same",
                &|| std::os::unix::fs::lchown(&path, own_uid(), None).unwrap(),
                "c",
            ),
            ("another name", &|| fs::hard_link(&path, &link).unwrap(), "c"),
            ("a rename to the same file", &|| fs::rename(&path, &link).unwrap(), ""),
            ("a name less", &|| fs::remove_file(&link).unwrap(), "c"),
            ("an attribute", &|| set(XattrFlags::empty()).unwrap(), "c"),
            ("a refused attribute", &|| assert!(set(XattrFlags::CREATE).is_err()), ""),
            ("an attribute less", &|| lremovexattr(&path, "user.a").unwrap(), "c"),
        ],
    );
    assert_eq!(changed(&path, &moved, || fs::rename(&path, &moved).unwrap()), "c");
}

fn own_uid() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[test]
fn a_folder_changes_with_its_names_and_not_with_what_they_stand_for() {
    let Some(bench) = Bench::mounted() else { return };
    let folder = bench.at("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(bench.at("outside"), "x").unwrap();
    let at = |name: &str| -> PathBuf { folder.join(name) };
    check(
        &folder,
        &[
            ("a new file", &|| fs::write(at("file"), "x").unwrap(), "mc"),
            ("a write to it", &|| fs::write(at("file"), "more").unwrap(), ""),
            ("a new folder", &|| fs::create_dir(at("inner")).unwrap(), "mc"),
            ("a file in that", &|| fs::write(at("inner/file"), "x").unwrap(), ""),
            (
                "a name of another's",
                &|| fs::hard_link(bench.at("outside"), at("two")).unwrap(),
                "mc",
            ),
            ("a link", &|| symlink("x", at("link")).unwrap(), "mc"),
            ("a rename", &|| fs::rename(at("file"), at("renamed")).unwrap(), "mc"),
            ("a rename over another", &|| fs::rename(at("renamed"), at("two")).unwrap(), "mc"),
            ("a rename out of it", &|| fs::rename(at("link"), bench.at("link")).unwrap(), "mc"),
            ("a rename into it", &|| fs::rename(bench.at("link"), at("link")).unwrap(), "mc"),
            ("a name less", &|| fs::remove_file(at("two")).unwrap(), "mc"),
            ("a refused removal", &|| assert!(fs::remove_dir(at("inner")).is_err()), ""),
            ("a listing", &|| assert_eq!(fs::read_dir(&folder).unwrap().count(), 2), ""),
        ],
    );
    let moved = bench.at("moved");
    assert_eq!(changed(&folder, &moved, || fs::rename(&folder, &moved).unwrap()), "c");
}

#[test]
fn reading_changes_no_time() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, vec![b'x'; 100_000]).unwrap();
    symlink("file", bench.at("link")).unwrap();
    let read = || assert_eq!(fs::read(&path).unwrap().len(), 100_000);
    check(&path, &[("a read", &read, ""), ("a lookup", &|| drop(fs::metadata(&path)), "")]);
    let follow = || {
        let mut byte = [0];
        File::open(bench.at("link")).unwrap().read_exact(&mut byte).unwrap();
    };
    check(&bench.at("link"), &[("following a link", &follow, "")]);
    bench.remount();
    assert_eq!(fs::metadata(&path).unwrap().atime(), 1, "what was set stays");
}
