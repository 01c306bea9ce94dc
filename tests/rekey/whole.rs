//! The command from the start to the end.

use std::fs;

use crate::bench::device::content;
use crate::copied::copy_folder;
use crate::names::names;
use crate::program::Said;
use crate::subject::{FIRST, SECOND};
use crate::subject_anew::Filled;

#[test]
fn the_new_password_opens_the_same_files_at_the_same_place_and_the_old_one_only_the_old_vault() {
    let filled = Filled::new();
    let ids = |password: &str, vault| {
        let unlock = format!("--password-command=echo {password}");
        let said = Said::by(filled.0.command(&["history", "--json", &unlock]).arg(vault));
        said.expect(0, &[]);
        serde_json::from_str::<serde_json::Value>(&said.stdout).unwrap()
    };
    let before = ids(FIRST, filled.0.vault());
    let said = filled.rekey(&["--json"]);
    said.expect(0, &["“hushfs key add”", "Whoever has copied the old vault"]);
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let kept = filled.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(told["old"], kept[0].to_str().unwrap());
    assert_eq!(
        (&told["sealed"]["found"], &told["sealed"]["left"]),
        (&0.into(), &serde_json::json!([]))
    );
    filled.assert_holds_all(&filled.0.vault(), SECOND);
    filled.assert_holds_all(&kept[0], FIRST);
    assert!(!filled.0.opens(FIRST) && filled.0.opens(SECOND) && !filled.0.opens_with_key());
    assert!(!filled.beside().exists());
    let after = ids(SECOND, filled.0.vault());
    let count = |states: &serde_json::Value| states.to_string().matches("published").count();
    assert_eq!(count(&before), count(&after));
    // Once more, with the old one of before still there.
    Said::by(&mut filled.command_between(SECOND, FIRST, &["--delete-old"]))
        .expect(0, &["The old vault is deleted"]);
    filled.assert_holds_all(&filled.0.vault(), FIRST);
    assert_eq!(filled.kept(), kept);
}

#[test]
fn the_old_vault_is_deleted_where_the_command_line_says_so_and_nothing_else_is() {
    let filled = Filled::new();
    let stranger = filled.0.vault().join("notes.txt");
    fs::write(&stranger, "mine").unwrap();
    fs::create_dir(filled.0.vault().join(".stfolder")).unwrap();
    filled.rekey(&["--delete-old"]).expect(0, &["not taken over: notes.txt", "is deleted"]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
    // The mark by which a sync client knows its folder belongs to the place.
    assert!(filled.0.vault().join(".stfolder").exists());
    assert_eq!(names(&filled.kept()[0]), ["notes.txt"]);
}

#[test]
fn a_key_in_a_new_file_opens_the_new_vault() {
    let filled = Filled::new();
    let key = filled.0.place("new key");
    let mut command = filled.0.command(&["rekey", "--yes", "--keep-old", "--key-file"]);
    command.arg(filled.0.key()).arg("--new-key-file").arg(&key).arg(filled.0.vault());
    Said::by(&mut command).expect(0, &["hushfs: warning"]);
    let mut test = filled.0.command(&["key", "test", "--key-file"]);
    Said::by(test.arg(&key).arg(filled.0.vault())).expect(0, &[]);
    assert!(!filled.0.opens(FIRST) && !filled.0.opens_with_key());
    // A file that is there may hold the key of another vault.
    let mut command = filled.0.command(&["rekey", "--yes", "--key-file"]);
    command.arg(&key).arg("--new-key-file").arg(filled.0.key()).arg(filled.0.vault());
    Said::by(&mut command).expect(1, &["exists already"]);
    assert!(!filled.beside().exists());
}

#[test]
fn what_waits_on_this_device_comes_into_the_new_vault() {
    let filled = Filled::new();
    let id = filled.device("another state").files.status().vault_id;
    let id = hushfs::crypto::VaultId::from_hex(&id).unwrap();
    let state = filled.state_of(&id);
    let device = crate::bench::device::Device::open(&filled.0.vault(), &filled.0.key(), &state);
    device.file("waiting", &content(77, 20_000));
    drop(device);
    filled.rekey(&[]).expect(0, &[]);
    let cat = ["cat".to_owned(), format!("--password-command=echo {SECOND}")];
    let cat: Vec<&str> = cat.iter().map(String::as_str).collect();
    let output = filled.0.command(&cat).arg(filled.0.vault()).arg("waiting").output().unwrap();
    assert!(output.stdout == content(77, 20_000), "{output:?}");
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}

#[test]
fn a_new_vault_that_goes_back_is_known_for_that_from_the_start() {
    let filled = Filled::new();
    filled.rekey(&[]).expect(0, &[]);
    let log = filled.0.vault().join("log");
    let last = names(&log).into_iter().filter(|name| name.ends_with(".log")).max().unwrap();
    fs::remove_file(log.join(&last)).unwrap();
    let unlock = format!("--password-command=echo {SECOND}");
    filled.0.said(&["verify", &unlock]).expect(14, &[&last]);
    // Somebody who has seen nothing cannot know.
    let mut elsewhere = crate::program::hushfs(&["verify", &unlock]);
    elsewhere.env("XDG_STATE_HOME", filled.0.place("elsewhere"));
    Said::by(elsewhere.arg(filled.0.vault())).expect(0, &[]);
}

#[test]
fn what_another_device_brings_into_the_folder_later_is_named_and_opens_with_the_old_vault() {
    let filled = Filled::new();
    // It has not heard of anything, and its sync client brings what it has written.
    let elsewhere = filled.0.place("elsewhere");
    copy_folder(&filled.0.vault(), &elsewhere);
    filled.rekey(&[]).expect(0, &[]);
    let device = crate::bench::device::Device::open(
        &elsewhere,
        &filled.0.key(),
        &filled.0.place("another state"),
    );
    let known = crate::files::files_below(&elsewhere);
    device.file("late", &content(88, 9000));
    device.unmount();
    let late: Vec<String> = crate::files::files_below(&elsewhere)
        .into_keys()
        .filter(|it| !known.contains_key(it))
        .collect();
    assert!(late.len() >= 2, "{late:?}");
    let bring = |vault: &std::path::Path| {
        for path in &late {
            fs::create_dir_all(vault.join(path).parent().unwrap()).unwrap();
            fs::copy(elsewhere.join(path), vault.join(path)).unwrap();
        }
    };
    bring(&filled.0.vault());
    let unlock = format!("--password-command=echo {SECOND}");
    let paths: Vec<&str> = late.iter().map(String::as_str).collect();
    filled.0.said(&["verify", &unlock]).expect(11, &paths);
    // It says that the state it tells of is not to be had here.
    filled
        .0
        .said(&["repair", "--write", &unlock])
        .expect(11, &["set aside", "nothing was deleted"]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
    // Nothing is gone: the objects are set aside, and with the old vault they tell what is in them.
    let kept = filled.kept().remove(0);
    for path in &late {
        let aside = filled.0.vault().join("lost+found").join(path);
        fs::create_dir_all(kept.join(path).parent().unwrap()).unwrap();
        fs::copy(aside, kept.join(path)).unwrap();
    }
    let mut cat = filled.0.command(&["cat", "--key-file"]);
    let output = cat.arg(filled.0.key()).arg(&kept).arg("late").output().unwrap();
    assert!(output.stdout == content(88, 9000), "{output:?}");
}
