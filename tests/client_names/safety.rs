//! What no copy may bring about.

use std::fs;
use std::time::Duration;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::files::files_below;
use crate::subject::{Subject, paths};

#[test]
fn a_collection_removes_no_copy_and_takes_none_for_the_object() {
    let bench = Bench::new();
    let device = bench.device();
    let file = device.file("file", &content(1, 100_000));
    device.publish();
    let vault = bench.vault();
    let packs = || -> Vec<String> {
        files_below(&vault).into_keys().filter(|path| path.ends_with(".pack")).collect()
    };
    let pack = packs().remove(0);
    let copy = pack.replace(".pack", " (1).pack");
    fs::copy(vault.join(&pack), vault.join(&copy)).unwrap();
    device.files.write(file, 0, &content(2, 100_000), false).unwrap();
    device.files.close(file).unwrap();
    device.files.collect(Duration::ZERO).unwrap();
    assert!(!vault.join(&pack).exists() && vault.join(&copy).exists());
    // Nothing needs what was collected: the copy is no way back to it.
    device.files.collect(Duration::ZERO).unwrap();
    assert_eq!(device.files.status().damage, Vec::<String>::new());
    device.unmount();
    assert!(vault.join(&copy).exists());
    let said = bench.verify();
    said.expect(0, &[&copy, "all is whole"]);
    assert!(!said.stdout.contains("is read from"), "{said:?}");
}

#[test]
fn checkpoints_that_are_there_as_copies_only_let_no_log_object_go() {
    let subject = Subject::new();
    let checkpoint = subject.objects("log/", ".ckpt").remove(0);
    subject.rename(&checkpoint, &checkpoint.replace(".ckpt", " (1).ckpt"));
    let logs = subject.objects("log/", ".log");
    let device = subject.bench.device();
    // The oldest that may go is older than any checkpoint that is there under its name.
    device.files.collect(Duration::from_secs(3600)).unwrap();
    device.unmount();
    assert!(logs.iter().all(|log| subject.path(log).exists()));
    subject.expect_all_well();
}

#[test]
fn what_somebody_plants_is_not_used() {
    let (subject, other) = (Subject::new(), Subject::new());
    for (own, foreign) in subject.one_of_each().iter().zip(other.one_of_each()) {
        if own.starts_with("keys/") {
            continue;
        }
        // Another vault's object, garbage, and another object of this vault, under the name of a copy.
        let (stem, extension) = own.rsplit_once('.').unwrap();
        let others = subject.objects("log/", ".log");
        let another = others.iter().find(|path| *path != own).unwrap();
        let planted = [other.pristine(&foreign), b"garbage".as_slice(), subject.pristine(another)];
        for (nth, bytes) in planted.iter().enumerate() {
            subject.write(&format!("{stem} ({nth}).{extension}"), bytes);
        }
        let (_, told) = subject.expect_all_well();
        assert_eq!(paths(&told, "copies"), [""; 0]);
        assert_eq!(paths(&told, "strangers").len(), 3, "{told}");
        fs::remove_file(subject.path(own)).unwrap();
        let (said, _) = subject.verify();
        assert!(!said.stdout.contains("is read from"), "{said:?}");
        subject.reset();
        subject.forget();
    }
}

#[test]
fn another_version_of_a_log_object_is_not_read_instead_of_it() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("one", b"one");
    device.unmount();
    // The same device goes on twice from the same state.
    let before = files_below(&bench.place("state"));
    let vault_before = files_below(&bench.vault());
    let device = bench.device();
    device.file("left", b"left");
    device.unmount();
    let left = files_below(&bench.vault());
    for (folder, files) in [("state", &before), ("vault", &vault_before)] {
        fs::remove_dir_all(bench.place(folder)).unwrap();
        for (path, bytes) in files {
            fs::create_dir_all(bench.place(folder).join(path).parent().unwrap()).unwrap();
            fs::write(bench.place(folder).join(path), bytes).unwrap();
        }
    }
    let device = bench.device();
    device.file("right", b"right");
    device.unmount();
    let log = files_below(&bench.vault());
    let log = log.keys().find(|path| path.ends_with("-00000002.log")).unwrap();
    let copy = log.replace(".log", " (1).log");
    assert!(left[log] != fs::read(bench.vault().join(log)).unwrap());
    fs::write(bench.vault().join(&copy), &left[log]).unwrap();
    // The vault's own one is whole: it counts.
    bench.verify().expect(0, &[&format!("not used {copy}")]);
    let device = bench.device();
    device.ino("right");
    device.unmount();
    // It is gone: this machine knows that what the copy has is not what was there.
    let own = fs::read(bench.vault().join(log)).unwrap();
    fs::remove_file(bench.vault().join(log)).unwrap();
    bench.verify().expect(11, &[log]);
    // Two copies that differ: which one is right is not guessed.
    fs::write(bench.vault().join(log.replace(".log", " (2).log")), &own).unwrap();
    bench.verify().expect(11, &[log]);
}
