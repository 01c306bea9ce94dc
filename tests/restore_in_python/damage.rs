//! What is damaged or missing is named, and never comes back wrong in silence.

use std::fs;
use std::path::Path;

use crate::both::Both;
use crate::files::files_below;
use crate::snapshot;

/// What `docs/restore.py` names an object by in its messages.
fn stem(object: &str) -> &str {
    Path::new(object).file_stem().unwrap().to_str().unwrap()
}

#[test]
fn one_flipped_bit_in_any_object_is_named_or_does_no_harm() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let whole = both.assert_same("key", 0);
    let objects = files_below(&both.vault());
    let mut named = 0;
    for (object, bytes) in &objects {
        let last = bytes.len() - 1;
        for at in [3, 8, 11, 20, 40, 60, bytes.len() / 2, last - 30, last] {
            let mut flipped = bytes.clone();
            let Some(byte) = flipped.get_mut(at) else { continue };
            *byte ^= 0x10;
            let path = both.vault().join(object);
            fs::write(&path, flipped).unwrap();
            let out = both.place("out");
            let said = both.in_python("key", &out, &[]);
            if said.code == 0 {
                snapshot::assert_same(&snapshot::of(&out), &whole);
            } else {
                said.expect(said.code, &[stem(object)]);
                assert!([10, 11, 12, 14].contains(&said.code), "{object} at {at}: {said:?}");
                named += 1;
            }
            let _ = fs::remove_dir_all(&out);
            fs::write(&path, bytes).unwrap();
        }
    }
    // A checkpoint and a password that are not needed, headers of packs and README.txt do no harm.
    assert!(named > objects.len() * 3, "only {named} were named");
}

#[test]
fn what_cannot_be_read_is_zeroes_in_a_file_that_says_so_in_its_name() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let pack = "4f2dc28321957ecd3bbe8209090878ff";
    let path = both.vault().join(format!("data/4f/{pack}.pack"));
    let bytes = fs::read(&path).unwrap();
    let mut damaged = bytes.clone();
    damaged[500] ^= 1;
    fs::write(&path, damaged).unwrap();
    let restored = both.assert_same("key", 11);
    assert!(restored.contains_key(Path::new("Chats/same photo.jpg.damaged")));

    fs::remove_file(&path).unwrap();
    let restored = both.assert_same("key", 14);
    assert!(restored.contains_key(Path::new("Chats/cut.log.damaged")));
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    both.assert_same("key", 14);
}

#[test]
fn what_has_not_arrived_is_named_and_the_rest_comes_back() {
    let Some(both) = Both::of_sample("format-1") else { return };
    for extension in ["log", "ckpt"] {
        let path = both.vault().join(format!("log/6120fe8295880e41-00000003.{extension}"));
        fs::remove_file(path).unwrap();
    }
    both.assert_same("key", 14);
    let said = both.in_python("key", &both.place("out"), &[]);
    said.expect(14, &["6120fe8295880e41-00000003 has not arrived"]);
}

#[test]
fn a_log_object_that_came_in_part_has_not_arrived() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let path = both.vault().join("log/6120fe8295880e41-00000004.log");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    both.assert_same("key", 14);
    let mut zeroes = bytes.clone();
    zeroes[bytes.len() - 16..].fill(0);
    fs::write(&path, zeroes).unwrap();
    both.assert_same("key", 14);
}

#[test]
fn what_a_sync_client_renamed_is_read_where_it_is() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let rename = |from: &str, to: &str| {
        fs::rename(both.vault().join(from), both.vault().join(to)).unwrap();
    };
    rename("log/6120fe8295880e41-00000004.log", "log/6120fe8295880e41-00000004 (1).log");
    rename("log/cdd445368c6e0968-00000002.log", "Copy of cdd445368c6e0968-00000002.log");
    rename("hushfs.vault", "hushfs (conflicted copy 2026-11-24).vault");
    rename("data/4f", "data/4F 2");
    rename("keys", "keys (1)");
    assert_eq!(both.assert_same("key", 0).len(), 15);
}

#[test]
fn a_lost_hushfs_vault_is_named_and_the_files_come_back() {
    let Some(both) = Both::of_sample("format-1") else { return };
    let whole = both.assert_same("key", 0);
    fs::remove_file(both.vault().join("hushfs.vault")).unwrap();
    let out = both.place("out");
    both.in_python("key", &out, &[]).expect(11, &["hushfs.vault is missing"]);
    snapshot::assert_same(&snapshot::of(&out), &whole);
}

#[test]
fn a_vault_without_its_log_is_not_taken_for_an_empty_one() {
    let Some(both) = Both::of_sample("format-1") else { return };
    fs::remove_dir_all(both.vault().join("log")).unwrap();
    both.in_python("key", &both.place("out"), &[]).expect(14, &["“log”", "has not arrived"]);
    both.assert_same("key", 14);
}
