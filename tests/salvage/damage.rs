//! Everything but the packs gone, and packs damaged.

use std::fs;

use crate::files::files_below;
use crate::wreck::Wreck;

const HEADER: usize = 32;
const SEALED_CHUNK: usize = 4096 + 16;

fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn without_any_log_object_every_file_comes_back_byte_for_byte_with_its_time() {
    let wreck = Wreck::new();
    let whole = wreck.bench.place("whole");
    wreck.bench.restore(&whole, &[]).expect(0, &[]);
    wreck.bench.verify().expect(0, &[]);
    wreck.lose_the_log();
    let said = wreck.salvage_into("salvaged", &[]);
    said.expect(0, &["salvaged 3 files", "deleted and older files"]);
    let salvaged = wreck.bench.place("salvaged");
    assert!(files_below(&salvaged) == wreck.files);
    for path in wreck.files.keys() {
        let time = |folder: &std::path::Path| fs::metadata(folder.join(path)).unwrap().modified();
        assert_eq!(time(&salvaged).unwrap(), time(&whole).unwrap(), "{path}");
    }
    let again = wreck.salvage_into("salvaged", &["--json"]);
    again.expect(0, &["\"there_already\": 3", "\"ok\": true"]);
}

#[test]
fn a_slot_alone_unlocks_what_has_no_descriptor_or_a_damaged_one() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let descriptor = wreck.vault().join("hushfs.vault");
    let bytes = fs::read(&descriptor).unwrap();
    // Its version, the vault id, the sealed part.
    for at in [8, 20, 60] {
        flip(&descriptor, at);
        let (said, found) = wreck.salvage();
        said.expect(11, &["VAULT      hushfs.vault: ", "salvaged 3 files"]);
        assert!(found == wreck.files);
        fs::write(&descriptor, &bytes).unwrap();
    }
    fs::remove_file(&descriptor).unwrap();
    let (said, found) = wreck.salvage();
    said.expect(11, &["VAULT      hushfs.vault: missing"]);
    assert!(found == wreck.files);
    fs::remove_dir_all(wreck.vault().join("keys")).unwrap();
    wreck.salvage_into("nothing", &[]).expect(12, &["is not a vault"]);
}

#[test]
fn a_wrong_key_is_told_as_one_with_or_without_a_descriptor() {
    let (wreck, other) = (Wreck::new(), Wreck::new());
    fs::copy(other.bench.key(), wreck.bench.key()).unwrap();
    wreck.salvage_into("nothing", &[]).expect(10, &["wrong 64-digit key"]);
    fs::remove_file(wreck.vault().join("hushfs.vault")).unwrap();
    wreck.salvage_into("nothing", &[]).expect(10, &["wrong 64-digit key"]);
}

#[test]
fn a_damaged_chunk_is_a_hole_in_a_file_that_is_called_damaged() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let large = wreck.packs().pop().unwrap();
    // The second chunk of the first file in the pack was written anew since; its third was not.
    for (chunk, is_needed) in [(1, false), (2, true)] {
        flip(&large, HEADER + chunk * SEALED_CHUNK + 99);
        let (said, found) = wreck.salvage();
        let mut expected = wreck.files.clone();
        if is_needed {
            let mut first = expected.remove("chats/first.jpg").unwrap();
            first[2 * 4096..3 * 4096].fill(0);
            expected.insert("chats/first.jpg.damaged".into(), first);
            said.expect(11, &["DAMAGED    chats/first.jpg: 4096 of 23000 bytes cannot be read"]);
        } else {
            said.expect(0, &[]);
        }
        assert!(found == expected, "{:?}", found.keys());
    }
}

#[test]
fn a_missing_pack_leaves_files_in_part_and_does_not_pass_for_none() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    fs::remove_file(wreck.packs().pop().unwrap()).unwrap();
    let (said, found) = wreck.salvage();
    said.expect(11, &["DAMAGED    chats/first.jpg: ", "bytes are in no pack"]);
    let first = &found["chats/first.jpg.damaged"];
    assert_eq!(first.len(), 23_000);
    assert!(first[20_480..] == wreck.files["chats/first.jpg"][20_480..]);
}

#[test]
fn duplicates_serve_wherever_the_pack_itself_does_not() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    for pack in wreck.packs() {
        let bytes = fs::read(&pack).unwrap();
        let stem = pack.file_stem().unwrap().to_str().unwrap();
        for name in [
            format!("{stem} (1).pack"),
            format!("{stem}.sync-conflict-20260101-120000-ABCDEFG.pack"),
            format!("{stem} 2.pack"),
            "renamed".to_owned(),
        ] {
            let copy = pack.with_file_name(&name);
            fs::rename(&pack, &copy).unwrap();
            let (said, found) = wreck.salvage();
            said.expect(0, &[]);
            assert!(found == wreck.files, "{name}");
            // Half of it in one copy, half in the other; the footer in one.
            fs::write(&pack, &bytes[..bytes.len() / 2]).unwrap();
            flip(&copy, HEADER + 99);
            let (said, found) = wreck.salvage();
            said.expect(0, &[]);
            assert!(found == wreck.files, "{name}");
            fs::remove_file(&copy).unwrap();
            fs::write(&pack, &bytes).unwrap();
        }
    }
    let set_aside = wreck.vault().join("lost+found/data");
    fs::create_dir_all(set_aside.parent().unwrap()).unwrap();
    fs::rename(wreck.vault().join("data"), set_aside).unwrap();
    let (said, found) = wreck.salvage();
    said.expect(0, &[]);
    assert!(found == wreck.files);
}

#[test]
fn a_pack_without_its_footer_is_named_and_what_is_no_pack_is_not() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let small = wreck.packs().remove(0);
    fs::write(wreck.vault().join("data/desktop.ini"), b"[.ShellClassInfo]").unwrap();
    let bytes = fs::read(&small).unwrap();
    flip(&small, 3);
    let (said, found) = wreck.salvage();
    said.expect(0, &[]);
    assert!(found == wreck.files, "the first bytes of a pack are not needed");
    flip(&small, bytes.len() - 1);
    let (said, found) = wreck.salvage();
    let name = small.file_name().unwrap().to_str().unwrap();
    said.expect(11, &[name, "tells of no content"]);
    assert!(found["big.bin"] == wreck.files["big.bin"]);
}
