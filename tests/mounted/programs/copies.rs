//! Copies of a tree, and backups of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::bench::Bench;
use super::super::snapshot;
use super::{furnish, is_there, run};

#[test]
fn rsync_has_nothing_left_to_do_the_second_time() {
    if !is_there("rsync") {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let source = bench.folder().join("source");
    fs::create_dir(&source).unwrap();
    furnish(&source);
    let rsync = |from: &Path, to: &Path| {
        let from = format!("{}/", from.display());
        let flags = ["-aHAX", "--sparse", "--itemize-changes", "--delete"];
        run(&bench.folder(), "rsync", &[&flags[..], &[&from, to.to_str().unwrap()]].concat())
    };
    let copy = bench.at("copy");
    assert_ne!(rsync(&source, &copy), "");
    assert_eq!(rsync(&source, &copy), "", "right away");
    bench.remount();
    assert_eq!(rsync(&source, &copy), "", "after a new mount");
    snapshot::assert_same(&snapshot::of(&copy), &snapshot::of(&source));
    let back = bench.folder().join("back");
    rsync(&copy, &back);
    snapshot::assert_same(&snapshot::of(&back), &snapshot::of(&source));
}

#[test]
fn cp_and_diff_agree_within_a_mount_into_it_and_out_of_it() {
    let Some(bench) = Bench::mounted() else { return };
    let source = bench.folder().join("source");
    fs::create_dir(&source).unwrap();
    furnish(&source);
    let [inside, twice] = ["inside", "twice"].map(|name| bench.at(name));
    let outside = bench.folder().join("outside");
    for (from, to) in [(&source, &inside), (&inside, &twice), (&twice, &outside)] {
        let [from, to] = [from, to].map(|path| path.to_str().unwrap());
        run(&bench.folder(), "cp", &["-a", from, to]);
        run(&bench.folder(), "diff", &["-r", "--no-dereference", from, to]);
        bench.remount();
        run(&bench.folder(), "diff", &["-r", "--no-dereference", from, to]);
    }
    snapshot::assert_same(&snapshot::of(&outside), &snapshot::of(&source));
    let room = fs::metadata(twice.join("sparse")).unwrap().blocks() * 512;
    assert!(room < 1_000_000, "holes stay holes: {room} bytes");
}

#[test]
fn restic_backs_up_checks_and_restores_within_a_mount() {
    if !is_there("restic") {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let source = bench.at("source");
    fs::create_dir(&source).unwrap();
    furnish(&source);
    fs::write(bench.at("password"), "of the repository").unwrap();
    let restic = |arguments: &[&str]| {
        let always = ["--repo", "repository", "--password-file", "password", "--no-cache"];
        run(&bench.mount_point(), "restic", &[&always[..], arguments].concat())
    };
    restic(&["init"]);
    restic(&["backup", "source"]);
    let before = snapshot::of(&source);
    fs::write(source.join("a/one"), "changed").unwrap();
    restic(&["backup", "source"]);
    restic(&["check", "--read-data"]);
    bench.remount();
    restic(&["check", "--read-data"]);
    let snapshots: serde_json::Value =
        serde_json::from_str(&restic(&["snapshots", "--json"])).unwrap();
    for (nth, into, expected) in [(0, "first", before), (1, "second", snapshot::of(&source))] {
        let id = snapshots[nth]["short_id"].as_str().unwrap();
        restic(&["restore", id, "--target", into]);
        snapshot::assert_same(&snapshot::of(&bench.at(into).join("source")), &expected);
    }
    restic(&["forget", "--prune", "--keep-last", "1"]);
    restic(&["check", "--read-data"]);
}
