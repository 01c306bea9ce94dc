//! Setuid, setgid and sticky: when they go, and what they do to folders. And the umask.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Gid, Uid, chownat};

use super::bench::{Bench, is_root};
use super::other_user::{OTHER, mounted_for_all, run_as_other};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The mode that a file of mode `before` has after `script`, which knows it as `f`. Asked of the
/// mount, and again after a new one.
fn mode_after(bench: &Bench, before: u32, script: &str) -> u32 {
    fs::write(bench.at("f"), "content").unwrap();
    set_mode(&bench.at("f"), before);
    run_as_other(&bench.mount_point(), script);
    let after = mode(&bench.at("f"));
    assert_eq!(run_as_other(&bench.mount_point(), "stat -c %a f"), format!("{after:o}"));
    after
}

#[test]
fn a_write_without_privilege_takes_setuid_and_setgid() {
    let Some(bench) = mounted_for_all() else { return };
    let write = "printf x | dd of=f conv=notrunc status=none";
    let append = "printf x >>f";
    for script in [write, append] {
        assert_eq!(mode_after(&bench, 0o6777, script), 0o777);
        assert_eq!(mode_after(&bench, 0o4766, script), 0o766);
        // Whether or not the group may run it.
        assert_eq!(mode_after(&bench, 0o2767, script), 0o767);
        assert_eq!(mode_after(&bench, 0o7777, script), 0o1777);
    }
}

#[test]
fn making_room_or_holes_without_privilege_takes_setuid_and_setgid() {
    let Some(bench) = mounted_for_all() else { return };
    for script in ["fallocate -l 100000 f", "fallocate -p -o 0 -l 3 f", "fallocate -z -l 9 f"] {
        assert_eq!(mode_after(&bench, 0o6777, script), 0o777, "{script}");
        assert_eq!(mode_after(&bench, 0o2767, script), 0o767, "{script}");
    }
}

#[test]
fn a_write_of_root_leaves_setuid_and_setgid() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("f");
    fs::write(&path, "content").unwrap();
    set_mode(&path, 0o6755);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"x", 3).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 100).unwrap();
    assert_eq!(mode(&path), 0o6755);
}

#[test]
fn cutting_a_file_takes_setuid_and_the_setgid_of_a_program_whoever_does_it() {
    let Some(bench) = mounted_for_all() else { return };
    for script in ["truncate -s 3 f", "truncate -s 70000 f", ": >f"] {
        assert_eq!(mode_after(&bench, 0o6777, script), 0o777, "{script}");
        assert_eq!(mode_after(&bench, 0o6767, script), 0o2767, "{script}");
    }
    let path = bench.at("f");
    for cut in [
        |path: &Path| drop(File::create(path).unwrap()),
        |path: &Path| {
            OpenOptions::new().write(true).open(path).unwrap().set_len(3).unwrap();
        },
    ] {
        set_mode(&path, 0o6755);
        cut(&path);
        assert_eq!(mode(&path), 0o755);
    }
}

#[test]
fn chown_takes_setuid_and_the_setgid_of_a_program_of_files_alone() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let (file, folder) = (bench.at("f"), bench.at("folder"));
    fs::write(&file, "x").unwrap();
    fs::create_dir(&folder).unwrap();
    let chown = |path: &Path, uid: Option<u32>, gid: Option<u32>| {
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        chownat(CWD, path, uid, gid, AtFlags::empty()).unwrap();
    };
    for (before, uid, gid, after) in [
        (0o6755, Some(0), None, 0o755),
        (0o6755, None, Some(7), 0o755),
        (0o2745, Some(1), Some(1), 0o2745),
        (0o7755, Some(1), Some(1), 0o1755),
        // Nothing is asked for, so nothing happens.
        (0o6755, None, None, 0o6755),
    ] {
        set_mode(&file, before);
        chown(&file, uid, gid);
        assert_eq!(mode(&file), after, "{before:o}, {uid:?}, {gid:?}");
    }
    set_mode(&folder, 0o7777);
    chown(&folder, Some(5), Some(5));
    assert_eq!(mode(&folder), 0o7777);
}

#[test]
fn an_owner_may_give_away_neither_a_file_nor_setgid_of_a_strange_group() {
    let Some(bench) = mounted_for_all() else { return };
    let own = "echo x >f; chmod 6755 f; ! chown 0 f 2>&1; ! chgrp 0 f 2>&1; stat -c %a:%u:%g f";
    let told = run_as_other(&bench.mount_point(), own);
    assert!(told.ends_with(&format!("6755:{OTHER}:{OTHER}")), "{told}");
    chownat(CWD, bench.at("f"), None, Some(Gid::from_raw(55)), AtFlags::empty()).unwrap();
    // Refused without a word, as on every file system of Linux.
    assert_eq!(run_as_other(&bench.mount_point(), "chmod 2755 f; stat -c %a f"), "755");
}

#[test]
fn what_is_made_in_a_setgid_folder_has_its_group_and_a_folder_its_setgid() {
    let Some(bench) = mounted_for_all() else { return };
    let folder = bench.at("shared");
    fs::create_dir(&folder).unwrap();
    chownat(CWD, &folder, None, Some(Gid::from_raw(77)), AtFlags::empty()).unwrap();
    set_mode(&folder, 0o2777);
    let made = run_as_other(
        &folder,
        "umask 0; touch file; mkdir inner; mkfifo pipe; ln -s x link; stat -c %a:%u:%g *",
    );
    let expected = ["666", "2777", "777", "666"].map(|mode| format!("{mode}:{OTHER}:77"));
    assert_eq!(made.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn in_a_sticky_folder_only_owners_remove_and_rename() {
    let Some(bench) = mounted_for_all() else { return };
    let folder = bench.at("sticky");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o1777);
    fs::write(folder.join("roots"), "x").unwrap();
    run_as_other(&folder, "! rm -f roots 2>&1; ! mv roots mine 2>&1; touch own; mv own o; rm o");
    assert!(folder.join("roots").exists());
}

#[test]
fn the_umask_is_taken_from_whatever_is_made() {
    let Some(bench) = mounted_for_all() else { return };
    let made = run_as_other(
        &bench.mount_point(),
        "umask 027; touch file; mkdir inner; mkfifo pipe; stat -c %a file inner pipe",
    );
    assert_eq!(made.lines().collect::<Vec<_>>(), ["640", "750", "640"]);
}
