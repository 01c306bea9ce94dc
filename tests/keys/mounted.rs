//! With the help of a mount of this device.

use std::fs;
use std::path::Path;

use hushfs::fs::SlotEntry;
use hushfs::fuse::{ADD_SLOT_ATTRIBUTE, SLOTS_ATTRIBUTE};
use rustix::fs::{XattrFlags, setxattr};

use crate::bench::Bench;
use crate::program::Said;
use crate::subject::{FIRST, SECOND, new};

fn said(bench: &Bench, command: &str, words: &[&str], place: &Path) -> Said {
    Said::by(bench.command(command).args(words).arg(place))
}

fn opens(bench: &Bench, password: &str) -> bool {
    let by = format!("--password-command=echo {password}");
    said(bench, "key", &["test", &by], &bench.vault()).code == 0
}

fn slots(bench: &Bench) -> Vec<SlotEntry> {
    let said = said(bench, "key", &["list", "--json"], &bench.vault());
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_forgotten_password_is_reset_where_the_vault_is_mounted_and_nothing_is_asked() {
    let Some(bench) = Bench::mounted() else { return };
    // As many a person has it: a password, which is then forgotten.
    let add = ["add", "--password", "--yes", &new(FIRST)];
    said(&bench, "key", &add, &bench.vault()).expect(0, &["is added"]);
    assert!(opens(&bench, FIRST));
    let reset = ["--forgotten", "--yes", &new(SECOND)];
    said(&bench, "passwd", &reset, &bench.vault())
        .expect(0, &["Removed slot", "These open the vault", "64-digit key", "old copy"]);
    assert!(!opens(&bench, FIRST) && opens(&bench, SECOND));
    // Named by the mount point, and by itself.
    let third = "pewter gondola thicket ample";
    said(&bench, "passwd", &["--yes", &new(third)], &bench.mount_point()).expect(0, &[]);
    bench.unmount();
    assert!(!opens(&bench, SECOND) && opens(&bench, third));
    let by = format!("--password-command=echo {third}");
    let args = ["--yes".to_owned(), by, bench.folder().join("out").display().to_string()];
    let restore = ["--password-command", &args[1][19..]];
    Said::by(bench.command("restore").args(restore).arg(bench.vault()).arg(&args[2]))
        .expect(0, &[]);
}

#[test]
fn a_mount_lists_and_removes_slots_and_names_the_device_that_made_them() {
    let Some(bench) = Bench::mounted() else { return };
    let add = ["add", "--password", "--yes", "--name", "ann", &new(FIRST)];
    said(&bench, "key", &add, &bench.mount_point()).expect(0, &[]);
    let listed = slots(&bench);
    assert_eq!(listed.len(), 2);
    let added = listed.iter().find(|slot| slot.name.as_deref() == Some("ann")).unwrap();
    let device = bench.status().devices.into_iter().find(|device| device.this_device);
    if let Some(device) = device {
        assert_eq!(added.device_id.as_deref(), Some(&*device.id));
    }
    assert!(added.device_id.is_some());
    said(&bench, "key", &["remove", "--yes", "ann"], &bench.vault()).expect(0, &["Removed"]);
    assert!(!opens(&bench, FIRST));
    let last = slots(&bench).remove(0).id;
    said(&bench, "key", &["remove", "--yes", &last], &bench.vault()).expect(1, &["the last one"]);
}

#[test]
fn a_key_is_not_written_where_it_is_locked_up_with_what_it_opens() {
    let Some(bench) = Bench::mounted() else { return };
    let file = format!("--new-key-file={}", bench.at("key").display());
    said(&bench, "key", &["add", "--key", "--yes", &file], &bench.vault())
        .expect(2, &["is in the mount of the vault"]);
    let by = format!("--key-file={}", bench.key_file().display());
    said(&bench, "key", &["add", "--key", "--yes", &file, &by], &bench.vault())
        .expect(2, &["is in the mount of the vault"]);
    assert!(!bench.at("key").exists());
    assert_eq!(slots(&bench).len(), 1);
}

#[test]
fn a_read_only_mount_adds_nothing_and_says_what_does() {
    let Some(bench) = Bench::new() else { return };
    assert!(bench.try_mount(&["--read-only"]).status.success());
    let reset = ["--forgotten", "--yes", &new(SECOND)];
    said(&bench, "passwd", &reset, &bench.vault()).expect(1, &["read-only", "--key-file"]);
    let key = format!("--key-file={}", bench.key_file().display());
    said(&bench, "passwd", &["--yes", &key, &new(SECOND)], &bench.vault()).expect(0, &[]);
    assert!(opens(&bench, SECOND));
}

#[test]
fn a_mount_that_was_killed_cannot_be_asked_and_the_key_still_helps() {
    let Some(bench) = Bench::mounted() else { return };
    bench.kill();
    let reset = ["--forgotten", "--yes", &new(SECOND)];
    said(&bench, "passwd", &reset, &bench.vault()).expect(2, &["is not mounted on this device"]);
    let key = format!("--key-file={}", bench.key_file().display());
    said(&bench, "passwd", &["--yes", &key, &new(SECOND)], &bench.vault()).expect(0, &[]);
    assert!(opens(&bench, SECOND));
}

#[test]
fn what_is_no_request_makes_no_slot() {
    let Some(bench) = Bench::mounted() else { return };
    let before = fs::read_dir(bench.vault().join("keys")).unwrap().count();
    for request in [&b""[..], b"x", &[0; 126], &[0xFF; 4096]] {
        let set = setxattr(bench.mount_point(), ADD_SLOT_ATTRIBUTE, request, XattrFlags::empty());
        assert_eq!(set, Err(rustix::io::Errno::INVAL));
    }
    assert_eq!(fs::read_dir(bench.vault().join("keys")).unwrap().count(), before);
    let mut told = vec![0; 65_536];
    let length = rustix::fs::getxattr(bench.mount_point(), SLOTS_ATTRIBUTE, &mut told[..]).unwrap();
    let told: Vec<SlotEntry> = serde_json::from_slice(&told[..length]).unwrap();
    assert_eq!(told.len(), before);
}
