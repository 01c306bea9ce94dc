//! Objects that copies or their own remains bring back.

use std::fs;

use crate::patient::{FILES, Patient};

/// What sync clients call a copy of `path`.
fn copies_of(path: &str) -> [String; 3] {
    let (stem, extension) = path.rsplit_once('.').unwrap();
    [
        format!("{stem} (1).{extension}"),
        format!("{stem}.sync-conflict-20260101-120000-ABCDEFG.{extension}"),
        format!("{stem} 2.{extension}"),
    ]
}

#[test]
fn every_kind_of_object_is_healed_from_every_kind_of_copy() {
    let patient = Patient::new();
    let slot = patient.new_objects("keys", &[]).remove(0);
    let objects = ["hushfs.vault", &slot, &patient.packs[0], &patient.logs[1], &patient.logs[2]];
    for object in objects {
        let bytes = patient.read(object);
        for (nth, copy) in copies_of(object).iter().enumerate() {
            fs::rename(patient.path(object), patient.path(copy)).unwrap();
            if nth > 0 {
                patient.write(object, &bytes[..bytes.len() / 2]);
            }
            let (_, told) = patient.repair(0);
            assert_eq!(told["healed"][0]["object"], *object, "{told}");
            assert!(patient.read(object) == bytes && patient.read(copy) == bytes);
            patient.run(&[]).expect(0, &["copy ", "left alone"]);
            patient.remove(copy);
        }
    }
    patient.expect_healthy();
    patient.expect_all_files();
}

#[test]
fn objects_that_traded_names_trade_back() {
    let patient = Patient::new();
    for (a, b) in [(&patient.packs[0], &patient.packs[2]), (&patient.logs[0], &patient.logs[2])] {
        let (first, second) = (patient.read(a), patient.read(b));
        patient.write(a, &second);
        patient.write(b, &first);
        patient.repair(0);
        assert!(patient.read(a) == first && patient.read(b) == second);
    }
    patient.expect_healthy();
    patient.expect_all_files();
}

#[test]
fn a_descriptor_without_a_copy_is_made_anew_from_a_slot() {
    let patient = Patient::new();
    patient.flip("hushfs.vault", 60);
    patient.repair(0).0.expect(0, &["what a slot has of it"]);
    patient.remove("hushfs.vault");
    patient.repair(0);
    patient.expect_healthy();
    patient.expect_all_files();
}

#[test]
fn a_pack_whose_ends_alone_are_damaged_is_what_it_was_again() {
    let patient = Patient::new();
    let pack = &patient.packs[0];
    let bytes = patient.read(pack);
    // Header and trailer: footer and all, it is the same pack.
    patient.flip(pack, 3);
    patient.repair(0);
    assert!(patient.read(pack) == bytes);
    for at in [bytes.len() - 3, bytes.len() - 60] {
        patient.flip(pack, at);
        patient.repair(0).0.expect(0, &["5 chunks from "]);
        assert_eq!(patient.read(pack)[..bytes.len() - 400], bytes[..bytes.len() - 400]);
        patient.bench.verify().expect(0, &[]);
    }
    patient.expect_healthy();
    patient.expect_all_files();
}

#[test]
fn two_halves_of_a_pack_make_a_whole_one() {
    let patient = Patient::new();
    let pack = &patient.packs[0];
    let bytes = patient.read(pack);
    let copy = copies_of(pack).into_iter().next().unwrap();
    patient.write(&copy, &bytes);
    patient.flip(&copy, 32 + 99);
    patient.flip(pack, 32 + 3 * 4112 + 99);
    patient.repair(0);
    assert!(patient.read(pack) == bytes);
}

#[test]
fn a_lost_chunk_is_named_with_its_file_and_the_pack_stays() {
    let patient = Patient::new();
    patient.flip(&patient.packs[0], 32 + 99);
    let damaged = patient.read(&patient.packs[0]);
    patient.run(&["--write"]).expect(11, &["LOST ", FILES[0], "there is nothing to repair"]);
    assert!(patient.read(&patient.packs[0]) == damaged);
    patient.bench.verify().expect(11, &[FILES[0]]);
}

#[test]
fn what_is_past_help_is_set_aside_as_it_is() {
    let patient = Patient::new();
    let (pack, bytes) = (&patient.packs[0], b"nothing of a pack".to_vec());
    patient.write(pack, &bytes);
    patient.repair(11).0.expect(11, &[FILES[0], "nothing in it opens"]);
    assert!(patient.read(&format!("lost+found/{pack}")) == bytes);
    assert!(!patient.path(pack).exists());
}

#[test]
fn a_damaged_checkpoint_goes_away_where_the_log_gives_the_state() {
    let patient = Patient::new();
    let name = patient.logs[2].replace(".log", ".ckpt");
    patient.write(&name, b"not a checkpoint at all, and longer than ten bytes");
    patient.bench.verify().expect(11, &[&name]);
    patient.repair(0);
    patient.expect_healthy();
    patient.expect_all_files();
    // The folder of what was set aside is the vault's own.
    let said = patient.bench.verify();
    assert!(!said.stdout.contains("lost+found"), "{said:?}");
}

#[test]
fn a_vault_that_is_well_needs_nothing_and_one_in_use_is_refused() {
    let patient = Patient::new();
    patient.run(&[]).expect(0, &["there is nothing to repair"]);
    let device = patient.bench.device();
    patient.run(&[]).expect(13, &["in use"]);
    patient.run(&["--write"]).expect(13, &["in use"]);
    device.unmount();
}
