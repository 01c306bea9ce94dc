//! Tests of `slot.rs`.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn draft<'a>(vault: &'a VaultId, label: &'a str) -> SlotDraft<'a> {
    let chunk_size = ChunkSize::new(65536).unwrap();
    SlotDraft { vault, created: Time { secs: 1_700_000_000, nanos: 5 }, chunk_size, label }
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
        .seal_password(&master, &password("right"), StretchParameters::FLOOR)
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
    let sealed = draft(&vault, "").seal_key(&MasterKey::random(), &key);
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
    let sealed = draft(&vault, "").seal_key(&MasterKey::random(), &key);
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
        .seal_password(&MasterKey::random(), &password("right"), StretchParameters::FLOOR)
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
    let sealed = draft(&vault, "").seal_key(&MasterKey::random(), &RecoveryKey::random());
    let mut newer = sealed.bytes.clone();
    newer[8] = 2;
    assert_eq!(
        UnverifiedSlot::parse(&with_checksum(newer)).unwrap_err(),
        SlotError::Newer(FormatError::Newer { found: 2, known: 1 })
    );
    let with_kind = |kind: u8| {
        let mut changed = sealed.bytes.clone();
        changed[KIND_AT] = kind;
        // A key vault's slot may be longer than this version's.
        changed.extend_from_slice(&[0; 32]);
        UnverifiedSlot::parse(&with_checksum(changed))
    };
    let reserved = with_kind(3).unwrap();
    assert_eq!(reserved.kind(), SlotKind::KeyVault);
    assert_eq!(
        reserved.open_with_key(&RecoveryKey::random(), &vault).map(|_| ()).unwrap_err(),
        SlotError::OtherKind(SlotKind::KeyVault)
    );
    assert_eq!(with_kind(4).unwrap_err(), SlotError::UnknownKind(4));
}

#[test]
fn a_long_label_is_cut_between_letters() {
    let (vault, key) = (VaultId::random(), RecoveryKey::random());
    let label = format!("x{}", "é".repeat(40));
    let sealed = draft(&vault, &label).seal_key(&MasterKey::random(), &key);
    let opened = UnverifiedSlot::parse(&sealed.bytes).unwrap().open_with_key(&key, &vault).unwrap();
    assert_eq!(opened.label, format!("x{}", "é".repeat(31)));
}

proptest! {
    #[test]
    fn any_bytes_are_a_slot_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400), mend: bool) {
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
