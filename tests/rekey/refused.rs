//! What is refused, and leaves the vault as it was.

use std::fs;
use std::io::Write;

use crate::disk::SmallDisk;
use crate::files::files_below;
use crate::mount_bench::Bench as MountBench;
use crate::program::Said;
use crate::subject::{FIRST, SECOND};
use crate::subject_anew::Filled;

const THIRD: &str = "gannet plover thimble dock";

#[test]
fn a_wrong_old_password_changes_nothing() {
    let filled = Filled::new();
    let before = files_below(&filled.0.vault());
    Said::by(&mut filled.command_between(THIRD, SECOND, &[])).expect(10, &["wrong password"]);
    assert!(!filled.beside().exists());
    assert_eq!(files_below(&filled.0.vault()), before);
}

#[test]
fn what_opens_the_old_vault_is_no_new_way() {
    let filled = Filled::new();
    Said::by(&mut filled.command_between(FIRST, FIRST, &[])).expect(2, &["opens the old vault"]);
    assert!(!filled.beside().exists());
    // Nor does one who knows it get it taken when going on, whatever slots they have put there.
    let put_back = filled.damage();
    filled.rekey(&[]).expect(11, &[]);
    put_back();
    let planted = crate::subject::Subject::new();
    let keys = filled.beside().join("keys");
    for name in planted.slot_files() {
        fs::copy(planted.vault().join("keys").join(&name), keys.join(&name)).unwrap();
    }
    Said::by(&mut filled.command_between(FIRST, FIRST, &[])).expect(2, &["opens the old vault"]);
    assert!(filled.0.opens(FIRST));
    filled.rekey(&[]).expect(0, &[]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}

#[test]
fn a_wrong_new_password_when_going_on_changes_nothing() {
    let filled = Filled::new();
    let put_back = filled.damage();
    filled.rekey(&[]).expect(11, &["data/"]);
    put_back();
    let before = files_below(&filled.beside());
    Said::by(&mut filled.command_between(FIRST, THIRD, &[])).expect(10, &["wrong password"]);
    assert_eq!(files_below(&filled.beside()), before);
    let said = filled.rekey(&["--json"]);
    said.expect(0, &[]);
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(told["sealed"]["found"].as_u64().unwrap() >= 3, "{told}");
}

#[test]
fn a_damaged_pack_is_named_and_the_vault_is_as_it_was() {
    let filled = Filled::new();
    let put_back = filled.damage();
    let before = files_below(&filled.0.vault());
    filled.rekey(&["--delete-old"]).expect(11, &["is damaged", "data/", "hushfs repair"]);
    assert_eq!(files_below(&filled.0.vault()), before);
    // Half of it is there, and nobody takes it for a vault.
    let mut verify = filled.0.command(&["verify", &format!("--password-command=echo {SECOND}")]);
    Said::by(verify.arg(filled.beside())).expect(12, &["has no hushfs.vault"]);
    put_back();
    filled.rekey(&[]).expect(0, &[]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}

#[test]
fn what_somebody_changed_in_the_half_made_vault_is_named_and_can_be_given_up() {
    let filled = Filled::new();
    let put_back = filled.damage();
    filled.rekey(&[]).expect(11, &[]);
    put_back();
    let (path, mut bytes) = files_below(&filled.beside().join("data")).pop_first().unwrap();
    bytes[100] ^= 1;
    fs::write(filled.beside().join("data").join(&path), bytes).unwrap();
    filled.rekey(&["--delete-old"]).expect(11, &[&path, "rekey --abandon"]);
    filled.assert_holds_all(&filled.0.vault(), FIRST);
    filled.0.said(&["rekey", "--abandon"]).expect(0, &["The vault is as it was"]);
    assert!(!filled.beside().exists());
    filled.rekey(&["--delete-old"]).expect(0, &[]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}

#[test]
fn nothing_is_given_up_that_was_not_begun_or_is_complete_or_somebody_elses() {
    let filled = Filled::new();
    filled.0.said(&["rekey", "--abandon"]).expect(2, &["nothing was begun"]);
    fs::create_dir(filled.beside()).unwrap();
    fs::write(filled.beside().join("photo.jpg"), "mine").unwrap();
    filled.0.said(&["rekey", "--abandon"]).expect(2, &["nothing is deleted"]);
    filled.rekey(&[]).expect(1, &["photo.jpg"]);
    fs::remove_dir_all(filled.beside()).unwrap();
    crate::copied::copy_folder(&filled.0.vault(), &filled.beside());
    filled.0.said(&["rekey", "--abandon"]).expect(2, &["holds a whole vault"]);
    fs::remove_file(filled.beside().join("hushfs.vault")).unwrap();
    filled.0.said(&["rekey", "--abandon"]).expect(2, &["slots of the vault itself"]);
    filled.rekey(&[]).expect(10, &["wrong password"]);
    filled.assert_holds_all(&filled.0.vault(), FIRST);
}

#[test]
fn a_script_that_does_not_say_how_to_unlock_the_new_vault_is_told_what_to_pass() {
    let filled = Filled::new();
    let unlock = format!("--password-command=echo {FIRST}");
    for words in [&["rekey", &unlock][..], &["rekey", "--yes", &unlock]] {
        filled.0.said(words).expect(2, &["--new-password-file"]);
    }
    assert!(!filled.beside().exists());
}

#[test]
fn a_vault_that_is_mounted_here_is_refused_with_the_place_of_the_mount() {
    let Some(bench) = MountBench::mounted() else { return };
    let mut command = bench.command("rekey");
    command.args(["--yes", "--new-password-command=echo walnut ferry cobalt hinge", "--key-file"]);
    let said = Said::by(command.arg(bench.key_file()).arg(bench.vault()));
    said.expect(13, &["is in use on this machine", bench.mount_point().to_str().unwrap()]);
}

#[test]
fn a_disk_that_is_too_small_is_said_before_and_one_that_becomes_full_loses_nothing() {
    let filled = Filled::new();
    let Some(_disk) = SmallDisk::at(&filled.0.place("small"), 24) else { return };
    let vault = filled.0.place("small/vault");
    crate::copied::copy_folder(&filled.0.vault(), &vault);
    let rekey = || {
        let mut command = filled.0.command(&["rekey", "--yes", "--delete-old"]);
        command.arg(format!("--password-command=echo {FIRST}"));
        Said::by(command.arg(format!("--new-password-command=echo {SECOND}")).arg(&vault))
    };
    let obstacle = filled.0.place("small/obstacle");
    let fill_but = |left_bytes: u64| {
        let mut file = fs::File::create(&obstacle).unwrap();
        let free = || rustix::fs::statvfs(&vault).map(|it| it.f_bfree * it.f_frsize).unwrap();
        while free() > left_bytes && file.write_all(&[1; 4096]).is_ok() {}
    };
    fill_but(1_000_000);
    rekey().expect(1, &["nothing was begun"]);
    assert!(!filled.0.place("small/vault (rekeying)").exists());
    fs::remove_file(&obstacle).unwrap();
    // Begun, and then something else takes the room.
    let pack = files_below(&vault.join("data")).pop_last().unwrap();
    let place = vault.join("data").join(&pack.0);
    fs::write(&place, b"").unwrap();
    rekey().expect(11, &[]);
    fs::write(&place, &pack.1).unwrap();
    fill_but(0);
    rekey().expect(1, &["no space left", "it goes on"]);
    filled.assert_holds_all(&vault, FIRST);
    fs::remove_file(&obstacle).unwrap();
    rekey().expect(0, &["The old vault is deleted"]);
    filled.assert_holds_all(&vault, SECOND);
}
