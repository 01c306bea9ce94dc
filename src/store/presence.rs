//! Packs that are not on this machine: a sync client keeps them online, and shows a placeholder.

use std::io;

use crate::format::{PackId, pack_path, parse_pack_name};

use super::vault_folder::VaultFolder;

/// Where the bytes of a pack of the vault are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// On this machine.
    Here,
    /// Elsewhere; reading the file fetches them.
    Placeholder {
        /// The pack's length.
        bytes: u64,
    },
    /// Elsewhere; a stub of iCloud Drive stands beside the pack's name, and says nothing of its
    /// content.
    Stub,
    /// There is no such file.
    Missing,
}

impl Presence {
    /// Whether the pack is known, but its bytes are elsewhere.
    pub fn is_online_only(self) -> bool {
        matches!(self, Self::Placeholder { .. } | Self::Stub)
    }
}

impl VaultFolder {
    /// Whether a file of the vault is a placeholder, or a stub of iCloud Drive's for a pack.
    pub fn is_online_only(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_placeholder = self.disk().placeholder_bytes(&self.place(path));
        parse_stub_name(name).is_some() || is_placeholder.is_ok_and(|bytes| bytes.is_some())
    }

    /// Where a pack's bytes are. The pack is neither opened nor read. Where the disk does not tell,
    /// they count as here: whoever then opens the pack is told why it cannot be had.
    pub fn presence(&self, pack: PackId) -> Presence {
        let look = |path: &str| self.disk().placeholder_bytes(&self.place(path));
        match look(&pack_path(pack)) {
            Ok(Some(bytes)) => Presence::Placeholder { bytes },
            Err(error) if error.kind() == io::ErrorKind::NotFound => match look(&stub_path(pack)) {
                Ok(_) => Presence::Stub,
                Err(_) => Presence::Missing,
            },
            Ok(None) | Err(_) => Presence::Here,
        }
    }
}

/// The pack that a file name of iCloud Drive's stands for, which removes the pack and leaves a
/// hidden list of properties: `.NAME.icloud` for `NAME`.
pub(super) fn parse_stub_name(name: &str) -> Option<PackId> {
    parse_pack_name(name.strip_prefix('.')?.strip_suffix(".icloud")?)
}

fn stub_path(pack: PackId) -> String {
    let path = pack_path(pack);
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.{name}.icloud"),
        None => format!(".{path}.icloud"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::sync::Arc;

    use super::*;
    use crate::store::HostDisk;

    #[test]
    fn where_a_pack_is_shows_in_its_file_or_in_the_stub_beside_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let vault = VaultFolder::new(Arc::new(HostDisk), folder.path());
        let pack = PackId::random();
        assert_eq!(vault.presence(pack), Presence::Missing);
        let (place, stub) = (vault.place(&pack_path(pack)), vault.place(&stub_path(pack)));
        fs::create_dir_all(stub.parent().unwrap()).unwrap();
        fs::write(&stub, b"bplist00").unwrap();
        assert_eq!(vault.presence(pack), Presence::Stub);
        let listing = vault.listing().unwrap();
        assert_eq!(listing.packs.get(&pack), Some(&0));
        assert!(listing.stubs.contains(&pack) && listing.strangers.is_empty(), "{listing:?}");
        assert!(vault.is_online_only(&stub_path(pack)) && !vault.is_online_only(&pack_path(pack)));
        File::create(&place).unwrap().set_len(16384).unwrap();
        assert_eq!(vault.presence(pack), Presence::Placeholder { bytes: 16384 });
        assert!(vault.is_online_only(&pack_path(pack)));
        fs::write(&place, [1; 16384]).unwrap();
        assert_eq!(vault.presence(pack), Presence::Here);
        let listing = vault.listing().unwrap();
        assert_eq!(listing.packs.get(&pack), Some(&16384));
        assert!(listing.stubs.is_empty(), "{listing:?}");
    }

    #[test]
    fn only_what_stands_for_a_pack_is_a_stub() {
        let name = "00112233445566778899aabbccddeeff.pack";
        assert!(parse_stub_name(&format!(".{name}.icloud")).is_some());
        for other in
            [name.to_owned(), format!(".{name}"), format!("{name}.icloud"), ".icloud".into()]
        {
            assert_eq!(parse_stub_name(&other), None, "{other}");
        }
    }
}
