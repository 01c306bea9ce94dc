//! `status`, and the exit codes of what goes wrong.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::bench::{Bench, said};

fn json(bench: &Bench, place: &Path) -> Value {
    let told = bench.run("status", &["--json".as_ref(), place.as_os_str()], |_| {});
    assert!(told.status.success(), "{told:?}");
    serde_json::from_slice(&told.stdout).unwrap()
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_status_of_a_mount_has_every_field_a_script_asks_for() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    fs::write(bench.at("folder/file"), vec![1; 100_000]).unwrap();
    let of_mount = json(&bench, &bench.mount_point());
    assert_eq!(of_mount["vault"], text_of(&bench.vault()));
    assert_eq!(of_mount["mountpoint"], text_of(&bench.mount_point()));
    assert_eq!(of_mount["state_folder"], text_of(&bench.state()));
    assert_eq!(of_mount["files"], 2);
    assert!(of_mount["content_bytes"].as_u64().unwrap() >= 100_000);
    assert!(of_mount["unpublished_operations"].as_u64().unwrap() > 0);
    assert!(of_mount["unpublished_bytes"].as_u64().unwrap() >= 100_000);
    assert_eq!(of_mount["slots"], 1);
    assert_eq!(of_mount["read_only"], Value::Null);
    assert_eq!(of_mount["publish_error"], Value::Null);
    assert_eq!(of_mount["last_publish"], Value::Null);
    assert_eq!(of_mount["damage"], Value::Array(vec![]));
    assert_eq!(of_mount["vault_id"].as_str().unwrap().len(), 32);
    assert!(of_mount["mounted_since"].as_i64().unwrap() > 1_700_000_000);
    let pid = of_mount["pid"].as_u64().unwrap();
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name.trim_end(), "hushfs");

    let of_vault = json(&bench, &bench.vault());
    assert_eq!(of_vault["pid"], of_mount["pid"], "the vault's status is that of its mount");

    bench.remount();
    let later = json(&bench, &bench.mount_point());
    assert_eq!(later["vault_id"], of_mount["vault_id"]);
    assert_eq!(later["files"], 2);
    assert_eq!(
        (&later["unpublished_operations"], &later["unpublished_bytes"]),
        (&0.into(), &0.into())
    );
    assert!(later["objects"].as_u64().unwrap() >= 2, "a pack and a log object");
    assert!(later["object_bytes"].as_u64().unwrap() >= 100_000);
    assert_eq!(later["devices"].as_array().unwrap().len(), 1);
    assert_eq!(later["devices"][0]["this_device"], true);
}

#[test]
fn the_status_of_a_locked_vault_needs_no_key() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    let id = bench.status().vault_id;
    bench.unmount();
    fs::remove_file(bench.key_file()).unwrap();
    let locked = json(&bench, &bench.vault());
    assert_eq!(locked["vault"], text_of(&bench.vault()));
    assert_eq!(locked["vault_id"], id);
    assert!(locked["objects"].as_u64().unwrap() >= 2);
    assert_eq!(locked["slots"], 1);
    assert_eq!(locked["unpublished"], false);
    let (code, text) = said(&bench.run("status", &[bench.vault().as_os_str()], |_| {}));
    assert_eq!(code, 0);
    assert!(text.contains("not mounted"), "{text}");
}

#[test]
fn a_status_without_a_place_lists_what_is_mounted() {
    let Some(bench) = Bench::mounted() else { return };
    let (code, text) = said(&bench.run("status", &[], |_| {}));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(text_of(&bench.mount_point())), "{text}");
    let told = bench.run("status", &["--json".as_ref()], |_| {});
    let all: Value = serde_json::from_slice(&told.stdout).unwrap();
    let ours = |mount: &&Value| mount["mountpoint"] == text_of(&bench.mount_point());
    assert_eq!(all.as_array().unwrap().iter().filter(ours).count(), 1);
}

#[test]
fn the_status_of_what_is_no_mount_or_a_dead_one_is_a_failure() {
    let Some(bench) = Bench::mounted() else { return };
    bench.kill();
    let (code, text) = said(&bench.run("status", &[bench.mount_point().as_os_str()], |_| {}));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("its daemon has ended"), "{text}");
    bench.unmount();
    for command in ["status", "unmount"] {
        let (code, text) = said(&bench.run(command, &[bench.mount_point().as_os_str()], |_| {}));
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("nothing is mounted here"), "{text}");
    }
}

#[test]
fn a_wrong_password_or_key_exits_with_10_and_mounts_nothing() {
    let (Some(bench), Some(other)) = (Bench::new(), Bench::new()) else { return };
    fs::remove_file(bench.key_file()).unwrap();
    fs::copy(other.key_file(), bench.key_file()).unwrap();
    let (code, text) = said(&bench.try_mount::<&str>(&[]));
    assert_eq!(code, 10, "{text}");
    assert!(!super::bench::is_mounted(&bench.mount_point()));

    let Some(bench) = Bench::empty() else { return };
    fs::write(bench.password_file(), "marmot brazier lectern oxbow\n").unwrap();
    let password = ["--password-file".as_ref(), bench.password_file().leak().as_os_str()];
    let made = bench.run("init", &[&["--yes".as_ref()], &password[..]].concat(), |command| {
        command.arg(bench.vault());
    });
    assert!(made.status.success(), "{made:?}");
    let mount = || {
        bench.run("mount", &password, |command| {
            command
                .arg("--state-dir")
                .arg(bench.state())
                .arg(bench.vault())
                .arg(bench.mount_point());
        })
    };
    fs::write(bench.password_file(), "marmot brazier lectern oxbov\n").unwrap();
    let (code, text) = said(&mount());
    assert_eq!(code, 10, "{text}");
    fs::write(bench.password_file(), "marmot brazier lectern oxbow\n").unwrap();
    let (code, text) = said(&mount());
    assert_eq!(code, 0, "{text}");
    bench.note_daemon(&bench.mount_point());
}

#[test]
fn what_is_no_vault_or_a_newer_one_exits_with_12() {
    let Some(bench) = Bench::new() else { return };
    let descriptor = bench.vault().join("hushfs.vault");
    let mut bytes = fs::read(&descriptor).unwrap();
    // The version follows the magic. See docs/format.md.
    let version = bytes.iter().position(|byte| *byte == 1).unwrap();
    bytes[version] = 2;
    fs::write(&descriptor, &bytes).unwrap();
    let (code, text) = said(&bench.try_mount::<&str>(&[]));
    assert_eq!(code, 12, "{text}");
    assert!(text.contains("newer"), "{text}");

    fs::remove_dir_all(bench.vault()).unwrap();
    fs::create_dir(bench.vault()).unwrap();
    for _ in 0..2 {
        let (code, text) = said(&bench.try_mount::<&str>(&[]));
        assert_eq!(code, 12, "{text}");
        fs::write(bench.vault().join("photo.jpg"), "x").unwrap();
    }
}

#[test]
fn a_damaged_log_exits_with_11_and_is_still_readable_where_that_is_asked_for() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    bench.unmount();
    let logs = fs::read_dir(bench.vault().join("log")).unwrap();
    let log = logs.map(|entry| entry.unwrap().path()).next().unwrap();
    let whole = fs::read(&log).unwrap();
    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&log, &bytes).unwrap();
    let (code, text) = said(&bench.try_mount::<&str>(&[]));
    assert_eq!(code, 11, "{text}");
    fs::write(&log, &whole).unwrap();
    bench.mount();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"x");
}
