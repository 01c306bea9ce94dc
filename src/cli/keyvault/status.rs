//! `hushfs keyvault status`.

use std::sync::Arc;

use serde::Serialize;

use crate::cli::error::Error;
use crate::cli::keys::access::find_vault;
use crate::cli::output::show;
use crate::cli::unlock::UnlockError;
use crate::format::{SLOT_BYTES_MAX, UnverifiedSlot};
use crate::fs::SLOTS_MAX;
use crate::keyvault::account::Standing;
use crate::keyvault::client::{ClientError, status};
use crate::keyvault::protocol::Refused;
use crate::store::{HostDisk, VaultFolder};

use super::args::StatusArgs;

/// What a key vault has left for one slot.
#[derive(Debug, Serialize)]
struct Told {
    slot: String,
    server: String,
    pin: String,
    /// `registered`, `pending`, `gone`, `destroyed`, or `unknown` if it could not be asked.
    standing: &'static str,
    guesses_left: Option<u8>,
    restores: Option<u32>,
    /// Why it could not be asked.
    error: Option<String>,
}

/// Says what key vaults have left for a vault.
///
/// # Errors
/// [`Error::KeyVault`] if one of them cannot be asked or has nothing.
pub(super) fn run(args: &StatusArgs) -> Result<(), Error> {
    let (vault, _) = find_vault(&args.vault)?;
    let folder = VaultFolder::new(Arc::new(HostDisk), &vault);
    let mut told = Vec::new();
    let mut failed = None;
    for path in folder.slot_paths()?.into_iter().take(SLOTS_MAX) {
        let bytes = match folder.get(&path, SLOT_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) => {
                log::warn!("slot {path}: {error}");
                continue;
            }
        };
        let Ok(slot) = UnverifiedSlot::parse(&bytes) else { continue };
        let Some(place) = slot.key_vault() else { continue };
        let mut line = Told {
            slot: slot.claimed_id().to_string(),
            server: place.address().to_owned(),
            pin: place.pin.to_string(),
            standing: "unknown",
            guesses_left: None,
            restores: None,
            error: None,
        };
        match status(place) {
            Ok(count) => {
                let refused = match count.standing {
                    Standing::Registered | Standing::Pending => None,
                    Standing::Gone => Some(Refused::Gone),
                    Standing::Destroyed => Some(Refused::Destroyed),
                };
                line.standing = word(count.standing);
                line.guesses_left = Some(count.guesses_left);
                line.restores = Some(count.age.restores);
                failed = failed.or(refused.map(ClientError::Refused));
            }
            Err(error) => {
                line.error = Some(error.to_string());
                failed = failed.or(Some(error));
            }
        }
        told.push(line);
    }
    if told.is_empty() {
        return Err(UnlockError::KeyVaultNeeded { vault, there: false }.into());
    }
    show(&told, args.json, || in_words(&told))?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Registered => "registered",
        Standing::Pending => "pending",
        Standing::Gone => "gone",
        Standing::Destroyed => "destroyed",
    }
}

fn in_words(told: &[Told]) -> String {
    let line = |told: &Told| {
        let says = match (told.standing, told.guesses_left) {
            ("registered", Some(left)) => format!("{left} guesses left"),
            ("pending", Some(left)) => format!("{left} guesses left; not used yet"),
            ("gone", _) => "has nothing for this slot (any more)".to_owned(),
            ("destroyed", _) => "DESTROYED its key after too many wrong guesses".to_owned(),
            _ => "cannot be asked".to_owned(),
        };
        format!("{}  {}  {says}\n", &told.slot[..8], told.server)
    };
    told.iter().map(line).collect()
}
