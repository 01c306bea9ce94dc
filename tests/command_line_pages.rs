//! What shells and man(1) are told of the commands.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::fs;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use hushfs::cli::args::CommandLine;

fn hushfs(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushfs"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The names of all commands that the help shows.
fn commands() -> Vec<String> {
    let program = CommandLine::command();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn every_command_has_a_man_page_that_man_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert!(hushfs(&["man", pages.to_str().unwrap()]).status.success());
    let mut names = vec!["hushfs".to_owned()];
    names.extend(commands().iter().map(|name| format!("hushfs-{name}")));
    assert!(names.len() > 15, "{names:?}");
    for name in &names {
        let page = pages.join(format!("{name}.1"));
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains(".SH SYNOPSIS") && text.contains(".SH DESCRIPTION"), "{name}");
        // The examples of the long help.
        let has_examples = text.contains("Example") || name == "hushfs";
        assert!(has_examples, "{name}");
        if let Ok(formatted) =
            Command::new("groff").args(["-man", "-Tutf8", "-ww", "-Kutf8"]).arg(&page).output()
        {
            let warnings = String::from_utf8_lossy(&formatted.stderr).into_owned();
            assert!(formatted.status.success() && warnings.is_empty(), "{name}: {warnings}");
        }
    }
    let there = fs::read_dir(&pages).unwrap().count();
    assert_eq!(there, names.len(), "no page is of anything else");
}

#[test]
fn bash_accepts_the_completions_and_completes_every_command_by_them() {
    let script = hushfs(&["completions", "bash"]);
    assert!(script.status.success());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hushfs");
    fs::write(&file, &script.stdout).unwrap();
    let checked = Command::new("bash").arg("-n").arg(&file).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    let ask = r#"source "$1"; COMP_WORDS=(hushfs ""); COMP_CWORD=1; _hushfs hushfs "" hushfs; echo "${COMPREPLY[*]}""#;
    let completed = Command::new("bash").args(["-c", ask, "bash"]).arg(&file).output().unwrap();
    let words = String::from_utf8(completed.stdout).unwrap();
    let words: Vec<&str> = words.split_whitespace().collect();
    for command in commands() {
        assert!(words.contains(&command.as_str()), "{command} is not in {words:?}");
    }
    assert!(!words.contains(&"man"), "what the help hides is not completed");
}

#[test]
fn zsh_and_fish_have_completions_and_other_shells_are_told_of() {
    for (shell, expected) in [("zsh", "#compdef hushfs"), ("fish", "complete -c hushfs")] {
        let script = hushfs(&["completions", shell]);
        let text = String::from_utf8(script.stdout).unwrap();
        assert!(script.status.success() && text.contains(expected), "{shell}");
        if let Ok(checked) = Command::new(shell).arg("--version").output()
            && checked.status.success()
        {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("script");
            fs::write(&file, text).unwrap();
            let checked = Command::new(shell).arg("-n").arg(&file).output().unwrap();
            assert!(checked.status.success(), "{checked:?}");
        }
    }
    assert_eq!(hushfs(&["completions", "nosuch"]).status.code(), Some(2));
}
