//! Why no vault was made.

use std::path::PathBuf;

use crate::cli::names::Shown as _;
use crate::crypto::StretchError;

/// Why no vault was made. Nothing that `init` had begun is left, unless a message says so.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The folder that the vault's folder would be in is missing.
    #[error("there is no folder to make {} in: make it first, or check the path", vault.shown())]
    NoParent {
        /// The vault's folder.
        vault: PathBuf,
    },
    /// Something else stands there.
    #[error("{} is not a folder", vault.shown())]
    NotAFolder {
        /// What was to be the vault's folder.
        vault: PathBuf,
    },
    /// There is a vault already.
    #[error(
        "{0} is a vault already: “hushfs mount {0} MOUNTPOINT” opens it. A second vault needs a \
         folder of its own",
        vault.shown()
    )]
    AlreadyAVault {
        /// The vault.
        vault: PathBuf,
    },
    /// What an interrupted `init` leaves.
    #[error(
        "{} holds what an interrupted “hushfs init” leaves: slots, but no hushfs.vault; that it was one \
         on this machine is not certain. If this is a vault from another device, wait until it is \
         downloaded; if not, nothing was ever stored here: delete what is in the folder, and run “hushfs \
         init” again",
        vault.shown()
    )]
    Unfinished {
        /// The folder.
        vault: PathBuf,
    },
    /// Files that are not a vault's.
    #[error(
        "{0} is not empty (there is “{found}”): name an empty or a new folder, such as {0}/vault. \
         Files that are to be encrypted are copied in after it is mounted",
        vault.shown()
    )]
    NotEmpty {
        /// The folder.
        vault: PathBuf,
        /// One of the names in it.
        found: String,
    },
    /// A key file is never overwritten.
    #[error("{} exists already, and may hold the key of another vault: name a new file", path.shown())]
    KeyFileExists {
        /// The file.
        path: PathBuf,
    },
    /// The key would be uploaded with the vault.
    #[error(
        "{} is in the vault’s own folder, and would be uploaded together with what it unlocks: \
         name a file elsewhere",
        path.shown()
    )]
    KeyInVault {
        /// The file.
        path: PathBuf,
    },
    /// The person said no.
    #[error("no vault was made")]
    Declined,
    /// The machine cannot stretch the password.
    #[error(transparent)]
    Stretch(#[from] StretchError),
}
