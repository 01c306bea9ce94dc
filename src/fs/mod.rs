//! The file system itself, usable with no mount: open, read, write, rename, publish.
//!
//! Knows trees, packs and journals; knows nothing of FUSE, mount points or terminals.

#![forbid(unsafe_code)]

mod access_lists;
mod arrivals;
mod arriving;
mod attributes;
mod background;
mod collect;
mod conflicts;
mod content;
mod copy;
mod dirty;
mod durable;
mod equivalent;
mod error;
mod fetch;
mod file_system;
mod fold;
mod history;
mod live;
mod look;
mod merged;
mod names;
mod next_log;
mod online_only;
mod open;
mod pack_copies;
mod parts;
mod publish;
mod recover;
mod recovered_files;
mod rekey;
mod repair;
mod room;
mod salvage;
mod slots;
mod stage;
mod stand_ins;
mod status;
mod sync;
mod touched;
mod traffic;
mod trouble;
mod trust;
mod turns;
mod types;
mod undelete;
mod usage;
mod verify;
mod witnesses;
mod writing;

pub use access_lists::AccessListKind;
pub use arrivals::OutsideChanges;
pub use arriving::has_work;
pub use collect::Collected;
pub use conflicts::{Conflict, ConflictSide, Conflicts};
pub use copy::CopyRange;
pub use error::FsError;
pub use fetch::{FailedPack, FetchStatus, FetchedPack, FileFetch, Then};
pub use file_system::FileSystem;
pub use fold::{FoldGap, Folded, fold};
pub use history::{
    Change, Changes, Diff, History, HistoryError, State, Told, VaultHistory, Version, When,
    WhenError, day_and_time, folder_name,
};
pub use open::{MountMode, OpenError, OpenRequest};
pub use rekey::{Rekey, RekeyError, RekeyProgress, RekeyReport, RekeyStep, Side, lacking};
pub use repair::{
    Healed, Moved, RepairError, RepairPlan, RepairReport, RepairRequest, plan_repair,
};
pub use salvage::{Lost, Salvage, SalvagedFile};
pub use slots::{
    NewSlot, SLOTS_MAX, SlotChangeError, SlotEntry, SlotStanding, list_slots, put_slot, remove_slot,
};
pub use stand_ins::UnusedCopy;
pub use status::{DeviceStatus, Status};
pub use trouble::Trouble;
pub use types::{AllocateMode, AttributeChange, FolderEntry, NewNode, RenameMode, Room, XattrMode};
pub use undelete::{UndeleteError, Undeleted};
pub use usage::Usage;
pub use verify::{DamagedObject, VerifyProgress, VerifyReport, VerifyRequest, verify};

pub use crate::tree::{Attributes, FileKind};
