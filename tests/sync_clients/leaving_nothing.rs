//! Whatever becomes of a test, no client and no mount outlives it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use super::service::{bench_with, wait_for};
use super::site::Site;
use super::syncthing_pair::Pair;

/// The command lines, of processes of any program, that name something below a folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        // Of one that ends meanwhile there is nothing to be read.
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    processes.filter(|line| line.contains(&folder)).collect()
}

fn wait_for_none_in(folder: &Path) {
    wait_for(|| {
        let left = processes_in(folder);
        left.is_empty().then_some(()).ok_or(format!("the end of {left:?}"))
    });
    let mounts = hushfs::fuse::mounts().unwrap();
    assert!(!mounts.iter().any(|mount| mount.mount_point.starts_with(folder)));
}

/// How many instances of Syncthing there are below a folder.
fn instances_in(folder: &Path) -> usize {
    let is_served = |line: &String| line.starts_with("syncthing serve");
    processes_in(folder).iter().filter(|line| is_served(line)).count()
}

#[test]
fn a_test_that_fails_leaves_no_client_and_no_mount() {
    let Some(bench) = bench_with("syncthing") else { return };
    let folder = bench.folder();
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let bench = bench;
        let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
        let _pair = Pair::start([&one, &other], "");
        one.mount();
        assert_eq!(instances_in(&bench.folder()), 2);
        // Fails without a word.
        resume_unwind(Box::new("failed"));
    }));
    assert_eq!(*failed.unwrap_err().downcast::<&str>().unwrap(), "failed");
    wait_for_none_in(&folder);
}

#[test]
fn a_run_that_is_killed_leaves_no_client() {
    let Some(bench) = bench_with("syncthing") else { return };
    let folder = bench.folder();
    let mut run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "syncthing::devices_take_turns_over_syncthing"])
        .env("TMPDIR", &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Both run before anything is mounted.
    wait_for(|| (instances_in(&folder) == 2).then_some(()).ok_or("two of them".to_owned()));
    run.kill().unwrap();
    run.wait().unwrap();
    wait_for_none_in(&folder);
}
