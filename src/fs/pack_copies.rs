//! Packs by content, under whatever names a sync client or a repair has left them.

use crate::crypto::ClassKeys;
use crate::format::{Footer, PACK_HEADER_BYTES, PackHeader, PackId};
use crate::store::{PackReader, StoreError, VaultFolder};

/// Digits of a pack's id at the start of its name.
const ID_DIGITS: usize = 32;

/// A file that may be a pack, or what is left of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackCopy {
    /// Below the vault.
    pub(super) path: String,
    /// The pack that it may be.
    pub(super) id: PackId,
    /// What it holds, if its footer opens: then it is that pack, as far as it goes.
    pub(super) footer: Option<Footer>,
}

/// What the file at `path` may be: the pack that it says it is, and the pack that it is named
/// after, which are mostly the same. None of them is certain unless it has a footer.
///
/// # Errors
/// [`StoreError`] if the file cannot be read.
pub(super) fn pack_copies_at(
    vault: &VaultFolder,
    keys: &ClassKeys,
    path: &str,
) -> Result<Vec<PackCopy>, StoreError> {
    let file = vault.open(path)?;
    let fail = |error| StoreError::io("cannot read", &vault.place(path), error);
    let mut start = [0; PACK_HEADER_BYTES];
    let bytes = file.read_at(&mut start, 0).map_err(fail)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let named = name.get(..ID_DIGITS).and_then(PackId::from_hex);
    let claimed = PackHeader::claimed_id(&start[..bytes]).filter(|id| Some(*id) != named);
    let mut copies = Vec::new();
    for id in named.into_iter().chain(claimed) {
        let reader = PackReader::open(keys, id, file.clone());
        let footer = reader.ok().and_then(|reader| reader.footer().ok());
        copies.push(PackCopy { path: path.to_owned(), id, footer });
    }
    Ok(copies)
}
