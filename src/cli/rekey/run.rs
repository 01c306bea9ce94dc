//! The command itself.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::args::RekeyArgs;
use crate::cli::ask::{Ask, Terminal};
use crate::cli::descriptor::{claimed_descriptor, claimed_id};
use crate::cli::device::{open_files, open_state, state_path};
use crate::cli::error::Error;
use crate::cli::mount::refuse_if_in_use;
use crate::cli::names::Shown as _;
use crate::cli::output::show;
use crate::cli::progress::Progress;
use crate::cli::units::{bytes, counted};
use crate::cli::unlock::{Unlocked, unlock};
use crate::crypto::VaultId;
use crate::fs::{MountMode, Rekey, RekeyProgress, RekeyReport, RekeyStep, Side};
use crate::store::{
    DeviceIdentity, Disk, HostDisk, LastEnd, Rekeyed, Seen, StateFolder, VaultFolder,
    holds_unpublished,
};
use crate::system::machine;

use super::abandon::abandon;
use super::begin::{begin, go_on, refuse_without_answers};
use super::finish::{Old, finish};
use super::places::{Places, hold};
use super::words;

/// What `--json` prints.
#[derive(Serialize)]
struct Told {
    vault: String,
    /// The new vault's id.
    vault_id: String,
    /// What this run has sealed; nothing where that was done before.
    sealed: Option<Sealed>,
    /// Where the old vault is, if it is kept.
    old: Option<String>,
}

#[derive(Serialize)]
struct Sealed {
    objects: u64,
    bytes: u64,
    /// Objects that were there from an earlier run.
    found: u64,
    /// Earlier states that can be had.
    states: u64,
    /// Files of the old vault's folder that are none of its objects.
    left: Vec<String>,
}

/// Gives a vault a new master key, or goes on with that.
///
/// # Errors
/// [`Error`]; the vault is then as it was, or the new one is in its place, and the same command goes on.
pub fn run(args: &RekeyArgs) -> Result<(), Error> {
    if args.abandon {
        return abandon(args);
    }
    let places = Places::find(&args.vault)?;
    match new_vault_to_finish(args, &places)? {
        Some(new) => go_to_end(args, &places, new),
        None => seal_and_finish(args, &places),
    }
}

/// The folder of a new vault that was complete when a run was cut off, by its record, and its id.
fn new_vault_to_finish<'a>(
    args: &RekeyArgs,
    places: &'a Places,
) -> Result<Option<(&'a Path, VaultId)>, Error> {
    // Before they have changed places, the new one is looked at again.
    let place = if places.vault.exists() { &places.vault } else { &places.beside };
    let Some(id) = claimed_id(place).ok() else { return Ok(None) };
    let root = state_path(args.new_state_dir.as_deref(), &id)?;
    Ok(StateFolder::tells_of_rekey(&root, &id).then_some((place.as_path(), id)))
}

fn go_to_end(
    args: &RekeyArgs,
    places: &Places,
    (place, id): (&Path, VaultId),
) -> Result<(), Error> {
    let state = new_state(args, &id)?;
    let folder = VaultFolder::new(Arc::new(HostDisk), place);
    let how = args.new_unlock();
    if let (true, Some(mut terminal)) = (how.is_silent(), Terminal::at_hand()) {
        terminal.say(&words::going_on(place))?;
    }
    let Unlocked { descriptor, keys } = unlock(place, &folder, &how)?;
    let Some(record) = state.rekeyed(&keys)? else {
        return Err(Error::Incomplete("somebody else has finished it just now".to_owned()));
    };
    let old = finish(args, places, &state, &keys, &record)?;
    tell(args, places, descriptor.vault, None, &old)
}

fn seal_and_finish(args: &RekeyArgs, places: &Places) -> Result<(), Error> {
    let Places { vault, beside } = places;
    let folder = VaultFolder::new(Arc::new(HostDisk), vault);
    let claimed = claimed_descriptor(vault, &folder)?;
    places.check()?;
    let mut terminal = match places.is_begun() {
        true => None,
        false => refuse_without_answers(args)?,
    };
    let root = state_path(args.state_dir.as_deref(), claimed.claimed_vault())?;
    refuse_if_in_use(vault, &root)?;
    let object_bytes = folder.listing()?.object_bytes();
    if let Some(terminal) = &mut terminal {
        terminal.say(&words::first_words(vault, object_bytes))?;
    }
    if let (true, Some(mut terminal)) = (args.unlock.is_silent(), Terminal::at_hand()) {
        terminal.say(words::OLD_FIRST)?;
    }
    let old = unlock(vault, &folder, &args.unlock)?;
    publish_what_waits(&folder, &root, &old)?;
    // Keeps mounts of this device away until the end.
    let (state, _lock) = open_state(&root, MountMode::ReadWrite)?;
    let (seen, identity) = match &state {
        Some(state) => (state.seen(&old.keys)?.unwrap_or_default(), state.device(&old.keys)?),
        None => (Seen::default(), None),
    };
    let new = match places.is_begun() {
        true => go_on(args, places, &old)?,
        false => {
            check_room(vault, object_bytes)?;
            let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
            begin(args, places, &old, ask)?
        }
    };
    let _held = hold(beside)?;
    let new_folder = VaultFolder::new(Arc::new(HostDisk), beside);
    let rekey = Rekey {
        old: Side { vault: &folder, keys: &old.keys, descriptor: &old.descriptor },
        new: Side { vault: &new_folder, keys: &new.keys, descriptor: &new.descriptor },
        seen,
        identity: identity.clone(),
    };
    let mut report = carry_out(&rekey)?;
    // What other devices have brought in since the last look.
    while !rekey.missing()?.is_empty() {
        let made = report.made;
        report = carry_out(&rekey)?;
        report.made += made;
    }
    let state = new_state(args, &new.descriptor.vault)?;
    let record = Rekeyed {
        old: old.descriptor.vault,
        old_name: name_for_old(places, &state, &new)?,
        deletes: false,
    };
    trust(&state, &new, identity, &report)?;
    state.set_rekeyed(&new.keys, &record)?;
    let done = finish(args, places, &state, &new.keys, &record)?;
    tell(args, places, new.descriptor.vault, Some(&report), &done)
}

fn carry_out(rekey: &Rekey<'_>) -> Result<RekeyReport, Error> {
    let mut shown: Option<(RekeyStep, Progress)> = None;
    let report = rekey.carry_out(&mut |now: RekeyProgress| {
        if shown.as_ref().is_none_or(|(step, _)| *step != now.step) {
            let doing = match now.step {
                RekeyStep::Seal => "sealing anew",
                RekeyStep::Verify => "verifying",
            };
            shown = None;
            shown = Some((now.step, Progress::of(doing, now.all_bytes)));
        }
        if let Some((_, bar)) = &shown {
            bar.set_objects(now.done_objects, now.all_objects, now.done_bytes);
        }
    })?;
    drop(shown);
    Ok(report)
}

/// What this device has not brought into the old vault yet comes into it now: the new one is made of
/// what the vault has.
fn publish_what_waits(folder: &VaultFolder, root: &Path, old: &Unlocked) -> Result<(), Error> {
    if !holds_unpublished(root) {
        return Ok(());
    }
    let mode = MountMode::ReadWrite;
    let files = open_files(folder.clone(), open_state(root, mode)?, old.clone(), mode)?;
    let waits = files.status().read_only;
    files.shut_down()?;
    match waits {
        Some(reason) => Err(Error::NotArrived(format!(
            "changes of this device wait in {} and cannot be brought into the vault now: {reason}",
            root.shown()
        ))),
        None => Ok(()),
    }
}

/// Refuses what would run out of room on the way.
fn check_room(vault: &Path, object_bytes: u64) -> Result<(), Error> {
    let doing = || format!("asking for the room on the disk of {}", vault.shown());
    let room = HostDisk.room(vault).map_err(|source| Error::Io { doing: doing(), source })?;
    match room.available_bytes >= object_bytes {
        true => Ok(()),
        false => Err(Error::Incomplete(format!(
            "the new vault takes {} beside the old one, and {} are free: nothing was begun",
            bytes(object_bytes),
            bytes(room.available_bytes)
        ))),
    }
}

fn new_state(args: &RekeyArgs, vault: &VaultId) -> Result<StateFolder, Error> {
    let root = state_path(args.new_state_dir.as_deref(), vault)?;
    Ok(StateFolder::make(Arc::new(HostDisk), root)?)
}

/// The name that the old vault's folder gets: the one that an earlier run has chosen, since it may have
/// been given already.
fn name_for_old(places: &Places, state: &StateFolder, new: &Unlocked) -> Result<String, Error> {
    let known = state.rekeyed(&new.keys)?;
    Ok(known.map_or_else(|| places.free_old_name(), |record| record.old_name))
}

/// The new vault's state folder starts with what was sealed: from the start, a vault that goes back
/// behind that is known for what it is. The device goes on as the one that it was.
fn trust(
    state: &StateFolder,
    new: &Unlocked,
    identity: Option<DeviceIdentity>,
    report: &RekeyReport,
) -> Result<(), Error> {
    let machine = machine();
    if let Some(identity) = identity.filter(|identity| identity.machine == machine) {
        state.set_device(&new.keys, &identity)?;
    }
    let (frontier, awaited) = (report.frontier.clone(), Some([].into()));
    let seen = Seen { frontier, generation: 0, awaited, publishing: None };
    state.set_seen(&new.keys, &seen)?;
    let end = LastEnd { ok: true, unpublished: false, message: String::new() };
    Ok(state.set_last_end(Some(&end))?)
}

fn tell(
    args: &RekeyArgs,
    places: &Places,
    vault_id: VaultId,
    report: Option<&RekeyReport>,
    old: &Old,
) -> Result<(), Error> {
    let sealed = report.map(|report| Sealed {
        objects: report.objects,
        bytes: report.bytes,
        found: report.objects.saturating_sub(report.made),
        states: report.states,
        left: report.left.clone(),
    });
    let old_place = match old {
        Old::Kept(path) => Some(path),
        Old::Deleted => None,
    };
    let told = Told {
        vault: places.vault.display().to_string(),
        vault_id: vault_id.to_string(),
        sealed,
        old: old_place.map(|path| path.display().to_string()),
    };
    show(&told, args.json, || {
        let mut text = String::new();
        if let Some(Sealed { objects, bytes: sealed_bytes, states, left, .. }) = &told.sealed {
            text.push_str(&format!(
                "{}, {}, {}: all is sealed anew, verified, and the same.\n",
                counted(*objects, "object", "objects"),
                bytes(*sealed_bytes),
                counted(*states, "state", "states"),
            ));
            for path in left {
                text.push_str(&format!("not taken over: {path}, no object of the vault\n"));
            }
        }
        text.push_str(&match old_place {
            Some(path) => words::kept(path),
            None => "The old vault is deleted.\n".to_owned(),
        });
        text
    })
}
