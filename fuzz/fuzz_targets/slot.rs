//! Slots: any bytes, any bytes with a good checksum, and any fields, body and note under good seals;
//! and ways and whole requests as they are handed to a mount.
#![no_main]

use hushfs::crypto::{Password, StretchParameters};
use hushfs::format::{SlotKind, SlotWay, UnverifiedSlot};
use hushfs::fs::NewSlot;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let bytes = match input.choice(6) {
        0 => input.rest().to_vec(),
        1 => seal::with_checksum(input.rest().to_vec()),
        2 => seal::first_slot(&input.array(), &input.array()),
        3 => seal::slot(&input.array(), &input.array(), &input.array()),
        4 => {
            let Ok(new) = NewSlot::parse(input.rest()) else { return };
            let again = NewSlot::parse(&new.to_bytes().unwrap()).unwrap();
            assert_eq!((again.name, again.replaces), (new.name, new.replaces));
            return assert_eq!(*again.way.to_bytes(), *new.way.to_bytes());
        }
        _ => {
            let bytes = input.rest();
            let Ok(way) = SlotWay::parse(bytes) else { return };
            return assert_eq!(&way.to_bytes()[..], bytes);
        }
    };
    let slot = match UnverifiedSlot::parse(&bytes) {
        Ok(slot) => slot,
        Err(error) => return drop(error.to_string()),
    };
    let _ = (slot.kind().to_string(), slot.claimed_id().to_string());
    let vault = sample::keys().vault();
    match slot.note(sample::keys()) {
        Ok(note) => {
            assert_eq!(note.is_some(), slot.has_note());
            assert!(note.is_none_or(|note| note.label.len() <= 64 && note.device_name.len() <= 64));
        }
        Err(error) => drop(error.to_string()),
    }
    assert_eq!(slot.key_vault().is_some(), slot.kind() == SlotKind::KeyVault);
    if let Some(place) = slot.key_vault() {
        assert!(!place.address().is_empty());
        assert!(slot.open_with_key_vault(sample::KEY.secret(), vault).is_err());
    }
    match slot.open_with_key(&sample::KEY, vault) {
        Ok(opened) => {
            assert_eq!(slot.kind(), SlotKind::RecoveryKey);
            assert!(opened.created.nanos < 1_000_000_000 && opened.label.len() <= 64);
        }
        Err(error) => drop(error.to_string()),
    }
    let cost = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    // Costs that are accepted take a second and are tested elsewhere.
    if StretchParameters::new(cost(12), cost(16), cost(20)).is_err() {
        let password = Password::new(Zeroizing::new(b"password".to_vec())).unwrap();
        assert!(slot.open_with_password(&password, vault).is_err());
    }
});
