//! The program as a script sees it: exit codes, messages, and what `init` leaves on disk.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::store::VaultFolder;

fn hushfs(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hushfs"))
        .args(arguments)
        .env("HUSHFS_STRETCH", "floor")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The exit code, and all that was said.
fn said(arguments: &[&str]) -> (i32, String) {
    let output = hushfs(arguments);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn open(vault: &Path, how: UnlockArgs) -> Unlocked {
    unlock(vault, &VaultFolder::new(std::sync::Arc::new(hushfs::store::HostDisk), vault), &how)
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn wrong_usage_exits_with_2_and_names_what_is_wrong() {
    for (arguments, expected) in [
        (&[][..], "Usage"),
        (&["frobnicate"], "frobnicate"),
        (&["mount", "v"], "MOUNTPOINT"),
        (&["mount", "v", "m", "-o", "rw,bogus"], "“bogus”"),
        (&["v", "m", "-o", "rw,bogus"], "“bogus”"),
        (&["v", "m", "-o", "key_file"], "needs a value"),
        (
            &["mount", "--key-file", "k", "v", "m", "-o", "password_file=p"],
            "more than one way to unlock",
        ),
        (&["verify", "--key-file", "k", "--password-file", "p", "v"], "cannot be used with"),
        (&["init", "--chunk-size", "5000", "v"], "power of two"),
        (&["init", "v"], "--yes"),
        (&["init", "--yes", "v"], "--password-file"),
    ] {
        let (code, text) = said(arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn help_has_every_command_and_exit_code() {
    let (code, help) = said(&["--help"]);
    assert_eq!(code, 0);
    let commands = ["init", "mount", "unmount", "status", "verify", "restore", "key", "passwd"];
    for command in commands {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
        let (code, help) = said(&[command, "--help"]);
        assert_eq!(code, 0);
        assert!(help.contains("Example"), "{command}");
        assert!(help.contains(&format!("hushfs {command}")), "{command}");
    }
    for code in ["0  done", "10  wrong password or key", "13  "] {
        assert!(help.contains(code), "{code}");
    }
    let (code, version) = said(&["--version"]);
    assert_eq!(code, 0);
    assert_eq!(version.trim_end(), format!("hushfs {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn init_makes_a_vault_that_password_and_key_open_and_that_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, key) = (folder.path().join("vault"), folder.path().join("key"));
    let arguments = [
        "init",
        "--yes",
        "--password-command",
        "echo 'marmot brazier lectern oxbow'",
        "--key-file",
        text(&key),
        "--chunk-size",
        "64K",
        text(&vault),
    ];
    let (code, output) = said(&arguments);
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("hushfs mount"), "{output}");
    assert!(output.contains("has lost the backup"), "{output}");

    let by_key = open(&vault, UnlockArgs { key_file: Some(key.clone()), ..UnlockArgs::default() });
    let by_password = open(
        &vault,
        UnlockArgs {
            password_command: Some("echo marmot brazier lectern oxbow; echo more".to_owned()),
            ..UnlockArgs::default()
        },
    );
    assert_eq!(by_key.descriptor, by_password.descriptor);
    assert_eq!(by_key.descriptor.chunk_size.bytes(), 65536);

    for name in ["", "keys", "log", "data"] {
        assert_eq!(mode(&vault.join(name)), 0o700, "{name}");
    }
    let slots: Vec<_> =
        fs::read_dir(vault.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(slots.len(), 2);
    let files = ["hushfs.vault", "README.txt"].map(|name| vault.join(name));
    for file in slots.iter().chain(&files).chain([&key]) {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let digits = fs::read_to_string(&key).unwrap();
    let groups: Vec<_> = digits.lines().map(|line| line.split(' ').count()).collect();
    assert_eq!(groups, [4, 4, 4, 4]);

    let (code, output) = said(&["init", "--yes", "--key-file", "/nonexistent/k", text(&vault)]);
    assert_eq!(code, 1);
    assert!(output.contains("is a vault already"), "{output}");
}

#[test]
fn a_weak_password_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    let (code, output) =
        said(&["init", "--yes", "--password-command", "echo password1", text(&vault)]);
    assert_eq!(code, 0);
    assert!(output.contains("common password"), "{output}");
}

#[test]
fn a_password_file_that_others_can_read_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, file) = (folder.path().join("vault"), folder.path().join("pw"));
    fs::write(&file, "marmot brazier lectern oxbow\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, output) = said(&["init", "--yes", "--password-file", text(&file), text(&vault)]);
    assert_eq!(code, 0);
    assert!(output.contains("chmod 600"), "{output}");
}

#[test]
fn init_never_overwrites_a_key_and_never_puts_one_into_the_vault() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, key) = (folder.path().join("vault"), folder.path().join("key"));
    fs::write(&key, "precious").unwrap();
    let (code, output) = said(&["init", "--yes", "--key-file", text(&key), text(&vault)]);
    assert_eq!(code, 1);
    assert!(output.contains("exists already"), "{output}");
    assert_eq!(fs::read_to_string(&key).unwrap(), "precious");
    assert!(!vault.exists());

    fs::create_dir(&vault).unwrap();
    let inside = vault.join("key");
    let (code, output) = said(&["init", "--yes", "--key-file", text(&inside), text(&vault)]);
    assert_eq!(code, 2);
    assert!(output.contains("would be uploaded"), "{output}");
    assert_eq!(fs::read_dir(&vault).unwrap().count(), 0);
}

#[test]
fn an_init_that_fails_takes_its_key_file_back() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    // No folder can be made there, which shows only when it is tried.
    let vault = "/proc/hushfs-test";
    let (code, output) = said(&["init", "--yes", "--key-file", text(&key), vault]);
    assert_eq!(code, 1, "{output}");
    assert!(!key.exists());
}

#[test]
fn a_folder_in_use_is_refused_with_what_to_do_instead() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path();
    let arguments = ["init", "--yes", "--password-command", "echo x", text(vault)];
    fs::write(vault.join("photo.jpg"), b"").unwrap();
    let (code, output) = said(&arguments);
    assert_eq!(code, 1);
    assert!(output.contains("“photo.jpg”") && output.contains("/vault"));
    fs::remove_file(vault.join("photo.jpg")).unwrap();
    fs::create_dir(vault.join("keys")).unwrap();
    let (code, output) = said(&arguments);
    assert_eq!(code, 1);
    assert!(output.contains("interrupted"), "{output}");
    fs::remove_dir(vault.join("keys")).unwrap();
    fs::create_dir(vault.join(".stfolder")).unwrap();
    assert_eq!(said(&arguments).0, 0);
}
