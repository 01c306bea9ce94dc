//! What is listed.

use std::fs;

use crate::bench::{Bench, said};
use crate::names::names;
use crate::two::{Two, conflicts, told};

#[test]
fn both_versions_are_listed_wherever_one_looks_and_status_counts_them() {
    let Some(bench) = Bench::new() else { return };
    let two = Two::new(&bench, |folder| {
        fs::create_dir(folder.join("in")).unwrap();
        fs::write(folder.join("in/notes.txt"), "of both").unwrap();
    });
    let mounts = [two.one.mount_point(), two.other.mount_point()];
    assert!(told(&bench, &mounts[0]).is_empty());
    assert!(said(&conflicts(&bench, &[&mounts[0]])).1.contains("no conflict copies"));
    two.both(
        |folder| fs::write(folder.join("in/notes.txt"), "of the first").unwrap(),
        |folder| fs::write(folder.join("in/notes.txt"), "of the second one").unwrap(),
    );

    let listed = told(&bench, &mounts[0]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed, told(&bench, &mounts[1]));
    let (named, copy) = (&listed[0]["named"], &listed[0]["copy"]);
    assert_eq!(named["path"], "in/notes.txt");
    let mut sizes = [named, copy].map(|version| version["bytes"].as_u64().unwrap());
    assert_eq!(sizes[0], fs::metadata(mounts[0].join("in/notes.txt")).unwrap().len());
    sizes.sort_unstable();
    assert_eq!(sizes, ["of the first".len(), "of the second one".len()].map(|len| len as u64));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let today = hushfs::format::Time::now().date();
    for version in [named, copy] {
        assert_eq!((&version["kind"], &version["device"]), (&"file".into(), &host.clone().into()));
        // It may be past midnight by now.
        assert!(version["date"].as_str().unwrap() <= today.as_str(), "{version}");
    }
    let copy_path = mounts[0].join(copy["path"].as_str().unwrap());
    assert!(
        names(&mounts[0].join("in"))
            .contains(&copy_path.file_name().unwrap().to_str().unwrap().to_owned())
    );

    let text = said(&conflicts(&bench, &[&mounts[0]])).1;
    assert!(text.starts_with(copy_path.to_str().unwrap()), "{text}");
    assert!(text.contains("  A  “notes.txt”: ") && text.contains("  B  this copy: "), "{text}");
    assert_eq!(bench.status_of(&mounts[1]).conflicts, 1);
    let status = said(&bench.run("status", &[mounts[1].as_os_str()], |_| {})).1;
    assert!(status.contains("CONFLICTS"), "{status}");

    // By the vault's folder, mounted and not.
    let by_vault = |options: &[&str]| {
        let output = two.one.run("conflicts", options);
        assert!(output.status.success(), "{output:?}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        told["conflicts"].as_array().unwrap().clone()
    };
    assert_eq!(by_vault(&["--json"]), listed);
    two.one.unmount();
    assert_eq!(by_vault(&["--json"]), listed);
    two.other.unmount();
}

#[test]
fn more_conflicts_than_an_answer_holds_are_all_listed() {
    let Some(bench) = Bench::mounted() else { return };
    let long = "l".repeat(200);
    for folder in 0..2 {
        let folder = bench.at(format!("{folder} {long}"));
        fs::create_dir(&folder).unwrap();
        for nth in 0..150 {
            fs::write(folder.join(format!("{nth}.txt")), "").unwrap();
            fs::write(folder.join(format!("{nth} (conflict x 2026-11-24 {nth}).txt")), "").unwrap();
        }
    }
    let listed = told(&bench, &bench.mount_point());
    let mut paths: Vec<_> = listed.iter().map(|one| one["copy"]["path"].as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), 300);
    assert!(listed.iter().all(|one| one["named"]["path"].is_string()));
    assert_eq!(bench.status().conflicts, 300);
}

#[test]
fn what_is_neither_a_vault_nor_a_mount_has_no_conflicts_to_list() {
    let Some(bench) = Bench::new() else { return };
    let (code, text) = said(&conflicts(&bench, &[&bench.folder()]));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("nothing is mounted here"), "{text}");
}
