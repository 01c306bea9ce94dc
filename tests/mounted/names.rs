//! Names: of any bytes, in large folders, linked and renamed.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::bench::Bench;
use super::snapshot;

/// Enough for many listings of the kernel; `scripts/strain entries` makes a million.
const MANY: usize = 20_000;

fn names_in(folder: &Path) -> BTreeSet<OsString> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn rename(from: &Path, to: &Path, how: RenameFlags) -> Result<(), Errno> {
    renameat_with(CWD, from, CWD, to, how)
}

#[test]
fn a_name_is_any_255_bytes_but_slash_and_zero() {
    let Some(bench) = Bench::mounted() else { return };
    let all: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').chain([b'!']).collect();
    let names: Vec<Vec<u8>> = vec![
        all,
        vec![0xFF; 255],
        "ü".repeat(127).into_bytes(),
        "é".as_bytes().to_vec(),
        "e\u{301}".as_bytes().to_vec(),
        b" ".to_vec(),
        b"...".to_vec(),
        b"-rf\n".to_vec(),
        b"NUL".to_vec(),
        b"nul".to_vec(),
    ];
    for (number, name) in names.iter().enumerate() {
        fs::write(bench.at(OsStr::from_bytes(name)), number.to_string()).unwrap();
    }
    let check = || {
        let expected = names.iter().map(|name| OsStr::from_bytes(name).to_owned()).collect();
        assert_eq!(names_in(&bench.mount_point()), expected);
        for (number, name) in names.iter().enumerate() {
            let read = fs::read_to_string(bench.at(OsStr::from_bytes(name))).unwrap();
            assert_eq!(read, number.to_string());
        }
    };
    check();
    bench.remount();
    check();
    let too_long = fs::write(bench.at(OsStr::from_bytes(&[b'x'; 256])), "").unwrap_err();
    assert_eq!(Errno::from_io_error(&too_long), Some(Errno::NAMETOOLONG));
}

#[test]
fn a_folder_of_very_many_entries_is_listed_searched_and_emptied() {
    let Some(bench) = Bench::mounted() else { return };
    let folder = bench.at("many");
    fs::create_dir(&folder).unwrap();
    let name = |number: usize| format!("message-{number:07}.eml");
    for number in 0..MANY {
        File::create(folder.join(name(number))).unwrap();
    }
    let all: BTreeSet<OsString> = (0..MANY).map(|number| name(number).into()).collect();
    assert!(names_in(&folder) == all);
    bench.remount();
    // Not through a set: none comes twice.
    assert_eq!(fs::read_dir(&folder).unwrap().count(), MANY);
    assert!(names_in(&folder) == all);
    assert!(folder.join(name(MANY - 1)).exists() && !folder.join(name(MANY)).exists());

    // Removing while listing, as `rm -r` does, misses none.
    for entry in fs::read_dir(&folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::remove_dir(&folder).unwrap();
    bench.remount();
    assert_eq!(names_in(&bench.mount_point()), BTreeSet::new());
}

#[test]
fn deep_folders_are_walked_and_removed() {
    let Some(bench) = Bench::mounted() else { return };
    let mut deep = bench.at("deep");
    for level in 0..100 {
        deep = deep.join(format!("{level}-{}", "x".repeat(20)));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "bottom").unwrap();
    bench.remount();
    assert_eq!(fs::read(deep.join("file")).unwrap(), b"bottom");
    fs::remove_dir_all(bench.at("deep")).unwrap();
    assert_eq!(bench.status().files, 0);
}

#[test]
fn hard_links_are_one_file_with_several_names() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    fs::write(bench.at("one"), "x").unwrap();
    fs::hard_link(bench.at("one"), bench.at("folder/two")).unwrap();
    symlink("one", bench.at("link")).unwrap();
    fs::hard_link(bench.at("link"), bench.at("folder/link")).unwrap();
    fs::write(bench.at("folder/two"), "through the other").unwrap();
    let check = || {
        let [one, two] = ["one", "folder/two"].map(|name| fs::metadata(bench.at(name)).unwrap());
        assert_eq!((one.ino(), one.nlink()), (two.ino(), 2));
        assert_eq!(two.nlink(), 2);
        assert_eq!(fs::read(bench.at("one")).unwrap(), b"through the other");
        assert_eq!(fs::symlink_metadata(bench.at("link")).unwrap().nlink(), 2);
    };
    check();
    let number = fs::metadata(bench.at("one")).unwrap().ino();
    bench.remount();
    check();
    assert_eq!(fs::metadata(bench.at("one")).unwrap().ino(), number, "the same after a new mount");
    fs::remove_file(bench.at("one")).unwrap();
    bench.remount();
    assert_eq!(fs::read(bench.at("folder/two")).unwrap(), b"through the other");
    assert_eq!(fs::metadata(bench.at("folder/two")).unwrap().nlink(), 1);
}

#[test]
fn folders_count_the_folders_in_them() {
    let Some(bench) = Bench::mounted() else { return };
    let links = |path: &str| fs::metadata(bench.at(path)).unwrap().nlink();
    assert_eq!(links(""), 2);
    fs::create_dir_all(bench.at("a/b")).unwrap();
    fs::create_dir(bench.at("c")).unwrap();
    assert_eq!([links(""), links("a"), links("a/b")], [4, 3, 2]);
    fs::rename(bench.at("a/b"), bench.at("c/b")).unwrap();
    assert_eq!([links("a"), links("c")], [2, 3]);
    fs::remove_dir(bench.at("a")).unwrap();
    assert_eq!(links(""), 3);
}

#[test]
fn symbolic_links_hold_any_target() {
    let Some(bench) = Bench::mounted() else { return };
    let targets: [&[u8]; 4] = [b"../up", b"/nowhere/at/all", &[0xFE; 4095], b"a\nb \xFF"];
    for (number, target) in targets.iter().enumerate() {
        symlink(OsStr::from_bytes(target), bench.at(number.to_string())).unwrap();
    }
    fs::write(bench.folder().join("outside"), "x").unwrap();
    symlink("../outside", bench.at("out")).unwrap();
    bench.remount();
    for (number, target) in targets.iter().enumerate() {
        let path = bench.at(number.to_string());
        assert_eq!(fs::read_link(&path).unwrap().as_os_str().as_bytes(), *target);
        assert_eq!(fs::symlink_metadata(&path).unwrap().len(), target.len() as u64);
    }
    assert_eq!(fs::read(bench.at("out")).unwrap(), b"x");
}

#[test]
fn a_rename_replaces_moves_refuses_and_exchanges() {
    let Some(bench) = Bench::mounted() else { return };
    let at = |path: &str| bench.at(path);
    fs::create_dir_all(at("folder/inner")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("file"), "file").unwrap();
    fs::write(at("other"), "other").unwrap();

    let kept = rename(&at("file"), &at("other"), RenameFlags::NOREPLACE);
    assert_eq!(kept, Err(Errno::EXIST));
    rename(&at("file"), &at("fresh"), RenameFlags::NOREPLACE).unwrap();
    rename(&at("fresh"), &at("other"), RenameFlags::empty()).unwrap();
    assert_eq!(fs::read(at("other")).unwrap(), b"file");

    rename(&at("other"), &at("folder"), RenameFlags::EXCHANGE).unwrap();
    assert_eq!(fs::read(at("folder")).unwrap(), b"file");
    assert!(at("other/inner").is_dir());
    assert_eq!(rename(&at("other"), &at("none"), RenameFlags::EXCHANGE), Err(Errno::NOENT));

    // A folder over an empty one; a file over another name of itself, which changes nothing.
    rename(&at("other"), &at("empty"), RenameFlags::empty()).unwrap();
    assert!(at("empty/inner").is_dir() && !at("other").exists());
    fs::hard_link(at("folder"), at("same")).unwrap();
    rename(&at("folder"), &at("same"), RenameFlags::empty()).unwrap();
    assert!(at("folder").exists() && at("same").exists());
    rename(&at("same"), &at("empty/inner/same"), RenameFlags::empty()).unwrap();

    let before = snapshot::of(&bench.mount_point());
    bench.remount();
    snapshot::assert_same(&snapshot::of(&bench.mount_point()), &before);
    assert_eq!(names_in(&at("empty/inner")), BTreeSet::from(["same".into()]));
}

#[test]
fn a_replaced_file_never_comes_back_empty_or_mixed() {
    let Some(bench) = Bench::mounted() else { return };
    // As editors and chat programs save: write beside, rename over, sync nothing.
    fs::write(bench.at("backup.db"), "generation 0").unwrap();
    for generation in 1..=20 {
        fs::write(bench.at("backup.tmp"), format!("generation {generation}")).unwrap();
        fs::rename(bench.at("backup.tmp"), bench.at("backup.db")).unwrap();
    }
    bench.kill();
    bench.mount();
    // All up to the last close is there; of the rename after it the next sync would have told.
    let db = fs::read_to_string(bench.at("backup.db")).unwrap();
    let tmp = fs::read_to_string(bench.at("backup.tmp")).ok();
    match tmp.as_deref() {
        None => assert_eq!(db, "generation 20"),
        Some(tmp) => assert_eq!((&*db, tmp), ("generation 19", "generation 20")),
    }
}

/// One name in its composed and in its decomposed form.
const COMPOSED: &str = "caf\u{e9} \u{d55c}.jpg";
const DECOMPOSED: &str = "cafe\u{301} \u{1112}\u{1161}\u{11ab}.jpg";

#[test]
fn without_the_option_each_form_of_a_name_is_a_name_of_its_own() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at(COMPOSED), "1").unwrap();
    assert!(!bench.at(DECOMPOSED).exists());
    fs::write(bench.at(DECOMPOSED), "2").unwrap();
    assert_eq!(fs::read_dir(bench.mount_point()).unwrap().count(), 2);
}

#[test]
fn with_equated_forms_a_name_is_found_made_renamed_and_removed_by_either() {
    let Some(bench) = Bench::new() else { return };
    assert!(bench.try_mount(&["--equate-name-forms"]).status.success());
    let listed = || -> Vec<_> {
        let entries = fs::read_dir(bench.mount_point()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(!bench.at(COMPOSED).exists() && !bench.at(DECOMPOSED).exists());
    for (given, other) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
        fs::write(bench.at(given), "first").unwrap();
        assert_eq!(fs::read(bench.at(other)).unwrap(), b"first");
        let made = File::create_new(bench.at(other)).map(drop);
        assert_eq!(made.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        fs::write(bench.at(other), "second").unwrap();
        assert_eq!(listed(), [given], "what is stored stays as it was given");
        fs::rename(bench.at(given), bench.at(other)).unwrap();
        assert_eq!(listed(), [given], "two names of one file: nothing is to be done");
        fs::rename(bench.at(given), bench.at("moved")).unwrap();
        assert!(!bench.at(given).exists() && !bench.at(other).exists());
        fs::rename(bench.at("moved"), bench.at(given)).unwrap();
        fs::remove_file(bench.at(other)).unwrap();
        assert!(!bench.at(given).exists() && !bench.at(other).exists());
        assert_eq!(listed().len(), 0);
    }
    fs::create_dir(bench.at(COMPOSED)).unwrap();
    fs::write(bench.at(DECOMPOSED).join(DECOMPOSED), "below").unwrap();
    assert_eq!(fs::read(bench.at(COMPOSED).join(COMPOSED)).unwrap(), b"below");
    fs::remove_file(bench.at(COMPOSED).join(DECOMPOSED)).unwrap();
    fs::remove_dir(bench.at(DECOMPOSED)).unwrap();
}

#[test]
fn where_both_forms_are_there_each_stands_for_itself() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at(COMPOSED), "composed").unwrap();
    fs::write(bench.at(DECOMPOSED), "decomposed").unwrap();
    bench.unmount();
    assert!(bench.try_mount(&["-o", "equate_name_forms"]).status.success());
    assert_eq!(fs::read(bench.at(COMPOSED)).unwrap(), b"composed");
    assert_eq!(fs::read(bench.at(DECOMPOSED)).unwrap(), b"decomposed");
    fs::remove_file(bench.at(COMPOSED)).unwrap();
    assert_eq!(fs::read(bench.at(COMPOSED)).unwrap(), b"decomposed");
}
