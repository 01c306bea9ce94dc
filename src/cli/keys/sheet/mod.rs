//! `hushfs key sheet`: a page to print, with which the vault can be restored without this device.
//!
//! A key cannot be had from its slot. So a sheet has the key that was given, or a new one: its slot is
//! put after the sheet is durable, and if that fails the sheet goes.

mod content;
mod pdf;
mod qr;
mod text;

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::args::KeySheetArgs;
use crate::cli::error::Error;
use crate::cli::init::{Place, quoted, write_with_key};
use crate::cli::output::print;
use crate::cli::secrets::key_from_file;
use crate::cli::undo::Undo;
use crate::crypto::SlotId;
use crate::format::{RecoveryKey, SlotWay, Time};

use super::access::SlotAccess;
use super::new_way::refuse_in_mount;
use super::words::{short_id, ways_left};
use content::Sheet;

/// What a sheet's slot is called.
const SLOT_NAME: &str = "key sheet";

/// Writes the sheet, and adds its key to the vault if it is a new one.
///
/// # Errors
/// [`Error`]; no sheet is left then, and no slot is added, unless the text says so.
pub(super) fn run(args: &KeySheetArgs) -> Result<(), Error> {
    let access = SlotAccess::open(&args.vault, &args.unlock)?;
    refuse_in_mount(&args.file, access.mounted_at())?;
    let place = Place::of_vault(&access.vault)?;
    let mut undo = Undo::default();
    let write = |key: &RecoveryKey, slot: Option<SlotId>, undo: &mut Undo| {
        let sheet = Sheet {
            vault_name: name_of(&access.vault),
            vault_id: access.id().to_string(),
            slot: slot.map(short_id),
            date: Time::now().date(),
            key,
        };
        let bytes = match args.pdf || ends_in_pdf(&args.file) {
            true => pdf::bytes(&sheet),
            false => Zeroizing::new(text::text(&sheet).as_bytes().to_vec()),
        };
        write_with_key(&args.file, &bytes, &place, undo)
    };
    let said = match &args.unlock.key_file {
        Some(file) => {
            let opened = access.opened().first().copied();
            write(&key_from_file(file)?, opened, &mut undo)?;
            "No new key was made: the sheet has the one that was given.\n".to_owned()
        }
        None => {
            let key = RecoveryKey::random();
            let way = SlotWay::of_key(access.id(), &key);
            write(&key, Some(way.id()), &mut undo)?;
            let id = access.add(way, args.name.as_deref().unwrap_or(SLOT_NAME), None)?;
            let slot = short_id(id);
            format!("Slot {slot} is added, for the sheet's key.\n{}", ways_left(&access.slots()?))
        }
    };
    undo.keep();
    let file = quoted(&args.file);
    let text = format!(
        "The key sheet is in {file}.\n{said}\nPrint it, keep the page where you keep papers of worth, \
         and delete the file: whoever reads either can open the vault.\n"
    );
    print(io::stdout(), &text)
}

fn ends_in_pdf(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"))
}

/// What a person calls the vault: the name of its folder.
fn name_of(vault: &Path) -> String {
    let full = std::fs::canonicalize(vault).unwrap_or_else(|_| vault.to_owned());
    let name = full.file_name().unwrap_or_default().to_string_lossy();
    name.chars().filter(|letter| !letter.is_control()).collect()
}
