//! The vault folder and the state folder as places to put and get whole objects, behind a small
//! trait, so that a test can run them on an image that loses everything not synced.
//!
//! Knows bytes and names; knows nothing of trees and operations.

#![forbid(unsafe_code)]

mod begun;
mod cut_short;
mod disk;
mod durably;
mod error;
mod exchange;
mod host;
mod kept_slots;
mod listing;
mod lock;
mod loose_files;
mod pack_reader;
mod presence;
mod remembered;
mod stage;
mod stand_ins;
mod state_folder;
mod vault_folder;
mod watch;

pub use begun::{BegunCommand, BegunNote};
pub(crate) use disk::list_if_there;
pub use disk::{Disk, DiskFile, DiskRoom, DraftFile, FolderItem};
pub use error::StoreError;
pub use exchange::{exchange_folders, move_folder};
pub use host::HostDisk;
pub use kept_slots::{keep_slots, kept_slots};
pub use listing::{Copies, VaultListing};
pub use lock::{LockHolder, LockedBy, StateLock};
pub use loose_files::{put_loose_file, remove_loose_file};
pub use pack_reader::{PackReadError, PackReader};
pub use presence::Presence;
pub use remembered::{note_remembered, remembered_slot};
pub use stage::{ClosedPack, FileFacts, PackRoom, StagedPack, recover_staged_pack};
pub use state_folder::{
    DeviceIdentity, KeyVaultSeen, LastEnd, Publishing, Rekeyed, Reminder, Seen, StateFolder,
    default_state_folder, holds_unpublished,
};
pub use vault_folder::{VaultFolder, log_path};
pub use watch::FolderWatch;
