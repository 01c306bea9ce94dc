//! Vaults that are not mounted.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use hushfs::format::NodeKind;
use hushfs::fs::CopyRange;
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::bench::program::{Said, hushfs};
use crate::three_packs::{FILES, ThreePacks, original};

/// Chats of two years, a link, a file with holes and one with an odd name.
fn filled() -> Bench {
    let bench = Bench::new();
    let device = bench.device();
    for folder in ["chats", "chats/2025", "chats/2026"] {
        device.set_mode(device.make(folder, NodeKind::Folder), 0o750);
    }
    device.file("chats/2025/a.jpg", &content(1, 50_000));
    device.file("chats/2026/b.JPG", &content(2, 10_000));
    device.file("chats/2026/c.txt", b"short");
    device.set_times(device.ino("chats/2026/c.txt"), (0, 0), (1_000_000_000, 5));
    device.make("link", NodeKind::Symlink(b"chats/2025"));
    let sparse = device.file("sparse", &content(3, 8192));
    device.files.write(sparse, 1 << 30, &content(4, 4096), false).unwrap();
    device.unmount();
    bench
}

fn run(bench: &Bench, command: &str, more: &[&str]) -> Said {
    let vault = bench.vault();
    let mut command = bench.command(command, &[vault.as_os_str()]);
    Said::by(command.args(more))
}

fn lines(bench: &Bench, command: &str, more: &[&str]) -> Vec<String> {
    let said = run(bench, command, more);
    said.expect(0, &[]);
    said.stdout.lines().map(str::to_owned).collect()
}

fn json(bench: &Bench, command: &str, more: &[&str]) -> Value {
    let said = run(bench, command, &[&["--json"], more].concat());
    said.expect(0, &[]);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_folder_is_listed_by_name_and_a_file_by_itself() {
    let bench = filled();
    assert_eq!(lines(&bench, "ls", &[]), ["chats", "link", "sparse"]);
    assert_eq!(lines(&bench, "ls", &["chats/2026"]), ["b.JPG", "c.txt"]);
    assert_eq!(lines(&bench, "ls", &["/chats/2026/c.txt"]), ["c.txt"]);
    let long = lines(&bench, "ls", &["-l"]);
    assert!(long[0].starts_with("drwxr-x---"), "{long:?}");
    assert!(long[1].starts_with('l') && long[1].ends_with("link -> chats/2025"), "{long:?}");
    assert!(long[2].contains("    1073745920  "), "{long:?}");
    let told = json(&bench, "ls", &["chats/2026"]);
    assert_eq!(told[1]["path"], "chats/2026/c.txt");
    assert_eq!((&told[1]["size"], &told[1]["kind"]), (&5.into(), &"file".into()));
    assert_eq!(told[1]["mode"], "0644");
    assert!(told[1]["modified"].as_str().unwrap().contains(".000000005"), "{told}");
}

#[test]
fn what_is_not_there_or_does_not_open_is_told_by_exit_codes() {
    let bench = filled();
    for command in ["ls", "cat", "find", "du"] {
        for path in ["nothing", "chats/nothing", "link/a.jpg", "sparse/x"] {
            let missing = format!("{path}: there is no such file in the vault");
            run(&bench, command, &[path]).expect(1, &[&missing]);
        }
        run(&bench, command, &["../x"]).expect(2, &["no “..”"]);
        let place = bench.place("");
        let said = Said::by(hushfs(&[command, "--key-file"]).arg(bench.key()).arg(place));
        said.expect(12, &["not a vault"]);
        std::fs::write(bench.place("wrong"), "0".repeat(64)).unwrap();
        let mut wrong = hushfs(&[command, "--key-file"]);
        Said::by(wrong.arg(bench.place("wrong")).arg(bench.vault())).expect(10, &[]);
    }
    run(&bench, "cat", &["chats"]).expect(1, &["chats is a folder"]);
    run(&bench, "cat", &["link"]).expect(1, &["link is a symbolic link"]);
    run(&bench, "find", &["--name", "[a"]).expect(2, &["--name"]);
    run(&bench, "find", &["--newer", "c0ffee12"]).expect(2, &["a time is one like"]);
}

#[test]
fn a_file_comes_byte_by_byte_with_its_holes() {
    let bench = filled();
    let vault = bench.vault();
    let cat = |path: &str| {
        let mut command = bench.command("cat", &[vault.as_os_str(), path.as_ref()]);
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        output.stdout
    };
    assert!(cat("chats/2025/a.jpg") == content(1, 50_000));
    let sparse = cat("sparse");
    assert_eq!(sparse.len(), (1 << 30) + 4096);
    assert!(sparse[..8192] == content(3, 8192) && sparse[1 << 30..] == content(4, 4096));
    assert!(sparse[8192..1 << 30].iter().all(|byte| *byte == 0));
}

#[test]
fn whoever_stops_reading_ends_it_without_an_error() {
    let bench = filled();
    let vault = bench.vault();
    for (command, more) in
        [("cat", &["sparse"][..]), ("ls", &["--json"]), ("find", &[]), ("du", &[])]
    {
        let mut command = bench.command(command, &[vault.as_os_str()]);
        let mut child =
            command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        Said::from(&child.wait_with_output().unwrap()).expect(0, &[]);
    }
}

#[test]
fn what_is_damaged_ends_a_file_and_what_comes_before_is_there() {
    let made = ThreePacks::new();
    let vault = made.bench.vault();
    // The third chunk of the first file.
    let mut pack = made.read(&made.packs[0]);
    let at = pack.len().min(2 * 4112 + 1000);
    pack[at] ^= 1;
    made.write(&made.packs[0], &pack);
    let mut command = made.bench.command("cat", &[vault.as_os_str(), FILES[0].as_ref()]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(11), "{output:?}");
    let whole = original(0);
    assert!(
        whole.starts_with(&output.stdout) && output.stdout.len() == 8192,
        "{}",
        output.stdout.len()
    );
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("before byte 8192") && text.contains(FILES[0]), "{text}");
    run(&made.bench, "cat", &[FILES[1]]).expect(0, &[]);
    // Without a log object that others build on, nobody can say that this is all.
    made.remove(&made.logs[1]);
    let said = run(&made.bench, "ls", &[]);
    assert!([11, 14].contains(&said.code) && said.stdout.contains("chats"), "{said:?}");
}

#[test]
fn files_are_found_by_all_that_is_asked_for() {
    let bench = filled();
    let all = [
        "chats",
        "chats/2025",
        "chats/2025/a.jpg",
        "chats/2026",
        "chats/2026/b.JPG",
        "chats/2026/c.txt",
        "link",
        "sparse",
    ];
    assert_eq!(lines(&bench, "find", &[]), all);
    assert_eq!(lines(&bench, "find", &["chats/2026"]), all[4..6]);
    assert_eq!(lines(&bench, "find", &["--name", "*.{jpg,JPG}"]), [all[2], all[4]]);
    assert_eq!(
        lines(&bench, "find", &["--name", "?.jpg", "--name", "c*"]),
        [all[0], all[2], all[5]]
    );
    assert_eq!(lines(&bench, "find", &["--larger", "8K"]), [all[2], all[4], "sparse"]);
    assert_eq!(lines(&bench, "find", &["--smaller", "8K", "--kind", "file"]), [all[5]]);
    assert_eq!(lines(&bench, "find", &["--older", "2020-01-01"]), [all[5]]);
    assert_eq!(lines(&bench, "find", &["--newer", "1d", "--name", "*.*"]), [all[2], all[4]]);
    assert_eq!(lines(&bench, "find", &["--kind", "folder"]), [all[0], all[1], all[3]]);
    assert_eq!(lines(&bench, "find", &["--kind", "link"]), ["link"]);
    assert_eq!(run(&bench, "find", &["-0", "--kind", "link"]).stdout, "link\0");
    let told = json(&bench, "find", &["--name", "a.jpg"]);
    assert_eq!((&told[0]["path"], &told[0]["size"]), (&all[2].into(), &50_000.into()));
}

#[test]
fn a_name_that_is_no_text_goes_to_a_pipe_as_it_is_and_to_json_in_hex() {
    let bench = Bench::new();
    let device = bench.device();
    device.file(b"caf\xe9\x1b[2J", b"x");
    device.unmount();
    let vault = bench.vault();
    let listed = bench.command("ls", &[vault.as_os_str()]).output().unwrap();
    assert_eq!(listed.stdout, b"caf\xe9\x1b[2J\n");
    let told = json(&bench, "ls", &[]);
    assert_eq!(told[0]["path_hex"], "636166e91b5b324a");
    let name = OsStr::from_bytes(b"caf\xe9\x1b[2J");
    Said::by(&mut bench.command("cat", &[vault.as_os_str(), name])).expect(0, &["x"]);
    let missing = OsStr::from_bytes(b"\x1b[2J");
    let said = Said::by(&mut bench.command("cat", &[vault.as_os_str(), missing]));
    said.expect(1, &[r"\x1b[2J: there is no such file"]);
}

#[test]
fn what_is_shared_is_stored_once_and_holes_are_nothing() {
    let bench = filled();
    let device = bench.device();
    let from = device.ino("chats/2025/a.jpg");
    let to = device.make("chats/2026/copy.jpg", NodeKind::File);
    let range = CopyRange { from, from_offset: 0, to, to_offset: 0, bytes: 50_000 };
    assert_eq!(device.files.copy_range(range).unwrap(), 50_000);
    device.link(from, "chats/2025/another name");
    device.unmount();
    let told = json(&bench, "du", &["--depth", "2"]);
    let of = |path: &str| {
        let all = told.as_array().unwrap();
        let one = all.iter().find(|one| one["path"] == path).unwrap();
        ["files", "held_bytes", "shared_bytes"].map(|field| one[field].as_u64().unwrap())
    };
    assert_eq!(of("chats/2025"), [1, 50_000, 0]);
    assert_eq!(of("chats/2026"), [3, 60_005, 0]);
    assert_eq!(of("chats"), [4, 110_005, 50_000]);
    assert_eq!(of(""), [6, 110_005 + 12_288, 50_000]);
    let text = lines(&bench, "du", &["--depth", "0", "chats"]);
    assert_eq!(text[1], "    110 kB       60 kB         4  chats");
    assert_eq!(text.len(), 2);
}

#[test]
fn an_earlier_state_is_seen_without_a_mount() {
    let bench = filled();
    let mut history = hushfs(&["history", "--json", "--key-file"]);
    let history = Said::by(history.arg(bench.key()).arg(bench.vault())).stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let id = history["states"][0]["id"].as_str().unwrap().to_owned();
    let device = bench.device();
    device.files.unlink(device.ino("chats/2025"), b"a.jpg").unwrap();
    device.file("new", b"new");
    device.unmount();
    assert_eq!(lines(&bench, "ls", &["chats/2025"]), [] as [&str; 0]);
    assert_eq!(lines(&bench, "ls", &["--at", &id, "chats/2025"]), ["a.jpg"]);
    assert_eq!(lines(&bench, "find", &["--at", &id, "--name", "new"]), [] as [&str; 0]);
    let vault = bench.vault();
    let past = ["--at", &id, "chats/2025/a.jpg"];
    let cat = bench.command("cat", &[vault.as_os_str()]).args(past).output().unwrap();
    assert!(cat.stdout == content(1, 50_000));
    assert_eq!(json(&bench, "du", &["--at", &id, "chats/2025"])[0]["held_bytes"], 50_000);
    run(&bench, "ls", &["--at", "1999-01-01"]).expect(1, &["there was nothing in the vault then"]);
}

#[test]
fn what_waits_in_the_state_folder_is_seen_as_well() {
    let bench = filled();
    let device = bench.device();
    device.file("not published", b"text");
    drop(device);
    assert!(lines(&bench, "ls", &[]).contains(&"not published".to_owned()));
    run(&bench, "cat", &["not published"]).expect(0, &["text"]);
}
