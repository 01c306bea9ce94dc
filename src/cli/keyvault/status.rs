//! `hushfs keyvault status`.

use std::sync::Arc;

use serde::Serialize;

use crate::cli::error::Error;
use crate::cli::keys::access::find_vault;
use crate::cli::output::show;
use crate::cli::unlock::{Slots, UnlockError};
use crate::keyvault::account::Standing;
use crate::keyvault::client::{ClientError, status};
use crate::store::{HostDisk, VaultFolder};

use super::args::StatusArgs;

/// What a key vault has left for one slot.
#[derive(Debug, Serialize)]
struct Line {
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
    let mut lines = Vec::new();
    let mut failed = None;
    for slot in Slots::read(&vault, &folder)?.whole() {
        let Some(place) = slot.key_vault() else { continue };
        let mut line = Line {
            slot: slot.claimed_id().to_string(),
            server: place.address().to_owned(),
            pin: place.pin.to_string(),
            standing: "unknown",
            guesses_left: None,
            restores: None,
            error: None,
        };
        match status(place) {
            Ok(told) => {
                line.standing = word(told.standing);
                line.guesses_left = Some(told.guesses_left);
                line.restores = Some(told.age.restores);
                failed = failed.or(told.refusal().map(ClientError::Refused));
            }
            Err(error) => {
                line.error = Some(error.to_string());
                failed = failed.or(Some(error));
            }
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err(UnlockError::KeyVaultNeeded { vault, there: false }.into());
    }
    show(&lines, args.json, || in_words(&lines))?;
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

fn in_words(lines: &[Line]) -> String {
    let line = |told: &Line| {
        let says = match (told.standing, told.guesses_left) {
            ("registered", Some(left)) => format!("{left} guesses left"),
            ("pending", Some(left)) => format!("{left} guesses left; not used yet"),
            ("gone", _) => "has nothing for this slot (any more)".to_owned(),
            ("destroyed", _) => "DESTROYED its key after too many wrong guesses".to_owned(),
            _ => "cannot be asked".to_owned(),
        };
        format!("{}  {}  {says}\n", &told.slot[..8], told.server)
    };
    lines.iter().map(line).collect()
}
