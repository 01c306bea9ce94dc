//! What `enable` says about the cloud: deleting a file here deletes neither its earlier versions nor
//! what is in the service's bin.

use std::path::Path;

/// A service, how its folder is told by its path, and how to get rid of what it keeps.
struct Service {
    name: &'static str,
    /// Parts of names of folders, in lower case.
    signs: &'static [&'static str],
    advice: &'static str,
}

const SERVICES: [Service; 5] = [
    Service {
        name: "Google Drive",
        signs: &["google drive", "googledrive", "google-drive", "gdrive", "my drive"],
        advice: "keeps deleted files, with their earlier versions, in the bin for a time: on \
                 drive.google.com, open “Bin” and choose “Empty bin”",
    },
    Service {
        name: "iCloud Drive",
        signs: &["icloud", "mobile documents", "com~apple~clouddocs"],
        advice: "keeps deleted files for a time: on icloud.com, open Drive, then “Recently Deleted”, \
                 and delete them there",
    },
    Service {
        name: "Dropbox",
        signs: &["dropbox"],
        advice: "keeps deleted files and earlier versions for a time that depends on your plan: on \
                 dropbox.com, open “Deleted files”, and delete them permanently there",
    },
    Service {
        name: "OneDrive",
        signs: &["onedrive"],
        advice: "keeps deleted files, with their earlier versions, in the recycle bin for a time \
                 that depends on the kind of account: on onedrive.com, open “Recycle bin” and choose “Empty \
                 recycle bin”; with a work or school account, empty the second-stage recycle bin as well",
    },
    Service {
        name: "Syncthing",
        signs: &["syncthing", ".stfolder"],
        advice: "has no server, but where file versioning is on, the other devices keep deleted files \
                 in “.stversions” in the same folder: delete that there",
    },
];

impl Service {
    /// Whether a place is in a folder of the service's, as far as paths tell.
    fn is_at(&self, place: &Path) -> bool {
        let text = place.display().to_string().to_lowercase();
        let is_synced = || place.ancestors().any(|folder| folder.join(".stfolder").exists());
        self.signs.iter().any(|sign| text.contains(sign)) || self.name == "Syncthing" && is_synced()
    }
}

/// Those in whose folders one of these places is, as far as the paths tell.
fn services_at(places: &[&Path]) -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(|service| places.iter().any(|place| service.is_at(place)))
}

/// The service that uploads what is at a place, as far as its path tells.
pub(in crate::cli) fn service_at(place: &Path) -> Option<&'static str> {
    services_at(&[place]).next().map(|service| service.name)
}

/// The services that may still have files which were deleted at these places, as far as the paths tell.
pub(super) fn may_be_kept_by(places: &[&Path]) -> Vec<&'static str> {
    services_at(places).map(|service| service.name).collect()
}

/// What the cloud may still have of files that were deleted at these places.
pub(super) fn what_stays(places: &[&Path]) -> String {
    format!(
        "What was uploaded unencrypted before may still be kept where it was uploaded to:\n{}\
         Bins and snapshots of this machine may have it as well, and disks do not overwrite at once \
         what is deleted.",
        what_services_keep(places)
    )
}

/// What services keep of files that were deleted at these places, a line for each. Where the paths do
/// not tell whose folder it is, all services are told of.
pub(in crate::cli) fn what_services_keep(places: &[&Path]) -> String {
    let mut told: Vec<&Service> = services_at(places).collect();
    if told.is_empty() {
        told.extend(&SERVICES);
    }
    told.iter().map(|service| format!("  {} {}.\n", service.name, service.advice)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_syncthing_shares_is_found_by_its_mark() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("chats/deep");
        assert_eq!(service_at(&below), None);
        std::fs::create_dir(folder.path().join(".stfolder")).unwrap();
        assert_eq!(service_at(&below), Some("Syncthing"));
        assert_eq!(service_at(Path::new("/home/ann/Dropbox/Chats")), Some("Dropbox"));
    }

    #[test]
    fn only_the_service_whose_folder_it_is_is_told_of() {
        let text = what_stays(&[Path::new("/home/ann/Dropbox/chats")]);
        assert!(text.contains("Dropbox keeps") && !text.contains("OneDrive"), "{text}");
        let text = what_stays(&[Path::new("/srv/chats")]);
        assert!(SERVICES.iter().all(|service| text.contains(service.name)), "{text}");
    }
}
