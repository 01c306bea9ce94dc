//! What others can see of a mount and its vault: nothing of what is in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::bench::{Bench, PASSWORD, is_root};

/// `CAP_` numbers that `harden.rs` keeps: chown, dac_override, dac_read_search, fowner, ipc_lock,
/// sys_admin.
const KEPT: [u32; 6] = [0, 1, 2, 3, 14, 21];

/// What is in a vault with this content in it, and where its traces could be.
const NAME: &str = "a-name-like-no-other";
const CONTENT: &str = "these words are nowhere but in the mount";

/// The lines of `/proc/PID/status`.
fn process_status(pid: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
}

pub fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            found.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

pub fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn vault_and_state_folder_are_the_owners_alone() {
    let Some(bench) = Bench::new() else { return };
    // Even where the caller lets everybody in.
    let script = r#"umask 0; exec "$0" "$@""#;
    let command = bench.mount_command();
    let mounted = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .status()
        .unwrap();
    assert!(mounted.success());
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("file"), vec![1; 20_000_000]).unwrap();
    bench.unmount();
    bench.mount();
    fs::write(bench.at("staged"), vec![1; 300_000]).unwrap();
    let mut checked = 0;
    for folder in [bench.vault(), bench.state()] {
        for path in everything_below(&folder) {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(metadata.mode() & 0o7777, expected, "{}", path.display());
            assert_eq!(metadata.uid(), geteuid().as_raw());
            checked += 1;
        }
    }
    assert!(checked > 15, "{checked} paths");
}

/// Searches what a mounted bench leaves on disk: now, after a crash, and when it is locked.
pub fn at_every_time(bench: &Bench, search: impl Fn(&str)) {
    search("while mounted");
    bench.kill();
    search("after a crash");
    bench.mount();
    bench.unmount();
    search("in the locked vault");
}

#[test]
fn neither_names_nor_content_nor_targets_are_on_disk() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at(NAME)).unwrap();
    fs::write(bench.at(NAME).join("file"), CONTENT.repeat(1000)).unwrap();
    std::os::unix::fs::symlink(CONTENT, bench.at("link")).unwrap();
    fs::write(bench.at("small"), CONTENT).unwrap();
    fs::File::open(bench.at("small")).unwrap().sync_all().unwrap();
    let search = |when: &str| {
        for folder in [bench.vault(), bench.state()] {
            for path in everything_below(&folder) {
                let name = path.file_name().unwrap().as_encoded_bytes().to_vec();
                let bytes = if path.is_file() { fs::read(&path).unwrap() } else { name };
                for trace in [NAME, CONTENT, &CONTENT[..12]] {
                    assert!(!holds(&bytes, trace.as_bytes()), "{} {when}", path.display());
                }
            }
        }
    };
    at_every_time(&bench, search);
}

#[test]
fn the_daemon_cannot_be_looked_into() {
    let Some(bench) = Bench::mounted() else { return };
    let pid = bench.status().pid;
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"));
    if let Ok(limits) = limits {
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let values: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
        assert_eq!(values, ["0", "0"], "no core dumps");
    }
    // Of a process that is not dumpable, these are root's, whoever runs it.
    let owner = fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid();
    assert_eq!(owner, 0, "not dumpable");
    if !geteuid().is_root() {
        for file in ["environ", "mem", "maps", "fd", "auxv"] {
            let path = format!("/proc/{pid}/{file}");
            assert!(fs::File::open(&path).is_err() || fs::read_dir(&path).is_err(), "{path}");
        }
    }
}

#[test]
fn a_daemon_of_root_keeps_only_what_it_needs() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    let status = process_status(bench.status().pid);
    let set = |name: &str| u64::from_str_radix(&status[name], 16).unwrap();
    let kept: u64 = KEPT.iter().map(|capability| 1 << capability).sum();
    for name in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(set(name) & !kept, 0, "{name}: {}", status[name]);
    }
    assert_eq!((set("CapInh"), set("CapAmb")), (0, 0));
    assert_ne!(set("CapEff") & 1 << 21, 0, "it could not unmount");
    assert_eq!(status["NoNewPrivs"], "1");
    let locked: u64 = status["VmLck"].split(' ').next().unwrap().parse().unwrap();
    assert!(locked > 0, "keys could be swapped out: {}", status["VmLck"]);
    // Threads have their own: all of them gave the rest up.
    for thread in fs::read_dir(format!("/proc/{}/task", bench.status().pid)).unwrap() {
        let text = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let line = text.lines().find(|line| line.starts_with("CapEff:")).unwrap();
        let effective = u64::from_str_radix(line[7..].trim(), 16).unwrap();
        assert_eq!(effective & !kept, 0);
    }
}

#[test]
fn no_secret_is_in_the_daemons_command_line_or_environment() {
    let Some(bench) = Bench::empty() else { return };
    fs::write(bench.password_file(), format!("{PASSWORD}\n")).unwrap();
    let password = bench.password_file();
    for command in ["init", "mount"] {
        let mut program = bench.command(command);
        match command {
            "init" => program.args(["--yes", "--key-file"]).arg(bench.key_file()),
            _ => program.arg("--state-dir").arg(bench.state()),
        };
        program.arg("--password-command").arg(format!("cat {}", password.display()));
        program.arg(bench.vault());
        if command == "mount" {
            program.arg(bench.mount_point());
        }
        let output = program.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    bench.note_daemon(&bench.mount_point());
    let pid = bench.status().pid;
    let key = fs::read_to_string(bench.key_file()).unwrap();
    let group = key.split_whitespace().next().unwrap();
    for file in ["cmdline", "environ"] {
        let Ok(bytes) = fs::read(format!("/proc/{pid}/{file}")) else { continue };
        for secret in [PASSWORD, group] {
            assert!(!holds(&bytes, secret.as_bytes()), "in {file}");
        }
    }
}
