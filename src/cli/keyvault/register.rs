//! `hushfs keyvault register` and `reset`.
//!
//! The order is what keeps a way in at every step: the record waits at the server, the slot is durable in
//! the vault, the record takes the old one's place, and only then the old slot goes, which opens nothing any
//! more.

use std::io;

use crate::cli::ask::Ask;
use crate::cli::error::Error;
use crate::cli::init::stretch_parameters;
use crate::cli::keys::KeyError;
use crate::cli::keys::access::SlotAccess;
use crate::cli::keys::new_way::{chosen_password, somebody_to_ask};
use crate::cli::keys::words::{short, short_id, ways_left};
use crate::cli::output::print;
use crate::crypto::SlotId;
use crate::format::{KeyVaultPlace, ServerPin, SlotWay};
use crate::fs::SlotEntry;
use crate::keyvault::account::GUESSES;
use crate::keyvault::client::{self, ClientError, ServerAddress};
use crate::keyvault::protocol::Refused;

use super::args::{NewRegistrationArgs, RegisterArgs, ResetArgs};
use super::slots;

/// Registers with a server.
///
/// # Errors
/// [`Error`]; what opened the vault before still does.
pub(super) fn register(args: &RegisterArgs) -> Result<(), Error> {
    let mut terminal = somebody_to_ask(args.new.yes, WHAT_TO_PASS)?;
    let access = SlotAccess::open_here(&args.new.vault, &args.new.unlock)?;
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
    let slots = slots::relied_on(&access)?;
    make(&access, slots, &args.server, args.pin, &args.new, ask)
}

/// Registers anew with the server that the vault has a slot for.
///
/// # Errors
/// [`Error`]; what opened the vault before still does.
pub(super) fn reset(args: &ResetArgs) -> Result<(), Error> {
    let mut terminal = somebody_to_ask(args.new.yes, WHAT_TO_PASS)?;
    let access = SlotAccess::open_here(&args.new.vault, &args.new.unlock)?;
    let slots = slots::relied_on(&access)?;
    let place = match &slots[..] {
        [] => return Err(slots::none(&access)),
        [.., (_, newest)] => newest,
    };
    if slots.iter().any(|(_, other)| other.address() != place.address()) {
        return Err(Error::Usage(
            "the vault has slots for several key vaults: register with the one you mean, with \
             “hushfs keyvault register”"
                .to_owned(),
        ));
    }
    let server = ServerAddress::parse(place.address());
    let server = server.ok_or_else(|| ClientError::Address(place.address().to_owned()))?;
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
    let pin = args.pin.unwrap_or(place.pin);
    make(&access, slots, &server, pin, &args.new, ask)
}

const WHAT_TO_PASS: &str = "--yes, and --new-password-file or --new-password-command";

fn make(
    access: &SlotAccess,
    mut old: Vec<(SlotEntry, KeyVaultPlace)>,
    server: &ServerAddress,
    pin: ServerPin,
    new: &NewRegistrationArgs,
    ask: Option<&mut dyn Ask>,
) -> Result<(), Error> {
    let keys = access.keys().ok_or_else(|| slots::none(access))?;
    let account = keys.master().account_key(access.id());
    old.retain(|(_, place)| place.address() == server.to_string());
    let password = chosen_password(&new.new_password, ask)?;
    let stretch = stretch_parameters().map_err(KeyError::Stretch)?;
    let registered = client::register(server, pin, &account, &password, stretch)?;
    let place = registered.place.clone();

    let way = SlotWay::of_key_vault(access.id(), &registered.export_key, stretch, registered.place);
    let replaces = old.last().and_then(|(slot, _)| SlotId::from_hex(&slot.id));
    let id = access.add(way, &new.name, replaces)?;
    let mut text = format!(
        "Slot {} is added: its password opens the vault together with the key vault at {server}, which \
         destroys its key after {GUESSES} wrong guesses.\n",
        short_id(id)
    );
    match client::commit(&place, &account) {
        Ok(_) => {
            for (slot, _) in &old {
                access.remove(slot)?;
                text.push_str(&format!("Slot {} opens no more, and is removed.\n", short(slot)));
            }
        }
        Err(ClientError::Refused(refused @ (Refused::Gone | Refused::Destroyed))) => {
            // It opens nothing; nobody must rely on it.
            if let Some(slot) = access.slots()?.iter().find(|slot| slot.id == id.to_string()) {
                access.remove(slot)?;
            }
            return Err(ClientError::Refused(refused).into());
        }
        Err(error) => log::warn!(
            "the slot opens, but the key vault could not be told that it is in the vault: {error}. The \
             first “mount --keyvault” tells it; until then the registration before is kept as well"
        ),
    }
    text.push_str(&ways_left(&access.slots()?));
    print(io::stdout(), &text)
}
