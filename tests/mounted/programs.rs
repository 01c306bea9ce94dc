//! Programs that people run in a mount, and that know every corner of a file system.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags, lsetxattr, utimensat};

use super::bench::{Bench, skip};
use super::snapshot;

/// Whether a program is installed; tells that the test is left out where it is not.
fn is_there(program: &str) -> bool {
    let there = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !there {
        skip(&format!("{program} is not installed"));
    }
    there
}

/// Runs a program in a folder, and gives what it printed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{program} {arguments:?}: {status}\n{stdout}\n{stderr}");
    stdout
}

/// A tree with some of everything a backup can hold.
fn furnish(folder: &Path) {
    fs::create_dir_all(folder.join("a/b/empty")).unwrap();
    for (name, bytes) in [("none", 0), ("one", 1), ("page", 4096), ("large", 3_000_001)] {
        let content: Vec<u8> = (0..bytes).map(|at: u32| (at / 3 % 253) as u8).collect();
        fs::write(folder.join("a").join(name), content).unwrap();
    }
    for number in 0..200 {
        fs::write(folder.join(format!("a/b/{number} \u{e9}.txt")), number.to_string()).unwrap();
    }
    fs::hard_link(folder.join("a/page"), folder.join("a/b/hard")).unwrap();
    symlink("../none", folder.join("a/b/link")).unwrap();
    symlink("dangling", folder.join("dangling")).unwrap();
    fs::set_permissions(folder.join("a/one"), fs::Permissions::from_mode(0o4750)).unwrap();
    fs::set_permissions(folder.join("a/b/empty"), fs::Permissions::from_mode(0o1777)).unwrap();
    lsetxattr(folder.join("a/one"), "user.note", b"\0\xFF", XattrFlags::empty()).unwrap();
    let sparse = fs::File::create(folder.join("sparse")).unwrap();
    sparse.set_len(50_000_000).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 49_999_000).unwrap();
    // Old ones: of links and folders rsync takes two within a second for the same.
    for path in ["a/page", "a/b/link", "dangling", "a/b/empty", "a/b", "a", ""] {
        let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 123_456_789 };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, folder.join(path), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

#[test]
fn git_commits_packs_checks_and_clones() {
    if !is_there("git") {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let repository = bench.at("repository");
    fs::create_dir(&repository).unwrap();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
        run(&repository, "git", &[&who[..], arguments].concat())
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    for round in 0..5 {
        for number in 0..40 {
            let text = format!("{number}, as of round {}\n", round / (number % 3 + 1));
            fs::write(repository.join(format!("file-{number}")), text.repeat(20)).unwrap();
        }
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--allow-empty", "-m", &format!("round {round}")]);
    }
    git(&["gc", "--quiet"]);
    git(&["fsck", "--full", "--strict"]);
    run(&bench.mount_point(), "git", &["clone", "--quiet", "repository", "clone"]);
    let log = git(&["log", "--format=%H"]);
    bench.remount();
    git(&["fsck", "--full", "--strict"]);
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert_eq!(git(&["log", "--format=%H"]), log);
    run(&bench.at("clone"), "git", &["fsck", "--full"]);
    assert_eq!(run(&bench.at("clone"), "git", &["log", "--format=%H"]), log);
}

#[test]
fn sqlite_keeps_what_it_committed_over_killed_daemons_in_every_journal_mode() {
    if !is_there("sqlite3") {
        return;
    }
    for mode in ["WAL", "DELETE", "TRUNCATE", "PERSIST"] {
        let Some(bench) = Bench::mounted() else { return };
        let sqlite =
            |statements: &str| run(&bench.mount_point(), "sqlite3", &["chats.db", statements]);
        let set = sqlite(&format!("PRAGMA journal_mode={mode};"));
        assert_eq!(set.trim().to_uppercase(), mode);
        sqlite("CREATE TABLE message (id INTEGER PRIMARY KEY, round INT, text BLOB);");
        for round in 1..=3 {
            sqlite(&format!(
                "PRAGMA synchronous=FULL; BEGIN; \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300) \
                 INSERT INTO message (round, text) SELECT {round}, randomblob(700) FROM n; COMMIT;"
            ));
            bench.kill();
            bench.mount();
            assert_eq!(sqlite("PRAGMA integrity_check;").trim(), "ok", "{mode}, round {round}");
            let count = sqlite("SELECT count(*), max(round) FROM message;");
            assert_eq!(count.trim(), format!("{}|{round}", 300 * round), "{mode}");
        }
        sqlite("DELETE FROM message WHERE id % 2; VACUUM;");
        bench.unmount();
        bench.mount_elsewhere();
        assert_eq!(sqlite("PRAGMA integrity_check;").trim(), "ok", "{mode}");
        assert_eq!(sqlite("SELECT count(*) FROM message;").trim(), "450");
    }
}

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
fn tar_goes_in_and_comes_out_the_same() {
    let Some(bench) = Bench::mounted() else { return };
    let source = bench.at("source");
    fs::create_dir(&source).unwrap();
    furnish(&source);
    let tar = |arguments: &[&str]| {
        run(&bench.mount_point(), "tar", &[&["--xattrs", "--sparse"][..], arguments].concat())
    };
    tar(&["-cf", "all.tar", "-C", "source", "."]);
    fs::create_dir(bench.at("unpacked")).unwrap();
    tar(&["-xpf", "all.tar", "-C", "unpacked"]);
    tar(&["-df", "all.tar", "-C", "unpacked"]);
    bench.remount();
    tar(&["-df", "all.tar", "-C", "unpacked"]);
    snapshot::assert_same(&snapshot::of(&bench.at("unpacked")), &snapshot::of(&source));
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
