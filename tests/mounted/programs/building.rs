//! Version control and compilers: many small files, renames, and times that decide what is done.

use std::fs;
use std::process::Command;

use super::super::bench::Bench;
use super::{is_there, run};

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
fn cargo_builds_and_the_second_time_has_nothing_to_do() {
    let Some(bench) = Bench::mounted() else { return };
    if !is_there("cargo") {
        return;
    }
    let package = bench.at("package");
    fs::create_dir_all(package.join("src")).unwrap();
    let manifest = "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/lib.rs"), "pub fn text() -> &'static str { \"built\" }\n").unwrap();
    let main = "fn main() { println!(\"{}\", small::text()); }\n";
    fs::write(package.join("src/main.rs"), main).unwrap();
    // Library and program, in this order; what was built before is fresh.
    let build = || -> Vec<bool> {
        let arguments =
            ["build", "--offline", "--target-dir", "target", "--message-format", "json"];
        let told = run(&package, "cargo", &arguments);
        let fresh = told.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).unwrap();
            message["fresh"].as_bool()
        });
        fresh.collect()
    };
    let says = |expected: &str| {
        let output = Command::new(package.join("target/debug/small")).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected);
    };
    assert_eq!(build(), [false, false]);
    says("built");
    assert_eq!(build(), [true, true], "right away");
    bench.remount();
    assert_eq!(build(), [true, true], "after a new mount");
    fs::write(package.join("src/main.rs"), main.replace("{}", "{} again")).unwrap();
    assert_eq!(build(), [true, false], "after a change of one file");
    says("built again");
}
