//! The command itself.

use std::path::Path;
use std::sync::Arc;

use crate::cli::args::DisableArgs;
use crate::cli::descriptor::claimed_descriptor;
use crate::cli::device::{open_files, open_state, state_path};
use crate::cli::enable::confirm::{may_delete, refuse_without_answer};
use crate::cli::enable::places::{Extent, check_room, refuse_within, resolved};
use crate::cli::enable::plain::PlainFolder;
use crate::cli::enable::words::service_at;
use crate::cli::error::Error;
use crate::cli::host::COMPARES_ALL;
use crate::cli::mount::refuse_if_in_use;
use crate::cli::mounted::mount_point_of_vault;
use crate::cli::progress::Progress;
use crate::cli::restore::{Report, headed, raise_file_limit, restore_all};
use crate::cli::units::{bytes, counted};
use crate::cli::unlock::unlock;
use crate::cli::unmount::unmount;
use crate::format::Ino;
use crate::fs::{FileSystem, MountMode};
use crate::fuse::mount_at;
use crate::store::{HostDisk, VaultFolder};

use super::deletion::Deletion;
use super::prove::compare_all;
use crate::cli::names::Shown as _;
use crate::cli::output::say;

/// What a restore that was cut off leaves under a hidden name.
const DRAFT_START: &[u8] = b".hushfs-restore-";

/// Brings everything back into a folder, compares it, and deletes the vault if that is wanted.
///
/// # Errors
/// [`Error::Damage`], [`Error::NotArrived`] or [`Error::Incomplete`] if not everything came back; or
/// [`Error`] if it does not come so far. The vault is there then, as before.
pub fn run(args: &DisableArgs) -> Result<(), Error> {
    if !COMPARES_ALL {
        return Err(Error::NotHere {
            what: "“hushfs disable”",
            instead: "“hushfs restore” brings everything in the vault back; delete the vault’s folder once \
                      you have looked at what came back",
        });
    }
    refuse_without_answer(args.yes || !args.delete_vault)?;
    if let Ok(vault) = resolved(&args.vault)
        && let Some(deletion) = Deletion::begun(&vault)
    {
        return go_on(args, &vault, &deletion);
    }
    let vault = std::fs::canonicalize(&args.vault)
        .map_err(|source| Error::Io { doing: format!("reading {}", args.vault.shown()), source })?;
    let folder = resolved(&args.folder)?;
    refuse_within(&folder, &vault)?;
    let objects = VaultFolder::new(Arc::new(HostDisk), &vault);
    let claimed = claimed_descriptor(&vault, &objects)?;
    let state = state_path(args.state_dir.as_deref(), claimed.claimed_vault())?;
    // Before anything is unmounted: the password may be wrong.
    let unlocked = unlock(&vault, &objects, &args.unlock)?;
    give_back_place(&vault, &folder)?;
    refuse_if_in_use(&vault, &state)?;
    raise_file_limit();
    // What comes into the folder after this is not compared, and not deleted.
    let deletion = args.delete_vault.then(|| Deletion::of(&vault)).transpose()?;
    // Its lock is held until the end.
    let mode = MountMode::ReadOnly;
    let files = open_files(objects, open_state(&state, mode)?, unlocked, mode)?;
    refuse_others(&files, &folder)?;

    let status = files.status();
    let report = Report {
        vault_damage: status.damage.clone(),
        not_arrived: status.not_arrived.clone(),
        ..Report::default()
    };
    let (report, done) = restore_all(&files, &folder, report)?;
    eprint!("{}", report.problems());
    println!("{}", report.summary());
    done?;
    let progress = Progress::of("comparing", status.content_bytes);
    let compared = compare_all(&files, &folder, &progress)?;
    drop(progress);
    let told = report.verdict();
    if told.is_ok() {
        eprint!("{}", headed(&[("DIFFERS", &compared.differs)]));
    }
    told?;
    if !compared.differs.is_empty() {
        let entries = counted(compared.differs.len() as u64, "entry is", "entries are");
        return Err(Error::Incomplete(format!(
            "{entries} not in {} as in the vault, as said above. Nothing was deleted: the vault is \
             kept in {}",
            folder.shown(),
            vault.shown()
        )));
    }
    println!(
        "Everything in the vault is in {}, unencrypted, and was compared with the vault: {}, {}.",
        folder.shown(),
        counted(compared.same, "entry", "entries"),
        bytes(compared.bytes)
    );
    if let Some(service) = service_at(&folder) {
        say(&format!(
            "{} is in a folder that {service} uploads, as its path tells: the files are \
             uploaded unencrypted from now on",
            folder.shown()
        ));
    }
    finish(args, &vault, &folder, &files, deletion.as_ref())
}

/// Unmounts the vault where it is mounted at the folder; refuses where something else is mounted.
fn give_back_place(vault: &Path, folder: &Path) -> Result<(), Error> {
    match mount_point_of_vault(vault)? {
        Some(mount_point) if mount_point == folder => Ok(unmount(folder)?),
        Some(elsewhere) => Err(Error::InUse(format!(
            "{} is mounted at {}: run “hushfs unmount” first, or name that as the folder",
            vault.shown(),
            elsewhere.shown()
        ))),
        None => match mount_at(folder) {
            Ok(Some(_)) => {
                Err(Error::InUse(format!("something else is mounted at {}", folder.shown())))
            }
            _ => Ok(()),
        },
    }
}

/// A folder with other files in it is no place to bring a vault's back to. What an earlier run has
/// brought back is none of those.
fn refuse_others(files: &FileSystem, folder: &Path) -> Result<(), Error> {
    let reading = |source| Error::Io { doing: format!("reading {}", folder.shown()), source };
    let names = match PlainFolder::open(folder).and_then(|folder| folder.names()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(reading)?,
    };
    let is_other = |name: &&Vec<u8>| {
        !name.starts_with(DRAFT_START)
            && !name.ends_with(crate::cli::restore::DAMAGED_SUFFIX)
            && files.lookup(Ino::ROOT, name).is_err()
    };
    if let Some(other) = names.iter().find(is_other) {
        return Err(Error::Usage(format!(
            "{} is not empty, and the vault has no “{}”: name an empty or a new folder",
            folder.shown(),
            other.shown()
        )));
    }
    if names.is_empty() {
        let status = files.status();
        check_room(folder, Extent { files: status.files, bytes: status.content_bytes })?;
    }
    Ok(())
}

fn finish(
    args: &DisableArgs,
    vault: &Path,
    folder: &Path,
    files: &FileSystem,
    deletion: Option<&Deletion>,
) -> Result<(), Error> {
    let Some(deletion) = deletion else {
        println!(
            "The vault is kept, with all earlier states, in {}. If you need neither, “hushfs disable \
             --delete-vault {} {}” compares once more and deletes it.",
            vault.shown(),
            args.vault.shown(),
            args.folder.shown()
        );
        return Ok(());
    };
    if files.state_folder().is_some() && files.state_lock().is_none() {
        return Err(Error::InUse(format!(
            "{} is in use by another process on this machine: nothing was deleted",
            vault.shown()
        )));
    }
    let question = format!(
        "The vault {} will be deleted, with all earlier states of its files: what was deleted or \
         overwritten before can then not be brought back, on no device. Its files are in {}, \
         unencrypted.",
        vault.shown(),
        folder.shown()
    );
    if !may_delete(args.yes, &question)? {
        return Err(Error::Incomplete(format!("the vault is kept in {}", vault.shown())));
    }
    delete(vault, deletion)
}

/// A deletion that was cut off. Everything was compared before it began, and it was asked for.
fn go_on(args: &DisableArgs, vault: &Path, deletion: &Deletion) -> Result<(), Error> {
    if !args.delete_vault {
        return Err(Error::Incomplete(format!(
            "the deletion of the vault {} was cut off, after everything in it was brought back and \
             compared: “hushfs disable --delete-vault {} {}” ends it",
            vault.shown(),
            args.vault.shown(),
            args.folder.shown()
        )));
    }
    say(
        "going on with a deletion that was cut off; everything was brought back and compared before",
    );
    delete(vault, deletion)
}

fn delete(vault: &Path, deletion: &Deletion) -> Result<(), Error> {
    match deletion.carry_out(vault)? {
        true => println!("The vault is deleted."),
        false => println!(
            "The vault is deleted. {} has files that are none of it, which stay.",
            vault.shown()
        ),
    }
    Ok(())
}
