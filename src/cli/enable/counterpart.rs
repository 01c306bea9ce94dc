//! Where in the vault something of the folder belongs: under its name, or beside it where that is
//! taken by something else.

use crate::format::{Ino, name_beside};
use crate::fs::{Attributes, FileSystem, FsError};

/// More files of one name than this are not looked at.
const NAMES_MAX: u32 = 1000;

/// The names that something may have in the vault, in the order in which they are tried: `NAME`,
/// `NAME (original).EXT`, `NAME (original 2).EXT` and so on. The same in every run, so that what one
/// run has put beside is found by the next.
fn names(name: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..NAMES_MAX).map(move |nth| match nth {
        0 => name.to_vec(),
        1 => name_beside(name, "original"),
        nth => name_beside(name, &format!("original {nth}")),
    })
}

/// What a search among these names comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there.
    There(Attributes),
    /// It is not; this name is free.
    Free(Vec<u8>),
}

/// Tells whether what has a name in the vault is what is searched for.
pub(super) type IsIt<'a, E> = dyn FnMut(&[u8], &Attributes) -> Result<bool, E> + 'a;

/// Searches for what `is_it` knows, among the names that `name` may have in a folder of the vault.
///
/// # Errors
/// The first of `is_it`'s, or [`FsError`].
pub(super) fn counterpart<E: From<FsError>>(
    files: &FileSystem,
    folder: Ino,
    name: &[u8],
    is_it: &mut IsIt<'_, E>,
) -> Result<Found, E> {
    for name in names(name) {
        match files.lookup(folder, &name) {
            Err(FsError::NotFound) => return Ok(Found::Free(name)),
            found => {
                let found = found?;
                if is_it(&name, &found)? {
                    return Ok(Found::There(found));
                }
            }
        }
    }
    Err(FsError::Exists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_has_the_same_name_every_time() {
        let tried: Vec<Vec<u8>> = names(b"a.jpg").take(3).collect();
        assert_eq!(tried, [&b"a.jpg"[..], b"a (original).jpg", b"a (original 2).jpg"]);
    }
}
