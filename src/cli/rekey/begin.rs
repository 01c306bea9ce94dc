//! The new vault's slots: made of what is asked for or given, and opened again when going on.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::cli::args::RekeyArgs;
use crate::cli::ask::{Ask, Terminal};
use crate::cli::error::Error;
use crate::cli::init::{
    InitError, Place, README, Ways, affirm_saved, choose_ways, seal_slots, warning, write_new_key,
};
use crate::cli::keys::given_password;
use crate::cli::names::Shown as _;
use crate::cli::rescue::{Rescued, Wreck};
use crate::cli::secrets::key_from_file;
use crate::cli::undo::Undo;
use crate::cli::unlock::{Candidates, Unlocked, open_as, opens, opens_with_password};
use crate::crypto::{MasterKey, Password, VaultId};
use crate::format::{
    DATA_FOLDER, Descriptor, KEYS_FOLDER, LOG_FOLDER, README_NAME, RecoveryKey, Time,
    slot_id_of_path, slot_path,
};
use crate::store::{HostDisk, VaultFolder};

use super::places::Places;
use super::words;

/// Refuses to begin where neither anybody can be asked nor the command line says all.
///
/// # Errors
/// [`Error::Usage`].
pub(super) fn refuse_without_answers(args: &RekeyArgs) -> Result<Option<Terminal>, Error> {
    let terminal = Terminal::at_hand().filter(|_| !args.yes);
    match terminal.is_some() || args.yes && !args.new_unlock().is_silent() {
        true => Ok(terminal),
        false => Err(Error::Usage(
            "there is nobody to ask: pass --yes, and --new-password-file, --new-password-command or \
             --new-key-file"
                .to_owned(),
        )),
    }
}

/// Makes the folder of the new vault and its slots. Its README.txt comes behind the slots: with that it
/// is known that all of them are there.
///
/// # Errors
/// [`Error`]; the same command begins anew.
pub(super) fn begin(
    args: &RekeyArgs,
    places: &Places,
    old: &Unlocked,
    mut ask: Option<&mut dyn Ask>,
) -> Result<Unlocked, Error> {
    let folder = VaultFolder::new(Arc::new(HostDisk), &places.beside);
    let was_begun = places.beside.exists();
    let mut undo = Undo::default();
    let place = check_place(&places.beside)?;
    refuse_leftovers(places, &folder)?;
    let given = given_password(&args.new_password)?;
    let mut ways = match &mut ask {
        Some(ask) if args.new_unlock().is_silent() => choose_ways(*ask)?,
        _ => Ways { password: given, key_file: args.new_key_file.clone(), key: None },
    };
    refuse_old_password(places, ways.password.as_ref())?;
    if let Some(place) = place {
        place.make(&mut undo)?;
    }
    if let Some(file) = &args.new_key_file {
        ways.key = Some(key_in(file, places, was_begun, &mut undo)?);
    }
    match &mut ask {
        Some(ask) => affirm_saved(*ask, &ways)?,
        None => log::warn!("{}", warning(&ways)),
    }
    let (vault, chunk_size) = (VaultId::random(), old.descriptor.chunk_size);
    let keys = MasterKey::random().class_keys(&vault);
    let slots = seal_slots(&keys, &ways, chunk_size).map_err(InitError::Stretch)?;
    for name in [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER] {
        undo.folder(&folder.place(name));
        folder.make_folder(name)?;
    }
    let files = slots.iter().map(|slot| (slot_path(slot.id), slot.bytes.as_slice()));
    for (path, bytes) in files.chain([(README_NAME.to_owned(), README.as_bytes())]) {
        undo.file(&folder.place(&path));
        folder.put_new(&path, bytes)?;
    }
    undo.keep();
    Ok(Unlocked { descriptor: Descriptor { vault, chunk_size, created: Time::now() }, keys })
}

/// Opens what was begun with the new password or key.
///
/// Whoever knows the old password can put slots there that it opens. So what opens the old vault is no
/// new way, whatever it opens besides.
///
/// # Errors
/// [`Error::Unlock`] for a wrong one; nothing is changed.
pub(super) fn go_on(args: &RekeyArgs, places: &Places, old: &Unlocked) -> Result<Unlocked, Error> {
    let folder = VaultFolder::new(Arc::new(HostDisk), &places.beside);
    let wreck = Wreck::read(&places.beside, &folder)?;
    wreck.refuse_newer()?;
    let how = args.new_unlock();
    if let (true, Some(mut terminal)) = (how.is_silent(), Terminal::at_hand()) {
        terminal.say(&words::going_on(&places.beside))?;
    }
    let is_old_way = Cell::new(false);
    let Rescued { descriptor, keys, .. } = open_as(&how, &[], &|candidates| {
        let opened = wreck.open(candidates)?;
        is_old_way.set(opens_old(places, candidates) == Some(true));
        Ok(opened)
    })?;
    if is_old_way.get() || descriptor.vault == old.descriptor.vault {
        return Err(old_way());
    }
    if descriptor.chunk_size != old.descriptor.chunk_size {
        return Err(Error::Damage(format!(
            "{} was begun for another vault: “hushfs rekey --abandon” deletes it",
            places.beside.shown()
        )));
    }
    Ok(Unlocked { descriptor, keys })
}

fn old_way() -> Error {
    Error::Usage(
        "that opens the old vault as well: the new one needs a password or key that nobody has learned"
            .to_owned(),
    )
}

fn opens_old(places: &Places, candidates: &Candidates) -> Option<bool> {
    let folder = VaultFolder::new(Arc::new(HostDisk), &places.vault);
    opens(&places.vault, &folder, candidates)
}

fn refuse_old_password(places: &Places, password: Option<&Password>) -> Result<(), Error> {
    let copy = password.and_then(|it| Password::new(Zeroizing::new(it.bytes().to_vec())).ok());
    let folder = VaultFolder::new(Arc::new(HostDisk), &places.vault);
    let opens = copy.and_then(|copy| opens_with_password(&places.vault, &folder, copy));
    if opens == Some(true) { Err(old_way()) } else { Ok(()) }
}

/// A new key in a file; the one that a run which was cut off here has written there, and that opens
/// nothing yet.
fn key_in(
    file: &Path,
    places: &Places,
    was_begun: bool,
    undo: &mut Undo,
) -> Result<RecoveryKey, Error> {
    if was_begun && file.exists() {
        let key = || key_from_file(file);
        return match opens_old(places, &Candidates::key(key()?)) {
            Some(true) => Err(old_way()),
            _ => Ok(key()?),
        };
    }
    if Place::of_vault(&places.vault)?.holds(file) {
        return Err(InitError::KeyInVault { path: file.to_owned() }.into());
    }
    write_new_key(file, &Place::of_vault(&places.beside)?, undo)
}

/// What is left of slots that were not all put goes: nothing was sealed with their master key.
fn refuse_leftovers(places: &Places, folder: &VaultFolder) -> Result<(), Error> {
    let listing = folder.listing()?;
    if listing.objects() > 0 || places.is_complete() {
        return Err(Error::Damage(format!(
            "{} holds objects, but not what a new vault begins with: look at what it is, or delete it \
             with “hushfs rekey --abandon”",
            places.beside.shown()
        )));
    }
    let paths = folder.files_below(KEYS_FOLDER)?;
    for path in paths.iter().filter(|path| slot_id_of_path(path).is_some()) {
        folder.remove(path)?;
    }
    Ok(())
}

/// The place for the new vault; `None` where an earlier run has made its folder.
fn check_place(path: &Path) -> Result<Option<Place>, Error> {
    match Place::check(path) {
        Ok(place) => Ok(Some(place)),
        Err(Error::Init(InitError::Unfinished { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
