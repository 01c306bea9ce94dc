//! Where units of a user are, and which of them are ours.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::desktop::{place_in_unit, places_of_unit};

const FOLDER: &str = "systemd/user";

/// One of our units.
#[derive(Debug)]
pub(super) struct InstalledUnit {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// As the unit writes them.
    pub(super) vault: String,
    pub(super) mount_point: String,
}

impl InstalledUnit {
    /// Whether it is about this vault's folder or mount point.
    pub(super) fn is_of(&self, place: &Path) -> bool {
        let place = place_in_unit(place);
        self.vault == place || self.mount_point == place
    }
}

/// The folder of this user's units.
///
/// # Errors
/// [`Error::Usage`] if it is not known where that is.
pub(super) fn unit_folder() -> Result<PathBuf, Error> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".config")))
        .map(|config| config.join(FOLDER))
        .ok_or_else(|| {
            Error::Usage("there is neither HOME nor XDG_CONFIG_HOME to keep services below".into())
        })
}

/// Our units, by name.
///
/// # Errors
/// [`Error`] if they cannot be listed.
pub(super) fn installed() -> Result<Vec<InstalledUnit>, Error> {
    let folder = unit_folder()?;
    let listing = |source| Error::Io { doing: format!("listing {}", folder.shown()), source };
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(listing)?,
    };
    let mut units = Vec::new();
    for entry in entries {
        let path = entry.map_err(listing)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            continue;
        };
        if !(name.starts_with("hushfs-") && name.ends_with(".service")) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        if let Some((vault, mount_point)) = places_of_unit(&text) {
            let (vault, mount_point) = (vault.to_owned(), mount_point.to_owned());
            units.push(InstalledUnit { name, path, vault, mount_point });
        }
    }
    units.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(units)
}

/// Writes a unit, in the place of an earlier one.
///
/// # Errors
/// [`Error::Io`]; the earlier one then still stands.
pub(super) fn write_unit(name: &str, text: &str) -> Result<PathBuf, Error> {
    let folder = unit_folder()?;
    let (path, draft) = (folder.join(name), folder.join(format!(".{name}.next")));
    let written = fs::create_dir_all(&folder).and_then(|()| {
        let mut options = fs::OpenOptions::new();
        // The password command may tell where a password is.
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    });
    written.map_err(|source| {
        let _ = fs::remove_file(&draft);
        Error::Io { doing: format!("writing {}", path.shown()), source }
    })?;
    Ok(path)
}
