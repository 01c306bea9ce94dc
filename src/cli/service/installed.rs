//! Which services of a user's are ours.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::desktop::{Service, ServicePlaces};
use crate::store::{HostDisk, put_loose_file};

use super::manager::{Manager, Ours};

/// One of our services.
#[derive(Debug)]
pub(super) struct InstalledService {
    /// The name of its file.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) places: ServicePlaces,
}

impl InstalledService {
    /// Whether it is about this vault's folder or mount point.
    pub(super) fn is_of(&self, place: &Path) -> bool {
        self.places.vault == place || self.places.mount_point == place
    }
}

/// Our services, by name.
///
/// # Errors
/// [`Error`] if they cannot be listed.
pub(super) fn installed() -> Result<Vec<InstalledService>, Error> {
    let folder = Ours::folder()?;
    let listing = |source| Error::Io { doing: format!("listing {}", folder.shown()), source };
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(listing)?,
    };
    let mut services = Vec::new();
    for entry in entries {
        let path = entry.map_err(listing)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            continue;
        };
        let text = Ours::may_be_ours(&name).then(|| fs::read_to_string(&path).ok()).flatten();
        if let Some(places) = text.and_then(|text| Ours::places(&text)) {
            services.push(InstalledService { name, path, places });
        }
    }
    services.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(services)
}

/// Writes a service's file, in the place of an earlier one. A password command in it may tell where a
/// password is: it is for its owner alone.
///
/// # Errors
/// [`Error`]; the earlier one then still stands.
pub(super) fn write(service: &Service) -> Result<PathBuf, Error> {
    let path = Ours::folder()?.join(Ours::file_name(service));
    put_loose_file(&HostDisk, &path, Ours::text(service)?.as_bytes())?;
    Ok(path)
}
