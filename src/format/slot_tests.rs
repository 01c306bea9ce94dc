//! Tests of `slot.rs`.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::crypto::{AccountId, MasterKey, RegistrationId, SecretKey};
use crate::format::slot_key_vault::{KeyVaultPlace, ServerPin};
use crate::format::slot_read::{OpenedSlot, UnverifiedSlot};

fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn draft<'a>(vault: &'a VaultId, label: &'a str) -> SlotDraft<'a> {
    let chunk_size = ChunkSize::new(65536).unwrap();
    SlotDraft {
        vault,
        created: Time { secs: 1_700_000_000, nanos: 5 },
        chunk_size,
        label,
        device: Some(DeviceId(7)),
        device_name: "laptop",
        replaces: None,
    }
}

fn keys_of(vault: &VaultId) -> ClassKeys {
    MasterKey::random().class_keys(vault)
}

/// The slot with a checksum that fits again, as somebody would leave it who changed it on purpose.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let fitting = checksum(&bytes[..bytes.len() - CHECKSUM_BYTES]);
    let at = bytes.len() - CHECKSUM_BYTES;
    bytes[at..].copy_from_slice(&fitting);
    bytes
}

#[test]
fn a_password_slot_opens_with_its_password_alone() {
    let (vault, master) = (VaultId::random(), MasterKey::random());
    let sealed = draft(&vault, "kitchen laptop")
        .seal_password(&master.class_keys(&vault), &password("right"), StretchParameters::FLOOR)
        .unwrap();
    assert_eq!(sealed.bytes.len(), TOTAL_BYTES);
    let slot = UnverifiedSlot::parse(&sealed.bytes).unwrap();
    assert_eq!((slot.kind(), slot.claimed_id()), (SlotKind::Password, &sealed.id));
    let opened = slot.open_with_password(&password("right"), &vault).unwrap();
    assert_eq!(opened.master.secret().bytes(), master.secret().bytes());
    assert_eq!(opened.label, "kitchen laptop");
    assert_eq!(opened.created, draft(&vault, "").created);
    assert_eq!(opened.chunk_size, draft(&vault, "").chunk_size);
    let open =
        |text, vault| slot.open_with_password(&password(text), vault).map(|_| ()).unwrap_err();
    assert_eq!(open("wrong", &vault), SlotError::WrongPassword);
    assert_eq!(open("right", &VaultId::random()), SlotError::OtherVault);
    assert_eq!(
        slot.open_with_key(&RecoveryKey::random(), &vault).map(|_| ()).unwrap_err(),
        SlotError::OtherKind(SlotKind::Password)
    );
}

#[test]
fn a_changed_bit_is_damage_and_never_a_wrong_key() {
    let (vault, key) = (VaultId::random(), RecoveryKey::random());
    let sealed = draft(&vault, "").seal_key(&keys_of(&vault), &key);
    let open = |bytes: &[u8]| {
        UnverifiedSlot::parse(bytes).and_then(|slot| slot.open_with_key(&key, &vault))
    };
    open(&sealed.bytes).unwrap();
    for bit in 0..sealed.bytes.len() * 8 {
        let mut changed = sealed.bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = open(&changed).unwrap_err();
        assert!(matches!(error, SlotError::Damaged(_)), "bit {bit}: {error}");
    }
    for cut in 0..sealed.bytes.len() {
        let error = open(&sealed.bytes[..cut]).unwrap_err();
        assert!(matches!(error, SlotError::Damaged(_)), "cut {cut}: {error}");
    }
    let longer = [&sealed.bytes[..], &[0]].concat();
    assert!(matches!(open(&longer), Err(SlotError::Damaged(_))));
}

#[test]
fn whoever_mends_the_checksum_still_opens_nothing() {
    let (vault, key) = (VaultId::random(), RecoveryKey::random());
    let sealed = draft(&vault, "").seal_key(&keys_of(&vault), &key);
    for bit in 0..CHECKSUM_AT * 8 {
        let mut changed = sealed.bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = UnverifiedSlot::parse(&with_checksum(changed))
            .and_then(|slot| slot.open_with_key(&key, &vault));
        let error = opened.unwrap_err();
        let in_body = bit / 8 >= BODY_AT;
        assert!(!in_body || matches!(error, SlotError::Damaged(_)), "bit {bit}: {error}");
    }
}

#[test]
fn a_slot_that_stretches_too_little_or_too_much_is_refused_before_it_costs_anything() {
    let vault = VaultId::random();
    let sealed = draft(&vault, "")
        .seal_password(&keys_of(&vault), &password("right"), StretchParameters::FLOOR)
        .unwrap();
    let with_cost = |at: usize, cost: u32| {
        let mut changed = sealed.bytes.clone();
        changed[at..at + 4].copy_from_slice(&cost.to_le_bytes());
        UnverifiedSlot::parse(&with_checksum(changed))
            .unwrap()
            .open_with_password(&password("right"), &vault)
            .map(|_| ())
            .unwrap_err()
    };
    for at in [MEMORY_AT, PASSES_AT, LANES_AT] {
        assert!(matches!(
            with_cost(at, 0),
            SlotError::Stretch(StretchError::BelowFloor { found: 0, .. })
        ));
        assert!(matches!(
            with_cost(at, u32::MAX),
            SlotError::Stretch(StretchError::AboveCeiling { .. })
        ));
    }
    assert_eq!(with_cost(PASSES_AT, 4), SlotError::WrongPassword);
}

#[test]
fn newer_slots_and_other_kinds_are_told_by_name() {
    let vault = VaultId::random();
    let sealed = draft(&vault, "").seal_key(&keys_of(&vault), &RecoveryKey::random());
    let mut newer = sealed.bytes.clone();
    newer[8] = 3;
    assert_eq!(
        UnverifiedSlot::parse(&with_checksum(newer)).unwrap_err(),
        SlotError::Newer(FormatError::Newer { found: 3, known: 2 })
    );
    let with_kind = |kind: u8| {
        let mut changed = sealed.bytes.clone();
        changed[KIND_AT] = kind;
        // A slot of another kind may be longer.
        changed.extend_from_slice(&[0; 32]);
        UnverifiedSlot::parse(&with_checksum(changed))
    };
    assert!(matches!(with_kind(3), Err(SlotError::Damaged(_))));
    assert_eq!(with_kind(4).unwrap_err(), SlotError::UnknownKind(4));
}

fn place() -> KeyVaultPlace {
    let (account, registration) = (AccountId([4; 32]), RegistrationId([5; 16]));
    KeyVaultPlace::new("keys.example:4797", ServerPin([6; 32]), account, registration).unwrap()
}

#[test]
fn a_slot_of_a_key_vault_says_where_the_other_half_is_and_opens_with_that_alone() {
    let (vault, export_key) = (VaultId::random(), SecretKey::random());
    let keys = keys_of(&vault);
    let way = SlotWay::of_key_vault(&vault, &export_key, StretchParameters::FLOOR, place());
    let sealed = draft(&vault, "phone").seal(&keys, &way);
    let slot = UnverifiedSlot::parse(&sealed.bytes).unwrap();
    assert_eq!(slot.kind(), SlotKind::KeyVault);
    assert_eq!(slot.key_vault(), Some(&place()));
    assert_eq!(slot.stretch(), Ok(StretchParameters::FLOOR));
    assert_eq!(slot.note(&keys).unwrap().unwrap().label, "phone");
    let opened = slot.open_with_key_vault(&export_key, &vault).unwrap();
    assert_eq!(opened.label, "phone");
    assert_eq!(opened.master.secret().bytes(), keys.master().secret().bytes());
    let wrong = slot.open_with_key_vault(&SecretKey::random(), &vault).map(drop);
    assert_eq!(wrong, Err(SlotError::WrongRegistration));
    let other = slot.open_with_key_vault(&export_key, &VaultId::random()).map(drop);
    assert_eq!(other, Err(SlotError::OtherVault));
    for error in [
        slot.open_with_password(&password("right"), &vault).map(drop),
        slot.open_with_key(&RecoveryKey::random(), &vault).map(drop),
    ] {
        assert_eq!(error, Err(SlotError::OtherKind(SlotKind::KeyVault)));
    }
}

#[test]
fn no_changed_byte_of_a_key_vaults_slot_goes_unnoticed_by_who_opens_it() {
    let (vault, export_key) = (VaultId::random(), SecretKey::random());
    let keys = keys_of(&vault);
    let way = SlotWay::of_key_vault(&vault, &export_key, StretchParameters::FLOOR, place());
    let sealed = draft(&vault, "").seal(&keys, &way);
    for at in 0..sealed.bytes.len() - CHECKSUM_BYTES {
        let mut changed = sealed.bytes.clone();
        changed[at] ^= 1;
        let opened = UnverifiedSlot::parse(&with_checksum(changed))
            .and_then(|slot| slot.open_with_key_vault(&export_key, &vault));
        assert!(opened.is_err(), "byte {at}");
    }
    for bytes in [sealed.bytes.len() - 1, sealed.bytes.len() + 1, TOTAL_BYTES] {
        let mut changed = sealed.bytes.clone();
        changed.resize(bytes, 0);
        assert!(UnverifiedSlot::parse(&with_checksum(changed)).is_err());
    }
}

#[test]
fn a_note_tells_whoever_has_the_keys_and_vouches_for_every_byte_before_it() {
    let (vault, key) = (VaultId::random(), RecoveryKey::random());
    let (keys, replaces) = (keys_of(&vault), Some(SlotId::random()));
    let sealed = SlotDraft { replaces, ..draft(&vault, "paper") }.seal_key(&keys, &key);
    let note = |bytes: &[u8], keys: &ClassKeys| {
        UnverifiedSlot::parse(&with_checksum(bytes.to_vec())).and_then(|slot| slot.note(keys))
    };
    let expected = SlotNote {
        created: draft(&vault, "").created,
        label: "paper".to_owned(),
        device: Some(DeviceId(7)),
        device_name: "laptop".to_owned(),
        replaces,
    };
    assert_eq!(note(&sealed.bytes, &keys), Ok(Some(expected)));
    for bit in 0..CHECKSUM_AT * 8 {
        let mut changed = sealed.bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(note(&changed, &keys), Ok(Some(_))), "bit {bit}");
    }
    // Whoever has no keys can make slots, but none that anybody would take for the owner's.
    assert!(matches!(note(&sealed.bytes, &keys_of(&vault)), Err(SlotError::Damaged(_))));
    assert_eq!(note(&sealed.bytes, &keys_of(&VaultId::random())), Err(SlotError::OtherVault));
}

#[test]
fn a_slot_opens_in_the_way_that_it_was_made_of_and_in_no_other() {
    let (vault, key) = (VaultId::random(), RecoveryKey::random());
    let [way, other] = [(); 2].map(|()| SlotWay::of_key(&vault, &key));
    let keys = keys_of(&vault);
    let slot = UnverifiedSlot::parse(&draft(&vault, "").seal(&keys, &way).bytes).unwrap();
    let opened = slot.open_way(&SlotWay::parse(&*way.to_bytes()).unwrap(), &vault).unwrap();
    assert_eq!(opened.master.secret().bytes(), keys.master().secret().bytes());
    assert_eq!(slot.open_way(&other, &vault).map(drop), Err(SlotError::WrongKey));
    slot.open_with_key(&key, &vault).unwrap();
}

#[test]
fn a_slot_of_version_1_opens_and_says_nothing_to_others() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_vaults");
    let key = std::fs::read_to_string(folder.join("format-1.key")).unwrap();
    let key = RecoveryKey::parse(&key).unwrap();
    let slots = std::fs::read_dir(folder.join("format-1/keys")).unwrap();
    let mut opened = 0;
    for slot in slots {
        let bytes = std::fs::read(slot.unwrap().path()).unwrap();
        assert_eq!((bytes[8], bytes.len()), (1, FIRST_TOTAL_BYTES));
        let slot = UnverifiedSlot::parse(&bytes).unwrap();
        if slot.kind() == SlotKind::RecoveryKey {
            let vault = *slot.claimed_vault();
            let OpenedSlot { master, label, note, .. } = slot.open_with_key(&key, &vault).unwrap();
            assert_eq!((label.is_empty(), note), (false, None));
            assert_eq!(slot.note(&master.class_keys(&vault)), Ok(None));
            opened += 1;
        }
        // Neither version passes for the other.
        let mut other = bytes;
        other[8] = 2;
        let parsed = UnverifiedSlot::parse(&with_checksum(other));
        assert!(matches!(parsed, Err(SlotError::Damaged(_))));
    }
    assert_eq!(opened, 1);
}

#[test]
fn a_long_label_is_cut_between_letters() {
    let (vault, key) = (VaultId::random(), RecoveryKey::random());
    let label = format!("x{}", "é".repeat(40));
    let sealed = draft(&vault, &label).seal_key(&keys_of(&vault), &key);
    let opened = UnverifiedSlot::parse(&sealed.bytes).unwrap().open_with_key(&key, &vault).unwrap();
    assert_eq!(opened.label, format!("x{}", "é".repeat(31)));
}

proptest! {
    #[test]
    fn any_bytes_are_a_slot_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600), mend: bool) {
        let mut bytes = bytes;
        if mend && bytes.len() > FRAME_BYTES + CHECKSUM_BYTES {
            let mut frame = Vec::new();
            write_magic(Magic::Slot, &mut frame);
            bytes[..FRAME_BYTES].copy_from_slice(&frame);
            bytes = with_checksum(bytes);
        }
        let _ = UnverifiedSlot::parse(&bytes);
    }
}
