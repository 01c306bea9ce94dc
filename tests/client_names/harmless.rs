//! Litter, strangers, modes and times.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use crate::bench::program::Said;
use crate::subject::{Subject, paths};

const LITTER: [&str; 16] = [
    ".DS_Store",
    "log/._x",
    "desktop.ini",
    "data/Thumbs.db",
    ".stignore",
    "log/.syncthing.0123456789abcdef-00000001.log.tmp",
    "data/~syncthing~x.pack.tmp",
    ".tmp.drivedownload",
    ".tmp.driveupload",
    ".dropbox",
    ".dropbox.attr",
    "Icon\r",
    "log/x.log.3f2a9c01.partial",
    "keys/.~lock.x.key#",
    "log/.fuse_hidden0001",
    "log/.nfs0001",
];

#[test]
fn litter_is_named_only_to_who_asks_for_more() {
    let subject = Subject::new();
    for path in LITTER {
        subject.write(path, b"garbage");
    }
    for folder in [".stfolder", ".stversions/log", ".dropbox.cache/x", "data/.stversions/ab"] {
        fs::create_dir_all(subject.path(folder)).unwrap();
    }
    let (said, told) = subject.expect_all_well();
    assert!(!said.stdout.contains("not used") && !said.stdout.contains("litter"), "{said:?}");
    assert_eq!(paths(&told, "strangers"), [""; 0]);
    assert_eq!(paths(&told, "litter").len(), LITTER.len() + 4);
    let vault = subject.bench.vault();
    let arguments = ["-v".as_ref(), vault.as_os_str()];
    let said = Said::by(&mut subject.bench.command("verify", &arguments));
    for path in LITTER {
        let shown = path.replace('\r', r"\x0d");
        said.expect(0, &[&format!("litter   {shown}")]);
    }
}

#[test]
fn what_is_still_being_downloaded_is_not_read() {
    let subject = Subject::new();
    let pack = subject.objects("data/", ".pack").remove(0);
    subject.rename(&pack, &format!("{pack}.3f2a9c01.partial"));
    subject.bench.verify().expect(11, &[&pack]);
}

#[test]
fn strangers_are_named_and_copies_told_apart_from_them() {
    let subject = Subject::new();
    let pack = subject.objects("data/", ".pack").remove(0);
    subject.write("notes.txt", b"mine");
    subject.write("data/ab/holiday.jpg", b"mine");
    subject.write("photos/a.jpg", b"mine");
    subject.write("hushfs-notes.txt", b"mine");
    subject.write(&pack.replace(".pack", " 2.pack"), subject.pristine(&pack));
    subject.write("desktop.ini", b"garbage");
    let (said, told) = subject.expect_all_well();
    let strangers = ["data/ab/holiday.jpg", "hushfs-notes.txt", "notes.txt", "photos"];
    assert_eq!(paths(&told, "strangers"), strangers);
    assert_eq!(paths(&told, "copies"), [pack.replace(".pack", " 2.pack")]);
    for path in strangers {
        said.expect(0, &[&format!("not used {path}: no object of this vault")]);
    }
    let device = subject.bench.device();
    let status = device.files.status();
    // `status` looks at names alone.
    assert_eq!(status.strangers, ["data/ab/holiday.jpg", "notes.txt", "photos"]);
    assert_eq!(
        status.copies,
        [
            "hushfs-notes.txt: named like a copy of hushfs.vault, not needed".to_owned(),
            format!(
                "{}: named like a copy of {pack}, not needed",
                pack.replace(".pack", " 2.pack")
            ),
        ]
    );
    assert_eq!(status.notes, Vec::<String>::new());
    device.unmount();
}

#[test]
fn a_folder_of_very_many_strangers_is_told_in_a_few_words() {
    let subject = Subject::new();
    for nth in 0..20_000 {
        subject.write(&format!("log/photo {nth}.jpg"), b"");
        subject.write(&format!("data/ab/{:032x} ({nth}).pack", nth % 7), b"");
    }
    subject.expect_all_well();
    let device = subject.bench.device();
    let status = device.files.status();
    assert!(status.strangers.len() == 11 && status.copies.len() == 11, "{status:?}");
    assert!(status.strangers[10].starts_with("and 19990 more"), "{:?}", status.strangers);
    device.unmount();
}

#[test]
fn nothing_hangs_on_the_modes_and_times_of_objects() {
    let subject = Subject::new();
    let objects = subject.objects("", "");
    for (mode, secs) in [(0o444, 0), (0o400, 4_102_444_800), (0o777, 1)] {
        for object in &objects {
            let file = fs::File::options().append(true).open(subject.path(object)).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
            file.set_modified(time).unwrap();
            fs::set_permissions(subject.path(object), fs::Permissions::from_mode(mode)).unwrap();
        }
        let (said, told) = subject.expect_all_well();
        assert_eq!(paths(&told, "strangers"), [""; 0], "{said:?}");
        let device = subject.bench.device();
        device.files.collect(Duration::ZERO).unwrap();
        device.unmount();
        subject.bench.verify().expect(0, &["all is whole"]);
        subject.reset();
        subject.forget();
    }
}
