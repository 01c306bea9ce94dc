//! Mounts that end by themselves when nobody uses them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::bench::{Bench, is_mounted};

fn mounted_for(limit: &str) -> Option<Bench> {
    let bench = Bench::new()?;
    let mounted = bench.try_mount(&["--idle", limit]);
    assert!(mounted.status.success(), "{mounted:?}");
    Some(bench)
}

#[test]
fn a_mount_that_nobody_uses_ends_with_everything_in_the_vault_although_it_is_watched() {
    let Some(bench) = mounted_for("2s") else { return };
    fs::write(bench.at("file"), "not published yet").unwrap();
    let mut watch = bench.command("status");
    watch.arg("--watch").arg(bench.mount_point()).stdout(Stdio::piped());
    let watch = watch.stderr(Stdio::piped()).spawn().unwrap();
    bench.wait_for_end();
    assert!(!is_mounted(&bench.mount_point()));
    let watched = watch.wait_with_output().unwrap();
    assert!(watched.status.success(), "{watched:?}");
    assert!(BufReader::new(&watched.stdout[..]).lines().count() > 1, "{watched:?}");
    bench.mount_elsewhere();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"not published yet");
}

#[test]
fn a_mount_with_an_open_file_or_a_program_in_it_stays() {
    let Some(bench) = mounted_for("1s") else { return };
    let mut open = File::create(bench.at("open")).unwrap();
    // Nothing tells that it has not ended but time.
    thread::sleep(Duration::from_secs(4));
    open.write_all(b"goes on").unwrap();
    let folder = bench.at("folder");
    fs::create_dir(&folder).unwrap();
    let mut program =
        Command::new("cat").current_dir(&folder).stdin(Stdio::piped()).spawn().unwrap();
    drop(open);
    thread::sleep(Duration::from_secs(4));
    assert!(is_mounted(&bench.mount_point()));
    drop(program.stdin.take());
    program.wait().unwrap();
    bench.wait_for_end();
    bench.mount();
    assert_eq!(fs::read(bench.at("open")).unwrap(), b"goes on");
}
