//! `status --watch`: lines for programs, and at a terminal what that can show.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::bench::{Bench, HUSHFS, said};

#[test]
fn a_line_a_look_goes_to_a_pipe_until_the_mount_ends() {
    let Some(bench) = Bench::mounted() else { return };
    let watch = |more: &[&str]| {
        let mut command = bench.command("status");
        command.arg("--watch").args(more).arg(bench.vault());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (mut lines, mut json) = (watch(&[]), watch(&["--json"]));
    let mut reader = BufReader::new(lines.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert!(first.contains("reads 0 bytes/s; writes 0 bytes/s; waiting "), "{first}");
    fs::write(bench.at("file"), vec![1; 100_000]).unwrap();
    let mut line = String::new();
    while !line.contains("kB/s") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended");
    }
    let mut told = BufReader::new(json.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(r#""written_bytes":100000"#) {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended");
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
    }
    bench.unmount();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    told.read_to_string(&mut rest).unwrap();
    for watch in [lines, json] {
        let ended = watch.wait_with_output().unwrap();
        assert_eq!(said(&ended), (0, "hushfs: unmounted\n".to_owned()));
    }
    let (code, text) = said(&bench.run("status", &["-w".as_ref(), bench.vault().as_ref()], |_| {}));
    assert!(code == 1 && text.contains("nothing to watch"), "{text}");
}

#[test]
fn whoever_stops_reading_ends_it() {
    let Some(bench) = Bench::mounted() else { return };
    let mut command = bench.command("status");
    command.arg("--watch").arg(bench.mount_point());
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(watch.stdout.take());
    assert_eq!(said(&watch.wait_with_output().unwrap()), (0, String::new()));
}

#[test]
fn a_terminal_is_drawn_over_only_where_that_is_wanted() {
    let Some(bench) = Bench::mounted() else { return };
    let watch = |term: &str, no_color: &str| {
        // It gives a command a terminal.
        let mut command = Command::new("script");
        let mount_point = bench.mount_point();
        let line = format!(
            "stty cols 100 rows 30; exec {HUSHFS} status --watch {}",
            mount_point.display()
        );
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.env("TERM", term).env("NO_COLOR", no_color);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    };
    for (term, no_color, is_drawn) in
        [("xterm", "", true), ("dumb", "", false), ("xterm", "1", false)]
    {
        let mut child = watch(term, no_color);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("in the vault") {
            let count = stdout.fill_buf().unwrap().len();
            assert!(count > 0, "it ended: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(stdout.buffer());
            stdout.consume(count);
        }
        bench.unmount();
        stdout.read_to_end(&mut seen).unwrap();
        child.wait().unwrap();
        assert_eq!(seen.contains(&0x1b), is_drawn, "{}", String::from_utf8_lossy(&seen));
        bench.mount();
    }
}
