//! `mount`: ready when it returns, detached, at home beside dead mounts and other mounts.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Signal, geteuid};

use super::bench::{Bench, has_ended, is_mounted, open_process, said};

/// What `/proc/PID/stat` has after the name: state, parent, group, session, terminal, …
fn stat_of(pid: u32) -> Vec<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let numbers = stat.rsplit_once(") ").unwrap().1.split(' ').skip(1);
    numbers.map_while(|number| number.parse().ok()).collect()
}

fn errno(error: &std::io::Error) -> Option<Errno> {
    Errno::from_io_error(error)
}

#[test]
fn a_mount_is_ready_when_the_command_returns_and_its_pipes_end_while_it_lives() {
    let Some(bench) = Bench::new() else { return };
    // Inherited beyond the standard three, as from a shell that has it open.
    let script = r#"exec "$0" "$@" 7>inherited"#;
    let command = bench.mount_command();
    let mut child = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(bench.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _stdin_stays_open = child.stdin.take().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(said, "");
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("file"), "ready").unwrap();

    let pid = bench.status().pid;
    let [_, _, session, terminal] = stat_of(pid)[..4] else { panic!("no such fields") };
    assert_eq!((session, terminal), (i64::from(pid), 0), "a session of its own, no terminal");
    if geteuid().is_root() {
        let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).unwrap();
        for name in ["fd/0", "fd/1", "fd/2"] {
            assert_eq!(link(name), Path::new("/dev/null"), "{name}");
        }
        assert_eq!(link("cwd"), Path::new("/"));
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let open: Vec<PathBuf> =
            open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).collect();
        assert!(!open.contains(&bench.folder().join("inherited")), "{open:?}");
    }
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"ready");
}

#[test]
fn a_mount_in_the_foreground_stays_there_until_it_is_asked_to_end() {
    let Some(bench) = Bench::new() else { return };
    let mut child = bench.mount_command().arg("-f").spawn().unwrap();
    while !is_mounted(&bench.mount_point()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(bench.status().pid, child.id());
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("file"), "x").unwrap();
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    bench.signal(Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!is_mounted(&bench.mount_point()));
    bench.mount_elsewhere();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"x");
}

#[test]
fn a_dead_mount_is_cleared_away_by_the_next() {
    let Some(bench) = Bench::mounted() else { return };
    for round in 0..3 {
        bench.kill();
        // Not `metadata`: the kernel may still know the answer, and must not be believed then.
        let error = fs::read_dir(bench.mount_point()).unwrap_err();
        assert_eq!(errno(&error), Some(Errno::NOTCONN));
        bench.mount();
        fs::write(bench.at(round.to_string()), "x").unwrap();
    }
    bench.unmount();
    assert!(!is_mounted(&bench.mount_point()), "none is left underneath");
    assert_eq!(fs::read_dir(bench.mount_point()).unwrap().count(), 0);
}

#[test]
fn a_dead_mount_elsewhere_does_not_keep_the_vault_in_use() {
    let Some(bench) = Bench::mounted() else { return };
    bench.kill();
    let other = bench.folder().join("other");
    fs::create_dir(&other).unwrap();
    let output = bench.mount_command_at(&other).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    bench.note_daemon(&other);
    fs::write(other.join("file"), "x").unwrap();
}

#[test]
fn a_vault_in_use_is_refused_with_the_place_where_it_is_used() {
    let Some(bench) = Bench::mounted() else { return };
    let other = bench.folder().join("other");
    fs::create_dir(&other).unwrap();
    let place = bench.mount_point().display().to_string();
    // With the same state folder, and with another, as by somebody who does not know of the first.
    for state in [bench.state(), bench.folder().join("other-state")] {
        let output = bench.run(
            "mount",
            &["--key-file".as_ref(), bench.key_file().as_ref(), "--state-dir".as_ref()],
            |command| {
                command.arg(&state).arg(bench.vault()).arg(&other);
            },
        );
        let (code, text) = said(&output);
        assert_eq!(code, 13, "{text}");
        assert!(text.contains(&place), "{text}");
        assert!(!is_mounted(&other));
    }
    fs::write(bench.at("file"), "the first one is as it was").unwrap();
}

#[test]
fn a_mount_point_in_use_is_refused() {
    let (Some(bench), Some(other)) = (Bench::mounted(), Bench::new()) else { return };
    let output = other.mount_command_at(&bench.mount_point()).output().unwrap();
    let (code, text) = said(&output);
    assert_eq!(code, 13, "{text}");
    assert!(text.contains(&bench.mount_point().display().to_string()), "{text}");
}

#[test]
fn what_cannot_be_mounted_on_is_refused_before_anything_happens() {
    let Some(bench) = Bench::new() else { return };
    let mount_on = |place: &Path| said(&bench.mount_command_at(place).output().unwrap());
    let (code, text) = mount_on(&bench.folder().join("missing"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("mkdir"), "{text}");
    let (code, text) = mount_on(&bench.key_file());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("is not a folder"), "{text}");
    fs::create_dir_all(bench.folder().join("full/entry")).unwrap();
    let (code, text) = mount_on(&bench.folder().join("full"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("choose an empty folder"), "{text}");
    for inside in [bench.vault(), bench.vault().join("log"), bench.folder()] {
        let (code, text) = mount_on(&inside);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("within each other"), "{text}");
    }
    bench.mount();
}

#[test]
fn a_read_only_mount_shows_everything_and_changes_nothing() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    bench.unmount();
    let output = bench.try_mount(&["--read-only"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"x");
    for refused in [
        fs::write(bench.at("file"), "y"),
        fs::create_dir(bench.at("folder")),
        fs::remove_file(bench.at("file")),
    ] {
        assert_eq!(errno(&refused.unwrap_err()), Some(Errno::ROFS));
    }
    assert!(bench.status().read_only.is_some());
    bench.unmount();

    // Where this device has no state folder yet, a read-only mount makes none.
    fs::remove_dir_all(bench.state()).unwrap();
    assert!(bench.try_mount(&["--read-only"]).status.success());
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"x");
    bench.unmount();
    assert!(!bench.state().exists());
}

#[test]
fn a_mount_by_relative_paths_goes_on_when_the_shell_has_moved() {
    let Some(bench) = Bench::new() else { return };
    let script = r#"cd "$1" && "$0" mount --key-file key --state-dir state vault mnt && cd /"#;
    let output = Command::new("/bin/sh")
        .args(["-c", script, super::bench::HUSHFS])
        .arg(bench.folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("file"), "x").unwrap();
    bench.unmount();
    bench.mount_elsewhere();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"x");
    assert_eq!(fs::metadata(bench.mount_point()).unwrap().uid(), geteuid().as_raw());
}

#[test]
fn a_mount_that_fails_leaves_no_process_behind() {
    let Some(bench) = Bench::new() else { return };
    fs::write(bench.mount_point().join("in the way"), "").unwrap();
    let mut child = bench.mount_command().stderr(Stdio::piped()).spawn().unwrap();
    let process = open_process(child.id());
    let mut text = String::new();
    // Ends only when the last process that has the pipe does.
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
    assert!(has_ended(&process, Duration::from_secs(60)));
    fs::remove_file(bench.mount_point().join("in the way")).unwrap();
    bench.mount();
}
