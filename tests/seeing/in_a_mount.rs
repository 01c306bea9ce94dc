//! Vaults that are mounted: the mount is looked at, and nothing is asked for.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use hushfs::fuse::PUBLISH_ATTRIBUTE;
use rustix::fs::{XattrFlags, setxattr};
use serde_json::Value;

use crate::bench::device::content;
use crate::mounted::{Bench, said};

/// Runs a command that could unlock nothing: there is no key in its arguments, and nobody to ask.
fn seen(bench: &Bench, command: &str, arguments: &[&OsStr]) -> String {
    let (code, text) = said(&bench.run(command, arguments, |_| {}));
    assert_eq!(code, 0, "{text}");
    text
}

fn publish(bench: &Bench) {
    setxattr(bench.mount_point(), PUBLISH_ATTRIBUTE, b"", XattrFlags::empty()).unwrap();
}

#[test]
fn a_mount_is_seen_without_a_key_by_its_vault_and_by_any_path_in_it() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir_all(bench.at("chats/2026")).unwrap();
    fs::write(bench.at("chats/2026/a"), content(1, 30_000)).unwrap();
    let copied = fs::copy(bench.at("chats/2026/a"), bench.at("chats/b")).unwrap();
    assert_eq!(copied, 30_000);
    symlink("2026", bench.at("chats/link")).unwrap();
    let (vault, mount, chats) = (bench.vault(), bench.mount_point(), bench.at("chats"));
    let chats_of: [&[&OsStr]; 3] = [
        &[vault.as_ref(), "chats".as_ref()],
        &[mount.as_ref(), "chats".as_ref()],
        &[chats.as_ref()],
    ];
    for place in chats_of {
        assert_eq!(seen(&bench, "ls", place), "2026\nb\nlink\n");
        let found = seen(&bench, "find", place);
        assert_eq!(found, "chats/2026\nchats/2026/a\nchats/b\nchats/link\n");
        let arguments = [place, &["--json".as_ref()]].concat();
        let told: Value = serde_json::from_str(&seen(&bench, "du", &arguments)).unwrap();
        let sum = told.as_array().unwrap().last().unwrap();
        assert_eq!((&sum["path"], &sum["held_bytes"]), (&"chats".into(), &60_000.into()));
    }
    let of = [chats.as_os_str(), "2026/a".as_ref()];
    let cat = bench.run("cat", &of, |_| {});
    assert!(cat.stdout == content(1, 30_000), "{cat:?}");
    let (code, text) = said(&bench.run("ls", &[chats.as_ref(), "link/a".as_ref()], |_| {}));
    assert!(code == 1 && text.contains("no such file"), "{text}");
    // From within it, too.
    let within = bench.run("ls", &[".".as_ref()], |command| {
        command.current_dir(bench.at("chats/2026"));
    });
    assert_eq!(said(&within), (0, "a\n".to_owned()));
}

#[test]
fn an_earlier_state_of_a_mount_is_seen_without_a_key() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    fs::write(bench.at("folder/gone"), content(1, 50_000)).unwrap();
    fs::write(bench.at("folder/changed"), "old").unwrap();
    publish(&bench);
    let mut history = bench.command("history");
    let history = history.arg("--key-file").arg(bench.key_file()).arg("--json").arg(bench.vault());
    let history: Value = serde_json::from_slice(&history.output().unwrap().stdout).unwrap();
    let id = history["states"][0]["id"].as_str().unwrap().to_owned();
    fs::remove_dir_all(bench.at("folder")).unwrap();
    fs::write(bench.at("new"), "new").unwrap();
    publish(&bench);
    // A path in the mount that is there no more, or the vault's folder with a path.
    let (vault, folder) = (bench.vault(), bench.at("folder"));
    let places: [&[&OsStr]; 2] = [&[folder.as_ref()], &[vault.as_ref(), "folder".as_ref()]];
    for place in places {
        let at = [&["--at".as_ref(), id.as_ref()], place].concat();
        let listed = bench.run("ls", &at, |_| {});
        assert_eq!(listed.stdout, b"changed\ngone\n", "{listed:?}");
        let told = bench.run("du", &[&["--json".as_ref()], &at[..]].concat(), |_| {});
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told[0]["held_bytes"], 50_003);
    }
    for at in ["now", "0s"] {
        let listed = bench.run("ls", &["--at".as_ref(), at.as_ref(), vault.as_ref()], |_| {});
        assert_eq!(listed.stdout, b"new\n", "{listed:?}");
    }
    let at = ["--at".as_ref(), "1999-01-01".as_ref()];
    let mount = bench.mount_point();
    let (code, text) = said(&bench.run("ls", &[&at[..], &[mount.as_os_str()]].concat(), |_| {}));
    assert!(code == 1 && text.contains("there was nothing in the vault then"), "{text}");
}

#[test]
fn a_mount_that_shows_no_history_leaves_it_to_the_key() {
    let Some(bench) = Bench::new() else { return };
    let mounted = bench.try_mount(&["--no-history-folder"]);
    assert!(mounted.status.success(), "{mounted:?}");
    fs::write(bench.at("old"), "old").unwrap();
    publish(&bench);
    let listed = bench.run("ls", &["--at".as_ref(), "now".as_ref()], |command| {
        command.arg("--key-file").arg(bench.key_file()).arg(bench.mount_point());
    });
    assert_eq!(listed.stdout, b"old\n", "{listed:?}");
}

#[test]
fn a_dead_mount_does_not_keep_a_vault_from_being_seen() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "text").unwrap();
    publish(&bench);
    bench.kill();
    let listed = bench.run("ls", &["--key-file".as_ref()], |command| {
        command.arg(bench.key_file()).arg("--state-dir").arg(bench.state()).arg(bench.vault());
    });
    assert_eq!(listed.stdout, b"file\n", "{listed:?}");
}

#[test]
fn what_is_damaged_ends_a_file_of_a_mount_with_the_code_for_damage() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), content(1, 100_000)).unwrap();
    bench.unmount();
    let pack = packs(&bench.vault()).pop().unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    bench.mount();
    let cat = bench.run("cat", &[bench.at("file").as_os_str()], |_| {});
    assert_eq!(cat.status.code(), Some(11), "{}", String::from_utf8_lossy(&cat.stderr));
    assert!(content(1, 100_000).starts_with(&cat.stdout) && cat.stdout.len() >= 45_000);
}

fn packs(vault: &Path) -> Vec<std::path::PathBuf> {
    let found = Command::new("find").arg(vault.join("data")).args(["-name", "*.pack"]).output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    found.lines().map(Into::into).collect()
}
