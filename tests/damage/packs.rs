//! Packs that are missing, damaged or another's.

use std::fs;

use crate::victim::{FILES, Left, Victim, original};

/// Bytes of a pack before its first chunk, and of a sealed chunk.
const HEADER: usize = 32;
const SEALED_CHUNK: usize = 4096 + 16;

/// The nth file loses content, and nothing else does.
#[track_caller]
fn expect_loss(victim: &Victim, nth: usize) -> Vec<u8> {
    let (said, json) = victim.verify();
    said.expect(11, &[&format!("loses content: {}", FILES[nth]), "1 file loses content"]);
    assert_eq!(json["damaged"][0]["object"], *victim.packs[nth], "{json}");
    assert_eq!(json["damaged"][0]["files"], serde_json::json!([FILES[nth]]));
    let (said, left) = victim.restore();
    said.expect(11, &[&format!("DAMAGED    {}: ", FILES[nth]), &victim.packs[nth]]);
    assert!(said.stderr.contains(FILES[nth]) && said.stderr.contains("1 file lacks content"));
    let mut part = Vec::new();
    for (other, left) in left.into_iter().enumerate() {
        match left {
            Left::Whole => assert_ne!(other, nth, "{said:?}"),
            Left::InPart(found) => {
                assert_eq!(other, nth, "{said:?}");
                part = found;
            }
            Left::Nothing => panic!("{} is gone: {said:?}", FILES[other]),
        }
    }
    part
}

#[test]
fn a_flipped_bit_costs_one_chunk_of_one_file() {
    let victim = Victim::new();
    for chunk in 0..3 {
        victim.flip(&victim.packs[0], HEADER + chunk * SEALED_CHUNK + 1000);
        let mut expected = original(0);
        for lost in 0..=chunk {
            expected[lost * 4096..(lost + 1) * 4096].fill(0);
        }
        assert_eq!(expect_loss(&victim, 0), expected);
    }
}

#[test]
fn a_pack_that_was_cut_keeps_what_it_still_has() {
    let victim = Victim::new();
    let pack = victim.read(&victim.packs[0]);
    victim.truncate(&victim.packs[0], HEADER + 2 * SEALED_CHUNK + 100);
    let mut expected = original(0);
    expected[2 * 4096..].fill(0);
    assert_eq!(expect_loss(&victim, 0), expected);
    for length in [HEADER, 5, 0] {
        victim.truncate(&victim.packs[0], length);
        assert_eq!(expect_loss(&victim, 0), vec![0; original(0).len()]);
    }
    victim.write(&victim.packs[0], &pack);
    assert_eq!(victim.verify().0.code, 0);
}

#[test]
fn a_damaged_footer_is_found_and_costs_no_content() {
    let victim = Victim::new();
    let pack = &victim.packs[1];
    let bytes = victim.read(pack);
    for at in [bytes.len() - 1, bytes.len() - 20, bytes.len() - 60] {
        victim.flip(pack, at);
        let (said, json) = victim.verify();
        said.expect(11, &[pack, "1 object is damaged or missing\n"]);
        assert_eq!(json["damaged"][0]["files"], serde_json::json!([]));
        let (said, left) = victim.restore();
        said.expect(0, &["restored 5 entries"]);
        assert_eq!(left, [Left::Whole, Left::Whole, Left::Whole]);
        victim.write(pack, &bytes);
    }
    victim.write(pack, &[&bytes[..], &[0; 100]].concat());
    victim.verify().0.expect(11, &[pack]);
    assert_eq!(victim.restore().1, [Left::Whole, Left::Whole, Left::Whole]);
}

#[test]
fn a_missing_pack_is_named_with_its_files() {
    let victim = Victim::new();
    for nth in [0, 1, 2] {
        let bytes = victim.read(&victim.packs[nth]);
        victim.remove(&victim.packs[nth]);
        victim.verify().0.expect(11, &[&format!("DAMAGED  {}: missing", victim.packs[nth])]);
        assert_eq!(expect_loss(&victim, nth), vec![0; original(nth).len()]);
        let said = victim.restore().0;
        said.expect(11, &["1 of 3 packs", "1 file "]);
        victim.write(&victim.packs[nth], &bytes);
    }
    fs::remove_dir_all(victim.path("data")).unwrap();
    victim.verify().0.expect(11, &["3 objects are damaged or missing, and 3 files lose content"]);
}

#[test]
fn packs_that_traded_names_give_neither_files_content() {
    let victim = Victim::new();
    victim.swap(&victim.packs[0], &victim.packs[2]);
    let (said, json) = victim.verify();
    said.expect(11, &[FILES[0], FILES[2], "2 files lose content"]);
    assert_eq!(json["damaged"].as_array().unwrap().len(), 2);
    let (said, left) = victim.restore();
    said.expect(11, &["2 files lack content"]);
    let zeroes = |nth: usize| Left::InPart(vec![0; original(nth).len()]);
    assert_eq!(left, [zeroes(0), Left::Whole, zeroes(2)]);
}

#[test]
fn a_pack_of_another_vault_gives_nothing_under_either_name() {
    let (victim, other) = (Victim::new(), Victim::new());
    let foreign = other.read(&other.packs[0]);
    let own = victim.read(&victim.packs[0]);
    victim.write(&victim.packs[0], &foreign);
    assert_eq!(expect_loss(&victim, 0), vec![0; original(0).len()]);
    victim.write(&victim.packs[0], &own);
    fs::create_dir_all(victim.path(&other.packs[0]).parent().unwrap()).unwrap();
    victim.write(&other.packs[0], &foreign);
    // Nothing tells it from a pack of this vault that has not arrived to its end.
    let (said, json) = victim.verify();
    said.expect(14, &[&other.packs[0]]);
    assert_eq!(json["awaited"][0]["files"], serde_json::json!([]));
    let (said, left) = victim.restore();
    assert_eq!((said.code, left), (0, [Left::Whole, Left::Whole, Left::Whole]));
}
