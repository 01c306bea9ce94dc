//! A store that was made once, and never changes: whoever is registered there logs in forever.

use std::fs;
use std::path::{Path, PathBuf};

use hushfs::format::{KeyVaultPlace, UnverifiedSlot};
use hushfs::keyvault::account::{GUESSES, Standing};
use hushfs::keyvault::client::{ClientError, log_in, status};

use crate::owner::{COST, password};
use crate::server::Server;

/// Of `sample_vaults.rs`, which opens it without its store.
fn sample(way: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/sample_vaults/format-1-keyvault{way}"))
}

#[test]
fn a_frozen_store_and_its_seed_give_the_frozen_slot_its_key() {
    let server = Server::start_on(&sample(".accounts"));
    let slots = fs::read_dir(sample("").join("keys")).unwrap();
    let slots = slots.map(|slot| UnverifiedSlot::parse(&fs::read(slot.unwrap().path()).unwrap()));
    let slot = slots.map(Result::unwrap).find(|slot| slot.key_vault().is_some()).unwrap();
    let frozen = slot.key_vault().unwrap();
    // The TLS key is frozen as well: the pin is the slot's.
    assert_eq!(server.pin(), frozen.pin);
    let place = KeyVaultPlace::new(
        &server.client_address().to_string(),
        frozen.pin,
        frozen.account,
        frozen.registration,
    )
    .unwrap();
    let told = status(&place).unwrap();
    assert_eq!((told.standing, told.guesses_left), (Standing::Registered, GUESSES));
    let wrong = log_in(&place, &password("not that"), COST);
    assert!(matches!(wrong, Err(ClientError::WrongPassword { guesses_left: 9 })), "{wrong:?}");
    let logged_in = log_in(&place, &password("walnut ferry cobalt hinge"), COST).unwrap();
    assert_eq!(logged_in.told.unwrap().guesses_left, GUESSES);
    let kept = fs::read(sample(".export-key")).unwrap();
    assert_eq!(logged_in.export_key.bytes()[..], kept[..]);
    slot.open_with_key_vault(&logged_in.export_key, slot.claimed_vault()).unwrap();
}
