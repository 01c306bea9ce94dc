//! Log objects that are lost for good.

use std::fs;

use crate::bench::device::content;
use crate::patient::{FILES, Patient, original};

/// The only file in the vault's `lost+found` whose name ends so.
fn brought_back(files: &crate::files::Files, end: &str) -> Vec<u8> {
    let is_it = |path: &str| path.starts_with("lost+found/") && path.ends_with(end);
    let found: Vec<_> = files.iter().filter(|(path, _)| is_it(path)).collect();
    assert_eq!(found.len(), 1, "{end}: {:?}", files.keys());
    found[0].1.clone()
}

#[test]
fn behind_a_lost_log_object_everything_comes_back_that_anything_tells_of() {
    for is_damaged in [false, true] {
        let patient = Patient::new();
        match is_damaged {
            true => patient.flip(&patient.logs[1], 100),
            false => patient.remove(&patient.logs[1]),
        }
        let (_, told) = patient.repair(11);
        assert_eq!(told["lost_logs"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told["taken_over"], serde_json::json!([patient.logs[2]]));
        let files = patient.restored();
        assert!(files[FILES[0]] == original(0) && files[FILES[2]] == original(2));
        assert!(brought_back(&files, "-second.txt") == original(1));
        let is_story = |path: &&String| path.starts_with("lost+found/repair-");
        let story = &files[files.keys().find(is_story).unwrap()];
        let story = String::from_utf8(story.clone()).unwrap();
        for name in [&patient.logs[1], &patient.logs[2], "-second.txt", FILES[1]] {
            assert!(story.contains(name.strip_prefix("log/").unwrap_or(name)), "{story}");
        }
        patient.expect_healthy();
        // Without the checkpoint the log tells the same.
        for checkpoint in patient.new_objects("log", &[]) {
            if checkpoint.ends_with(".ckpt") {
                patient.remove(&checkpoint);
            }
        }
        patient.bench.verify().expect(0, &[]);
        assert!(patient.restored()[FILES[2]] == original(2));
    }
}

#[test]
fn a_lost_first_log_object_leaves_no_folder_but_all_content() {
    let patient = Patient::new();
    patient.remove(&patient.logs[0]);
    patient.repair(11);
    let files = patient.restored();
    assert!(brought_back(&files, "first.jpg") == original(0));
    assert!(brought_back(&files, "second.txt") == original(1));
    assert!(files[FILES[2]] == original(2));
    patient.expect_healthy();
}

#[test]
fn the_newest_log_object_lost_is_known_from_its_pack_and_this_machine_goes_on() {
    let patient = Patient::new();
    patient.remove(&patient.logs[2]);
    patient.repair(11);
    let files = patient.restored();
    assert!(brought_back(&files, "-third.bin") == original(2));
    patient.expect_healthy();
}

#[test]
fn with_no_log_left_at_all_packs_give_the_files() {
    let patient = Patient::new();
    fs::remove_dir_all(patient.path("log")).unwrap();
    fs::remove_dir_all(patient.bench.state()).unwrap();
    patient.repair(0);
    let files = patient.restored();
    for (nth, end) in ["first.jpg", "second.txt", "third.bin"].into_iter().enumerate() {
        assert!(brought_back(&files, end) == original(nth));
    }
    patient.expect_healthy();
}

#[test]
fn what_a_lost_log_object_made_of_a_known_file_stands_beside_it() {
    let patient = Patient::new();
    let device = patient.bench.device();
    let ino = device.ino(FILES[2]);
    device.files.write(ino, 0, &content(90, 4096), false).unwrap();
    device.files.close(ino).unwrap();
    device.publish();
    let fourth = patient.new_objects("log", &patient.logs).remove(0);
    device.file("fifth", &content(5, 100));
    device.unmount();
    patient.remove(&fourth);
    patient.repair(11);
    let files = patient.restored();
    assert!(files[FILES[2]] == original(2));
    let mut changed = original(2);
    changed[..4096].copy_from_slice(&content(90, 4096));
    assert!(brought_back(&files, "-third.bin") == changed);
    assert!(files["fifth"] == content(5, 100));
    patient.expect_healthy();
}

#[test]
fn another_machine_that_knew_more_refuses_to_write_until_it_repairs_too() {
    let patient = Patient::new();
    let other = patient.bench.device_at("other");
    other.file("other", b"here");
    other.unmount();
    patient.remove(&patient.logs[1]);
    patient.repair(11);
    let with_other = |name: &str, more: &[&str]| {
        let mut command = crate::bench::program::hushfs(&[name, "--key-file"]);
        command.arg(patient.bench.key()).arg("--state-dir").arg(patient.bench.place("other"));
        crate::bench::program::Said::by(command.args(more).arg(patient.bench.vault()))
    };
    with_other("verify", &[]).expect(11, &["which was in the vault before"]);
    with_other("repair", &[]).expect(11, &["accept"]);
    with_other("repair", &["--write"]).expect(0, &["accept"]);
    with_other("verify", &[]).expect(0, &[]);
    let other = patient.bench.device_at("other");
    other.file("other again", b"here");
    other.unmount();
    patient.expect_healthy();
    assert_eq!(patient.restored()["other"], b"here");
}

#[test]
fn a_log_object_that_comes_after_it_was_given_up_is_taken_over_late() {
    let patient = Patient::new();
    let bytes = patient.read(&patient.logs[1]);
    patient.remove(&patient.logs[1]);
    patient.repair(11);
    patient.write(&patient.logs[1], &bytes);
    let (_, told) = patient.repair(11);
    assert_eq!(told["taken_over"], serde_json::json!([patient.logs[1]]));
    patient.expect_healthy();
}

#[test]
fn unpublished_changes_are_kept_or_the_repair_refused() {
    for (nth, lost) in [(0, false), (1, true)] {
        let patient = Patient::new();
        let device = patient.bench.device();
        match lost {
            // Builds on a file that the lost log object made, and no pack knows.
            true => {
                device.make("empty", hushfs::format::NodeKind::Folder);
                device.publish();
                let fourth = patient.new_objects("log", &patient.logs).remove(0);
                device.file("empty/waiting", &content(8, 6_000));
                drop(device);
                patient.remove(&fourth);
                let before = crate::files::files_below(&patient.bench.vault());
                patient.run(&["--write"]).expect(11, &["wait in its state folder"]);
                assert!(crate::files::files_below(&patient.bench.vault()) == before);
            }
            false => {
                device.file("waiting", &content(8, 6_000));
                drop(device);
                patient.remove(&patient.logs[nth + 1]);
                patient.run(&["--write"]).expect(11, &["kept for the next mount"]);
                patient.expect_healthy();
                assert!(patient.restored()["waiting"] == content(8, 6_000));
            }
        }
    }
}
