//! Why a vault was not sealed anew to the end.

use crate::store::StoreError;

use super::super::verify::DamagedObject;

/// Why a vault was not sealed anew to the end. The old one is as it was; what stands in the new one is
/// whole, and is where the next run goes on, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// A disk, or an object in the way.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of the old vault is damaged or missing.
    #[error("the vault is damaged, and nothing of it may be dropped: {}", told(.0))]
    Damaged(Vec<DamagedObject>),
    /// Something of the old vault has not arrived.
    #[error("the vault has not arrived in full: {}", told(.0))]
    NotArrived(Vec<DamagedObject>),
    /// Only a newer program can read it.
    #[error("{}; a newer hushfs reads it", .0.join("; "))]
    Newer(Vec<String>),
    /// A pack that is online only cannot be fetched.
    #[error("{0} is online only and could not be fetched: {1}")]
    OnlineOnly(String, String),
    /// Something was there and could not be read, and then it could: the disk fails.
    #[error("not everything could be read: {0}")]
    Unread(String),
    /// What stands in the new vault is not what would be put there now: somebody has changed it, or the
    /// old vault has got what it then lacked. No run goes on from there.
    #[error("in the new vault, {object} is not what was to be made of the old one: {why}")]
    NotTheSame {
        /// Its path below the new vault.
        object: String,
        /// How that shows.
        why: String,
    },
    /// The new vault, read as a whole, is not whole. Unless only the disk failed, no run goes on from
    /// there.
    #[error("the new vault is not whole: {}", told(.0))]
    NotWhole(Vec<DamagedObject>),
    /// The new vault does not tell what the old one does. No run goes on from there.
    #[error("the new vault does not tell the same as the old one: {0}")]
    Differs(String),
}

impl RekeyError {
    /// Whether the half-made new vault is of no use any more.
    pub fn spoils_new_vault(&self) -> bool {
        matches!(self, Self::NotTheSame { .. } | Self::NotWhole(_) | Self::Differs(_))
    }
}

/// More objects than this are not named in one sentence.
const TOLD_MAX: usize = 5;

fn told(objects: &[DamagedObject]) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for object in objects.iter().take(TOLD_MAX) {
        let files = match object.files.as_slice() {
            [] => String::new(),
            [file] => format!(" (of {file})"),
            [file, others @ ..] => format!(" (of {file} and {} more)", others.len()),
        };
        sentences.push(format!("{}: {}{files}", object.object, object.what));
    }
    if let Some(more) = objects.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        sentences.push(format!("and {more} more"));
    }
    sentences.join("; ")
}
