//! The new vault takes the old one's place, and the old one is kept or goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::args::RekeyArgs;
use crate::cli::ask::Terminal;
use crate::cli::descriptor::claimed_id;
use crate::cli::disable::Deletion;
use crate::cli::enable::confirm::may_delete;
use crate::cli::error::Error;
use crate::cli::mounted::mount_point_of_vault;
use crate::cli::names::Shown as _;
use crate::cli::remembered::slot_remembered;
use crate::cli::units::counted;
use crate::crypto::{ClassKeys, VaultId};
use crate::desktop::Keyring;
use crate::format::is_litter;
use crate::fs::lacking;
use crate::store::{
    HostDisk, Rekeyed, StateFolder, VaultFolder, default_state_folder, move_folder, note_remembered,
};

use super::places::Places;
use super::words;

/// What has become of the old vault.
pub(super) enum Old {
    Kept(PathBuf),
    Deleted,
}

/// Goes on from wherever a run was cut off that had written `record`, to the end.
///
/// # Errors
/// [`Error`]; the same command goes on.
pub(super) fn finish(
    args: &RekeyArgs,
    places: &Places,
    state: &StateFolder,
    keys: &ClassKeys,
    record: &Rekeyed,
) -> Result<Old, Error> {
    let old = places.old(&record.old_name);
    settle_places(places, keys, record, &old)?;
    take_over_litter(&old, &places.vault);
    eprintln!("{}\n{}", words::is_in_place(&places.vault), words::what_stays(&places.vault));
    let is_there = old.exists();
    let is_it = is_there && claimed_id(&old).ok() == Some(record.old);
    let deletes = record.deletes
        || is_it && holds_no_more(&old, &places.vault)? && asked_to_delete(args, &old)?;
    if deletes {
        state.set_rekeyed(keys, &Rekeyed { deletes, ..record.clone() })?;
        if is_there && !Deletion::going_on(&old)?.carry_out(&old)? {
            log::warn!("{} has files that are none of the vault, which stay", old.shown());
        }
    }
    if slot_remembered(&record.old).is_some() {
        eprintln!("{}", words::asks_again(&places.vault));
        if deletes {
            forget_key(&record.old);
        }
    }
    state.forget_rekeyed(keys.vault())?;
    Ok(if deletes || !is_there { Old::Deleted } else { Old::Kept(old) })
}

/// Each of the two vaults gets to its place, from wherever they are.
fn settle_places(
    places: &Places,
    keys: &ClassKeys,
    record: &Rekeyed,
    old: &Path,
) -> Result<(), Error> {
    let new = keys.vault();
    let at = (claimed_id(&places.vault).ok(), claimed_id(&places.beside).ok());
    match at {
        // The whole way.
        (Some(at_place), Some(beside)) if at_place == record.old && beside == *new => {
            refuse_mounted(&places.vault)?;
            refuse_mounted(&places.beside)?;
            places.exchange(old)
        }
        // They have changed places, and the old one has its passing name.
        (Some(at_place), Some(beside)) if at_place == *new && beside == record.old => {
            Ok(move_folder(&places.beside, old)?)
        }
        // The old one has left, and the new one has not come.
        (None, Some(beside)) if beside == *new && !places.vault.exists() => {
            Ok(move_folder(&places.beside, &places.vault)?)
        }
        (Some(at_place), _) if at_place == *new => Ok(()),
        _ => Err(Error::Incomplete(format!(
            "the folders {} and {} are not the two vaults that were to change places: nothing was moved",
            places.vault.shown(),
            places.beside.shown()
        ))),
    }
}

/// The key in this device's keyring goes with the vault that it opened.
fn forget_key(old: &VaultId) {
    if let Err(why) = Keyring::connect().and_then(|keyring| keyring.remove(&old.to_string())) {
        log::warn!("what the keyring has for the old vault stays there: {why}");
    }
    let forgotten = default_state_folder(old)
        .map_or(Ok(()), |folder| note_remembered(&HostDisk, &folder, None));
    if let Err(error) = forgotten {
        log::warn!("{error}");
    }
}

fn refuse_mounted(vault: &Path) -> Result<(), Error> {
    match mount_point_of_vault(vault)? {
        Some(mount_point) => Err(Error::InUse(format!(
            "{} is mounted at {}: run “hushfs unmount”, then the same command again",
            vault.shown(),
            mount_point.shown()
        ))),
        None => Ok(()),
    }
}

/// What a sync client keeps for itself in the folder that it watches belongs to the place, not to the
/// vault: without it some clients stop.
fn take_over_litter(old: &Path, vault: &Path) {
    for entry in fs::read_dir(old).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(is_litter)
            && !vault.join(&name).exists()
            && let Err(error) = move_folder(&entry.path(), &vault.join(&name))
        {
            log::warn!("{error}");
        }
    }
}

/// Whether the old vault has nothing that the new one lacks; says what it has, if not. A sync client may
/// have brought something in the moment before the two changed places.
fn holds_no_more(old: &Path, vault: &Path) -> Result<bool, Error> {
    let folder = |path: &Path| VaultFolder::new(Arc::new(HostDisk), path);
    let more = lacking(&folder(old), &folder(vault))?;
    if let Some(first) = more.first() {
        log::warn!(
            "the old vault in {} holds {} that the new one does not, {first} for one: it came too late, or \
             the new one has let go of it since. The old vault is not deleted",
            old.shown(),
            counted(more.len() as u64, "object", "objects")
        );
    }
    Ok(more.is_empty())
}

fn asked_to_delete(args: &RekeyArgs, old: &Path) -> Result<bool, Error> {
    if args.delete_old || args.keep_old || args.yes || Terminal::at_hand().is_none() {
        return Ok(args.delete_old);
    }
    may_delete(false, &words::question(old))
}
