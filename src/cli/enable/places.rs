//! Where things are, and what is refused before anything is done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

use crate::cli::args::EnableArgs;
use crate::cli::error::Error;
use crate::cli::host::device_of;
use crate::cli::units::bytes;
use crate::format::Ino;
use crate::fs::{FileKind, FileSystem};
use crate::fuse;
use crate::store::{Disk, HostDisk};

use super::compare::size_of;
use super::plain::{Place, PlainFolder, Visit, kind_of, walk};
use super::remove::give_back_name;
use super::words::service_at;
use crate::cli::names::Shown as _;

/// What a chunk, a file and a pack cost beside their content, rounded up.
const ENTRY_BYTES: u64 = 1024;
const OVERHEAD_SHARE: u64 = 32;
/// Kept free as the file system does it.
const RESERVE_BYTES: u64 = 32 << 20;

/// What a command works on, by paths without links.
#[derive(Debug)]
pub(in crate::cli) struct Places {
    /// The folder with the plaintext.
    pub(in crate::cli) folder: PathBuf,
    /// The vault's folder; it may be missing.
    pub(in crate::cli) vault: PathBuf,
    /// Where old copies are.
    pub(in crate::cli) also_delete: Vec<PathBuf>,
}

impl Places {
    /// Finds what the command line names.
    ///
    /// # Errors
    /// [`Error::Usage`], [`Error::InUse`] or [`Error::Io`] where it cannot be done like that.
    pub(super) fn check(args: &EnableArgs) -> Result<Self, Error> {
        let folder = existing(&args.folder)?;
        if !folder.is_dir() {
            return Err(Error::Usage(format!("{} is not a folder", args.folder.shown())));
        }
        refuse_mount_point(&folder)?;
        let vault = resolved(&args.vault)?;
        refuse_within(&folder, &vault)?;
        if let Some(service) = service_at(&folder).filter(|_| !args.no_mount) {
            return Err(Error::Usage(format!(
                "{} is in a folder that {service} uploads, as its path tells: a vault that is mounted \
                 there would be uploaded unencrypted. Move the folder elsewhere first, and have the \
                 chat app use it there; or pass --no-mount, and mount the vault elsewhere afterwards",
                args.folder.shown()
            )));
        }
        let mut also_delete = Vec::new();
        for path in &args.also_delete {
            // An earlier run may have deleted all of it.
            match fs::canonicalize(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(finding(path)(source)),
                Ok(path) => {
                    refuse_also(&path, &folder, &vault)?;
                    also_delete.push(path);
                }
            }
        }
        refuse_in_mount(&folder)?;
        Ok(Self { folder, vault, also_delete })
    }
}

fn finding(path: &Path) -> impl Fn(io::Error) -> Error {
    let doing = format!("finding {}", path.shown());
    move |source| Error::Io { doing: doing.clone(), source }
}

fn existing(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(finding(path))
}

/// A path without links, of something whose folder is there.
///
/// # Errors
/// [`Error::Io`] if that folder is missing.
pub(in crate::cli) fn resolved(path: &Path) -> Result<PathBuf, Error> {
    if let Ok(found) = fs::canonicalize(path) {
        return Ok(found);
    }
    let absolute = std::path::absolute(path).map_err(finding(path))?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok(existing(parent)?.join(name)),
        _ => existing(&absolute),
    }
}

/// Refuses a vault and a folder within each other.
///
/// # Errors
/// [`Error::Usage`].
pub(in crate::cli) fn refuse_within(folder: &Path, vault: &Path) -> Result<(), Error> {
    if folder.starts_with(vault) || vault.starts_with(folder) {
        return Err(Error::Usage(format!(
            "{} and {} must not be within each other: the vault is what a sync client uploads, \
             the folder has the files unencrypted. Name a vault elsewhere",
            folder.shown(),
            vault.shown()
        )));
    }
    Ok(())
}

fn refuse_mount_point(folder: &Path) -> Result<(), Error> {
    let mounts = fuse::mounts().map_err(finding(folder))?;
    if mounts.iter().any(|mount| mount.mount_point == folder) {
        return Err(Error::InUse(format!(
            "{} is a mount point: if a vault is mounted there, its files are encrypted already; else \
             name the folder with the files themselves",
            folder.shown()
        )));
    }
    match mounts.iter().find(|mount| mount.mount_point.starts_with(folder)) {
        Some(below) => Err(Error::Usage(format!(
            "something is mounted at {}, which is in {}: unmount it first, or name a folder without \
             it",
            below.mount_point.shown(),
            folder.shown()
        ))),
        None => Ok(()),
    }
}

fn refuse_in_mount(folder: &Path) -> Result<(), Error> {
    let metadata = fs::metadata(folder).map_err(finding(folder))?;
    if crate::cli::mounted::is_in_mount(&metadata) {
        return Err(Error::Usage(format!(
            "{} is in the mount of a vault: its files are encrypted already",
            folder.shown()
        )));
    }
    Ok(())
}

fn refuse_also(path: &Path, folder: &Path, vault: &Path) -> Result<(), Error> {
    let touches = |other: &Path| path.starts_with(other) || other.starts_with(path);
    if touches(vault) || touches(folder) {
        return Err(Error::Usage(format!(
            "--also-delete {} must be neither in {} or {} nor around them: name the folder with the \
             old copies itself",
            path.shown(),
            folder.shown(),
            vault.shown()
        )));
    }
    let mounts = fuse::mounts().map_err(finding(path))?;
    match mounts.iter().any(|mount| mount.mount_point.starts_with(path)) {
        true => Err(Error::Usage(format!("something is mounted in {}", path.shown()))),
        false => refuse_in_mount(path),
    }
}

/// How much there is in a folder.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Extent {
    /// Files, links and the like.
    pub(in crate::cli) files: u64,
    /// Content bytes, holes not counted.
    pub(in crate::cli) bytes: u64,
}

impl Extent {
    /// About how much room it takes in a vault.
    fn vault_bytes(self) -> u64 {
        self.bytes + self.bytes / OVERHEAD_SHARE + self.files * ENTRY_BYTES
    }
}

/// Measures a folder, without what `files` has already, and gives the names back that an earlier run
/// had taken away.
///
/// # Errors
/// [`Error::Usage`] if it crosses file systems; [`Error::Io`] if it cannot be read.
pub(in crate::cli) fn measure(
    root: &PlainFolder,
    path: &Path,
    files: Option<&FileSystem>,
) -> Result<Extent, Error> {
    let device = device_of(&root.stat_self().map_err(finding(path))?);
    let seen = std::collections::HashSet::new();
    let mut measuring = Measuring { device, path, files, seen, extent: Extent::default() };
    walk(root.descend(b"").map_err(finding(path))?, &mut measuring)?;
    Ok(measuring.extent)
}

struct Measuring<'a> {
    device: u64,
    path: &'a Path,
    files: Option<&'a FileSystem>,
    /// Files of several names that are counted.
    seen: std::collections::HashSet<u64>,
    extent: Extent,
}

impl Visit for Measuring<'_> {
    fn entry(&mut self, at: &Place<'_>, stat: &Stat) -> Result<(), Error> {
        give_back_name(at);
        if self.files.is_some_and(|files| has_as_long(files, at.path, size_of(stat))) {
            return Ok(());
        }
        self.extent.files += 1;
        let is_new = stat.st_nlink == 1 || self.seen.insert(stat.st_ino);
        if kind_of(stat) == FileType::RegularFile && is_new {
            let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
            self.extent.bytes += size_of(stat).min(blocks.saturating_mul(512));
        }
        Ok(())
    }

    fn enter(&mut self, at: &Place<'_>, stat: &Stat) -> Result<bool, Error> {
        if device_of(stat) != self.device {
            return Err(Error::Usage(format!(
                "{} is on another file system than {}: a folder is taken into a vault as a whole",
                at.path.shown(),
                self.path.shown()
            )));
        }
        self.extent.files += 1;
        Ok(true)
    }

    fn leave(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn unreadable(&mut self, path: &[u8], error: io::Error) {
        log::debug!("{}: {error}", path.shown());
    }
}

/// Whether a path in the vault has a file of that size: most likely a copy of an earlier run's.
fn has_as_long(files: &FileSystem, path: &[u8], size: u64) -> bool {
    let mut names = path.split(|byte| *byte == b'/');
    let found = names.try_fold(files.attributes(Ino::ROOT), |folder, name| {
        folder.map(|folder| files.lookup(folder.ino, name))
    });
    matches!(found, Ok(Ok(found)) if found.kind == FileKind::File && found.size == size)
}

/// Refuses what does not fit: the disk of `place`, or of the folder it would be made in, must take
/// `extent` while the originals are still there.
///
/// # Errors
/// [`Error::Incomplete`].
pub(in crate::cli) fn check_room(place: &Path, extent: Extent) -> Result<(), Error> {
    let there = place.ancestors().find(|path| path.exists()).unwrap_or(place);
    let Ok(room) = HostDisk.room(there) else { return Ok(()) };
    let reserve = RESERVE_BYTES.min(room.total_bytes / 16);
    let free = room.available_bytes.saturating_sub(reserve);
    match extent.vault_bytes() {
        needed if needed > free => Err(Error::Incomplete(format!(
            "there is not enough room for {}: it needs about {}, and {} are free there. Nothing was \
             changed: make room, or name a place on another disk",
            place.shown(),
            bytes(needed),
            bytes(free)
        ))),
        _ => Ok(()),
    }
}
