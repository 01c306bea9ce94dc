//! What went wrong with a backup, and one command that brings it back.

use std::fs;
use std::path::Path;
use std::process::Output;

use hushfs::fuse::PUBLISH_ATTRIBUTE;
use rustix::fs::{XattrFlags, setxattr};

use super::bench::device::content;
use super::mounted::{Bench, said};

/// Everything so far becomes a state, as it does by itself after a few quiet seconds.
pub fn publish(bench: &Bench) {
    setxattr(bench.mount_point(), PUBLISH_ATTRIBUTE, b"", XattrFlags::empty()).unwrap();
}

/// The id of the newest state.
pub fn newest(bench: &Bench) -> String {
    let mut command = bench.command("history");
    command.arg("--key-file").arg(bench.key_file()).arg("--json").arg(bench.vault());
    let (code, text) = said(&command.output().unwrap());
    assert_eq!(code, 0, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["states"][0]["id"].as_str().unwrap().to_owned()
}

pub fn undelete(bench: &Bench, at: Option<&str>, path: &Path) -> Output {
    let mut command = bench.command("undelete");
    command.args(at.iter().flat_map(|at| ["--at", at])).arg(path).output().unwrap()
}

/// The one entry of the mount whose name starts and ends so.
fn restored(bench: &Bench, start: &str, end: &str) -> std::path::PathBuf {
    let entries = fs::read_dir(bench.mount_point()).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(start) && name.ends_with(end)
    };
    let found: Vec<_> = entries.filter(is_it).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn a_folder_that_ransomware_has_encrypted_is_back_with_one_command() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir_all(bench.at("photos/2026")).unwrap();
    let names: Vec<String> =
        (0..12).map(|nth| format!("photos/{}{nth}.jpg", ["", "2026/"][nth % 2])).collect();
    for (nth, name) in names.iter().enumerate() {
        fs::write(bench.at(name), content(nth as u32, 30_000 + nth * 1000)).unwrap();
    }
    publish(&bench);
    let before = newest(&bench);
    for (nth, name) in names.iter().enumerate() {
        let junk = content(1000 + nth as u32, 31_000);
        // Some of it encrypts in place, some writes a new file and deletes the old one.
        if nth % 3 == 0 {
            fs::write(bench.at(name), &junk).unwrap();
        } else {
            fs::write(bench.at(format!("{name}.locked")), &junk).unwrap();
            fs::remove_file(bench.at(name)).unwrap();
        }
    }
    publish(&bench);
    fs::write(bench.at("photos/READ_ME.txt"), "pay").unwrap();
    publish(&bench);

    let (code, text) = said(&undelete(&bench, Some(&before), &bench.at("photos")));
    assert_eq!(code, 0, "{text}");
    let back = restored(&bench, "photos (restored ", ")");
    for (nth, name) in names.iter().enumerate() {
        let file = back.join(Path::new(name).strip_prefix("photos").unwrap());
        assert!(fs::read(file).unwrap() == content(nth as u32, 30_000 + nth * 1000), "{name}");
    }
    assert_eq!(fs::read_dir(&back).unwrap().count(), 7);
    // In place of what is left, if that is deleted first; and nothing of it needs the history.
    fs::remove_dir_all(bench.at("photos")).unwrap();
    fs::remove_dir_all(&back).unwrap();
    let (code, text) = said(&undelete(&bench, Some(&before), &bench.at("photos")));
    assert_eq!(code, 0, "{text}");
    let (code, text) = said(
        &bench
            .command("collect")
            .args(["--history", "0"])
            .arg(bench.mount_point())
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0, "{text}");
    bench.remount();
    for (nth, name) in names.iter().enumerate() {
        let file = fs::read(bench.at(name)).unwrap();
        assert!(file == content(nth as u32, 30_000 + nth * 1000), "{name}");
    }
    assert!(!bench.at("photos/READ_ME.txt").exists());
}

#[test]
fn a_backup_that_an_empty_one_has_overwritten_is_back_with_one_command() {
    let Some(bench) = Bench::mounted() else { return };
    let good = content(1, 200_000);
    fs::write(bench.at("chats.backup"), &good).unwrap();
    publish(&bench);
    fs::write(bench.at("chats.backup"), b"").unwrap();
    publish(&bench);
    let (code, text) = said(&undelete(&bench, None, &bench.at("chats.backup")));
    assert_eq!(code, 0, "{text}");
    let back = restored(&bench, "chats (restored ", ").backup");
    assert!(fs::read(&back).unwrap() == good);
    assert_eq!(fs::read(bench.at("chats.backup")).unwrap(), b"");
    // Without a mount, the whole vault as it was.
    let before = newest(&bench);
    bench.unmount();
    let out = bench.folder().join("out");
    let mut restore = bench.command("restore");
    restore.args(["--at", &before]).arg("--key-file").arg(bench.key_file());
    let (code, text) = said(&restore.arg(bench.vault()).arg(&out).output().unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(fs::read(out.join(back.file_name().unwrap())).unwrap() == good);
}

#[test]
fn what_a_program_has_just_not_found_is_there_once_it_is_undeleted() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    fs::write(bench.at("folder/file"), "here").unwrap();
    publish(&bench);
    fs::remove_file(bench.at("folder/file")).unwrap();
    fs::remove_dir(bench.at("folder")).unwrap();
    for _ in 0..3 {
        assert!(!bench.at("folder/file").exists() && !bench.at("folder").exists());
    }
    let (code, text) = said(&undelete(&bench, None, &bench.at("folder/file")));
    assert_eq!(code, 0, "{text}");
    assert_eq!(fs::read_to_string(bench.at("folder/file")).unwrap(), "here");
    let (code, text) = said(&undelete(&bench, None, &bench.at("folder")));
    assert!(code == 1 && text.contains("say as of when"), "{text}");
    let (code, text) = said(&undelete(&bench, None, &bench.at("never")));
    assert!(code == 1 && text.contains("no state that can still be had"), "{text}");
    let (code, text) = said(&undelete(&bench, None, &bench.folder().join("elsewhere")));
    assert!(code == 2 && text.contains("in no mount of a vault"), "{text}");
}

#[test]
fn a_vault_is_mounted_as_it_was_beside_the_mount_that_goes_on() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "old").unwrap();
    publish(&bench);
    let before = newest(&bench);
    fs::write(bench.at("file"), "new and longer").unwrap();
    publish(&bench);
    let then = bench.folder().join("then");
    fs::create_dir(&then).unwrap();
    let mut command = bench.mount_command_at(&then);
    let (code, text) = said(&command.args(["--at", &before]).output().unwrap());
    assert_eq!(code, 0, "{text}");
    bench.note_daemon(&then);
    assert_eq!(fs::read_to_string(then.join("file")).unwrap(), "old");
    let refused = fs::write(then.join("file"), "x").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(rustix::io::Errno::ROFS.raw_os_error()));
    fs::write(bench.at("file"), "newer").unwrap();
    publish(&bench);
    assert_eq!(fs::read_to_string(then.join("file")).unwrap(), "old");
    // A mount stands for its vault.
    let mut diff = bench.command("diff");
    diff.arg("--key-file").arg(bench.key_file()).arg(bench.mount_point()).arg(&before);
    assert_eq!(said(&diff.output().unwrap()), (0, "changed  file\n".to_owned()));
    // What asks for the vault's mount does not mean this one.
    let told = bench.run("status", &["--json".as_ref(), bench.vault().as_os_str()], |_| {});
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["mountpoint"], bench.mount_point().to_str().unwrap());
    let (code, text) = said(&bench.run("unmount", &[then.as_os_str()], |_| {}));
    assert_eq!(code, 0, "{text}");
}
