//! The command itself.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::args::{EnableArgs, InitArgs, MountArgs};
use crate::cli::descriptor::{claimed_descriptor, is_vault};
use crate::cli::device::{open_files, open_state, state_path};
use crate::cli::error::Error;
use crate::cli::exit::ExitCode;
use crate::cli::host::COMPARES_ALL;
use crate::cli::init;
use crate::cli::mount::{mount_unlocked, refuse_if_in_use};
use crate::cli::progress::Progress;
use crate::cli::restore::raise_file_limit;
use crate::cli::units::{bytes, counted};
use crate::cli::unlock::{Unlocked, unlock};
use crate::format::ChunkSize;
use crate::fs::{FileSystem, FsError, MountMode};
use crate::fuse;
use crate::fuse::daemon::{self, Detacher, Role};
use crate::fuse::harden;
use crate::store::{HostDisk, StateLock, VaultFolder};

use super::confirm::{may_delete, refuse_without_answer};
use super::copy::copy_all;
use super::marks::remove_marks;
use super::old_copies::{files_by_size, prove_copies};
use super::originals::put_aside;
use super::places::{Places, check_room, measure};
use super::plain::PlainFolder;
use super::prove::{Proof, prove_all, stays};
use super::remove::{changed_since, remove_proven};
use super::told::Told;
use super::words::what_stays;
use crate::cli::names::Shown as _;
use crate::cli::output::say;

/// Takes a folder into a vault, and mounts the vault in its place.
///
/// # Errors
/// [`Error::Incomplete`] if something stays in the folder, which is then not replaced by the mount;
/// or [`Error`] if it does not come so far. Nothing is lost in any case, and the same command goes
/// on.
pub fn run(args: &EnableArgs) -> Result<(), Error> {
    if !COMPARES_ALL {
        return Err(Error::NotHere {
            what: "“hushfs enable”",
            instead: "on macOS files have what a vault does not keep, so none is deleted; make a vault with \
                      “hushfs init”, mount it, copy your files into it, and delete the others once you have \
                      looked at the copies",
        });
    }
    if args.no_mount {
        let mut told = Told::of(args);
        let enabled = enable(args, &mut told);
        told.show(args.json, enabled.is_ok())?;
        return match enabled?.left_over {
            Some(sentence) => Err(Error::Incomplete(sentence)),
            None => Ok(()),
        };
    }
    fuse::may_mount()?;
    // Here, since there can be no fork once there are threads.
    let role = daemon::fork()
        .map_err(|source| Error::Io { doing: "going to the background".into(), source })?;
    match role {
        Role::Parent(code) => std::process::exit(code),
        Role::Child(detacher) => in_child(args, detacher),
    }
}

fn in_child(args: &EnableArgs, detacher: Detacher) -> Result<(), Error> {
    // Whoever kills the process that they have started means this one.
    let bound = daemon::end_with_parent(true);
    bound.unwrap_or_else(|error| log::debug!("outlives its parent: {error}"));
    harden::protect_memory();
    let mut told = Told::of(args);
    let enabled = enable(args, &mut told);
    told.show(args.json, enabled.is_ok())?;
    let Enabled { places, unlocked, left_over } = enabled?;
    let freed = daemon::end_with_parent(false);
    freed.map_err(|source| Error::Io { doing: "going to the background".into(), source })?;
    let (vault, mountpoint) = (places.vault.clone(), places.folder.clone());
    if !args.json {
        println!(
            "{} shows from now on what is in the vault. After the next start of this machine, “hushfs \
             mount {} {}” does that.",
            args.folder.shown(),
            args.vault.shown(),
            args.folder.shown()
        );
    }
    let mount = MountArgs {
        unlock: args.unlock.clone(),
        foreground: false,
        read_only: false,
        at: None,
        accept_rollback: false,
        allow_other: false,
        state_dir: args.state_dir.clone(),
        waiting_limit: None,
        history: None,
        fetch_limit: None,
        equate_name_forms: false,
        no_history_folder: false,
        idle: None,
        lock_on_suspend: false,
        no_notify: false,
        no_reminder: true,
        under_launchd: false,
        options: Vec::new(),
        vault,
        mountpoint,
    };
    let detacher = match left_over {
        Some(sentence) => {
            say(&sentence);
            detacher.ready_with(ExitCode::Failed.number())
        }
        None => detacher,
    };
    mount_unlocked(&mount, unlocked, detacher).inspect_err(|_| {
        say(&format!(
            "everything is in the vault, but it is not mounted; “hushfs mount {} {}” tries that \
             again",
            args.vault.shown(),
            args.folder.shown()
        ));
    })
}

/// What there is after everything is in the vault and gone from the folder.
struct Enabled {
    places: Places,
    unlocked: Unlocked,
    /// What is still there of old copies elsewhere, which is no reason not to mount.
    left_over: Option<String>,
}

fn enable(args: &EnableArgs, told: &mut Told) -> Result<Enabled, Error> {
    let places = Places::check(args)?;
    let deletes = !args.keep_originals || !places.also_delete.is_empty();
    refuse_without_answer(args.yes || !deletes)?;
    raise_file_limit();
    let root = open_folder(&places.folder)?;
    let all = measure(&root, &places.folder, None)?;
    let vault = VaultFolder::new(Arc::new(HostDisk), &places.vault);
    if !is_vault(&vault) {
        check_room(&places.vault, all)?;
        make_vault(args)?;
    }
    let claimed = claimed_descriptor(&places.vault, &vault)?;
    let state = state_path(args.state_dir.as_deref(), claimed.claimed_vault())?;
    refuse_if_in_use(&places.vault, &state)?;
    let unlocked = unlock(&places.vault, &vault, &args.unlock)?;

    let mut progress = Progress::of("copying", all.bytes);
    let copied = with_vault(vault, &state, &unlocked, |files| {
        check_room(&places.vault, measure(&root, &places.folder, Some(files))?)?;
        copy_all(files, &root, &progress)
    })?;
    told.renamed(&copied.beside);
    for (path, name) in &copied.beside {
        say(&format!(
            "{}: the vault has something else of that name, so it is “{}” there",
            path.shown(),
            name.shown()
        ));
    }

    // From here on nobody else changes the vault on this machine.
    let lock = StateLock::take(&state)?;
    let files = open_published(&places.vault, unlocked.clone())?;
    drop(progress);
    progress = Progress::of("comparing", all.bytes);
    let proof = prove_all(&files, &root, &copied.failed, &progress)?;
    drop(progress);
    let also = prove_also(&files, &places.also_delete)?;
    let left_over = finish_folder(args, &places, &root, (&proof, &also), told)?;
    drop(files);
    drop(lock);
    let vault = VaultFolder::new(Arc::new(HostDisk), &places.vault);
    with_vault(vault, &state, &unlocked, |files| Ok(remove_marks(files)?))?;
    Ok(Enabled { places, unlocked, left_over })
}

fn open_folder(path: &Path) -> Result<PlainFolder, Error> {
    PlainFolder::open(path)
        .map_err(|source| Error::Io { doing: format!("opening {}", path.shown()), source })
}

/// Makes a vault as `init` does. Who has just set a password is asked for it once more, which is as
/// well: before the files go into the vault.
fn make_vault(args: &EnableArgs) -> Result<(), Error> {
    init::make_new(&InitArgs {
        password_file: args.unlock.password_file.clone(),
        password_command: args.unlock.password_command.clone(),
        key_file: args.unlock.key_file.clone(),
        yes: args.yes,
        chunk_size: ChunkSize::DEFAULT,
        vault: args.vault.clone(),
    })?;
    if args.json {
        return Ok(());
    }
    println!("The new vault is in {}.", args.vault.shown());
    if args.unlock.is_silent() {
        println!("To be sure that it can be unlocked again, unlock it once now:");
    }
    Ok(())
}

/// Opens the vault for writing, and publishes what `change` does to it.
fn with_vault<T>(
    vault: VaultFolder,
    state: &Path,
    unlocked: &Unlocked,
    change: impl FnOnce(&FileSystem) -> Result<T, Error>,
) -> Result<T, Error> {
    let mode = MountMode::ReadWrite;
    let files = open_files(vault, open_state(state, mode)?, unlocked.clone(), mode)?;
    if let Some(why) = files.status().read_only {
        return Err(Error::Incomplete(format!(
            "the vault can only be read now: {why}. Nothing is lost"
        )));
    }
    let changed = change(&files);
    let published = files.shut_down();
    let told = |error| match error {
        Error::Files(FsError::NoSpace) => Error::Incomplete(
            "the disk of the vault or of the state folder is full. Nothing is lost: make room, \
             and run the same command again, which goes on"
                .to_owned(),
        ),
        error => error,
    };
    let changed = changed.map_err(told)?;
    published.map_err(Error::from).map_err(told)?;
    Ok(changed)
}

/// The vault as its objects tell it, with nothing of what this device or this process knows.
fn open_published(path: &Path, unlocked: Unlocked) -> Result<Arc<FileSystem>, Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), path);
    open_files(vault, (None, None), unlocked, MountMode::ReadOnly)
}

/// Old copies below one path: the folder they are in, and what of it is proven.
struct OldCopies {
    path: PathBuf,
    root: PlainFolder,
    /// The path is a folder, which goes when it is empty.
    is_folder: bool,
    proof: Proof,
}

fn prove_also(files: &FileSystem, paths: &[PathBuf]) -> Result<Vec<OldCopies>, Error> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let by_size = files_by_size(files)?;
    let progress = Progress::of("comparing old copies", 0);
    let mut all = Vec::new();
    for path in paths {
        let is_folder = path.is_dir();
        let (folder, name) = match (is_folder, path.parent(), path.file_name()) {
            (false, Some(folder), Some(name)) => (folder, Some(name.as_encoded_bytes())),
            _ => (path.as_path(), None),
        };
        let root = open_folder(folder)?;
        let proof = prove_copies(files, &by_size, &root, name, &progress)?;
        all.push(OldCopies { path: path.clone(), root, is_folder, proof });
    }
    Ok(all)
}

/// Deletes or puts aside what is proven, after asking; tells what is left of old copies elsewhere.
fn finish_folder(
    args: &EnableArgs,
    places: &Places,
    root: &PlainFolder,
    (proof, also): (&Proof, &[OldCopies]),
    told: &mut Told,
) -> Result<Option<String>, Error> {
    eprint!("{}", stays(&proof.unproven));
    told.compared(proof);
    for copies in also {
        eprint!("{}", stays_at(&copies.path, copies.is_folder, &copies.proof.unproven));
    }
    let own = if args.keep_originals { 0 } else { proof.proven.len() };
    let all = own + also.iter().map(|copies| copies.proof.proven.len()).sum::<usize>();
    let mut lines = format!(
        "In the vault, read back and compared: {}, {}.",
        counted(proof.proven.len() as u64, "file", "files"),
        bytes(proof.bytes())
    );
    if !args.json {
        println!("{lines}");
    }
    if all > 0 {
        lines.clear();
        if own > 0 {
            let files = counted(own as u64, "file", "files");
            lines.push_str(&format!("{files} in {} will be deleted.\n", places.folder.shown()));
        }
        for copies in also {
            let files = counted(copies.proof.proven.len() as u64, "old copy", "old copies");
            lines.push_str(&format!("{files} in {} will be deleted.\n", copies.path.shown()));
        }
        lines.push_str(
            "From then on only the vault has them, and only its password or key opens it.",
        );
        if !may_delete(args.yes, &lines)? {
            return Err(Error::Incomplete(format!(
                "nothing was deleted: everything is in the vault, and unencrypted in {} as before",
                places.folder.shown()
            )));
        }
    }
    let mut left = proof.unproven.len();
    if !args.keep_originals {
        let progress = Progress::of("deleting", own as u64);
        let removed = remove_proven(root, &places.folder, proof, &progress)?;
        drop(progress);
        eprint!("{}", stays(&removed.stays[proof.unproven.len()..]));
        left = removed.stays.len();
        told.deleted(proof, &removed);
        if removed.linked_elsewhere > 0 {
            let files = counted(removed.linked_elsewhere, "file has", "files have");
            say(&format!("{files} further names elsewhere, which still show them unencrypted"));
        }
    }
    let left_also = remove_also(also, told)?;
    if all > 0 {
        let mut touched: Vec<&Path> = vec![&places.folder, &places.vault];
        touched.extend(also.iter().map(|copies| copies.path.as_path()));
        told.may_be_kept_by(&touched);
        if !args.json {
            println!("{}", what_stays(&touched));
        }
    }
    if left > 0 {
        return Err(Error::Incomplete(format!(
            "{} in {}, as said above, and nothing is mounted there: close what uses it or move it \
             away, and run the same command again",
            counted(left as u64, "entry stays", "entries stay"),
            places.folder.shown()
        )));
    }
    let is_empty = root.names().is_ok_and(|names| names.is_empty());
    if args.keep_originals && !is_empty {
        let changed = changed_since(root, proof)?;
        if !changed.is_empty() {
            eprint!("{}", stays(&changed));
            return Err(Error::Incomplete(format!(
                "{} changed while it was compared, so it stays where it is: run the same command again",
                places.folder.shown()
            )));
        }
        let aside = put_aside(&places.folder)?;
        told.put_aside(&aside);
        if !args.json {
            println!("The unencrypted files are in {} now.", aside.shown());
        }
    }
    Ok((left_also > 0).then(|| {
        format!(
            "{}, as said above: look whether you still need them, and delete them yourself",
            counted(left_also as u64, "old copy stays", "old copies stay")
        )
    }))
}

/// Deletes old copies; tells how many stay.
fn remove_also(also: &[OldCopies], told: &mut Told) -> Result<usize, Error> {
    let mut left = 0;
    for OldCopies { path, root, is_folder, proof } in also {
        let progress = Progress::of("deleting", proof.proven.len() as u64);
        let folder = if *is_folder { path } else { path.parent().unwrap_or(path) };
        let removed = match is_folder {
            true => remove_proven(root, folder, proof, &progress)?,
            false => super::remove::remove_only(root, folder, proof, &progress),
        };
        drop(progress);
        let appeared = &removed.stays[proof.unproven.len()..];
        eprint!("{}", stays_at(path, *is_folder, appeared));
        left += removed.stays.len();
        told.deleted_copies(folder, proof, &removed);
        if *is_folder && removed.stays.is_empty() {
            let gone = std::fs::remove_dir(path);
            gone.unwrap_or_else(|error| log::info!("{}: {error}", path.shown()));
        }
    }
    Ok(left)
}

fn stays_at(path: &Path, is_folder: bool, unproven: &[(Vec<u8>, String)]) -> String {
    let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
    let named = unproven.iter().map(|(below, why)| {
        let path = folder.join(OsStr::from_bytes(below));
        (path.into_os_string().into_encoded_bytes(), why.clone())
    });
    stays(&named.collect::<Vec<_>>())
}
