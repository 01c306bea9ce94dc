//! Bytes ⇄ types: descriptor, slot, pack, log object, operation. No I/O.
//!
//! `docs/format.md` shows every byte; the two are kept together by hand and by the frozen sample
//! vault under `tests/`.

#![forbid(unsafe_code)]

mod access_list;
mod attributes;
mod client_names;
mod date;
mod descriptor;
mod error;
mod frame;
mod ids;
mod key_text;
mod log_object;
pub mod mode;
mod name_beside;
mod names;
mod offsets;
mod operation;
mod pack;
mod pack_anew;
mod padding;
mod slot;
mod slot_key_vault;
mod slot_note;
mod slot_read;
mod slot_way;

pub use access_list::{
    ACCESS_LIST, ACCESS_LIST_BYTES_MAX, AccessList, AccessListError, DEFAULT_LIST,
};
pub use attributes::{NodeKind, Time, Times};
pub use client_names::{
    ObjectName, folder_named_by, is_litter, may_be_pack_folder, objects_named_by,
};
pub use descriptor::{DESCRIPTOR_BYTES_MAX, Descriptor, UnverifiedDescriptor};
pub use error::FormatError;
pub use frame::{FORMAT_VERSION, Magic, check_magic, write_magic};
pub(crate) use frame::{FRAME_BYTES, array, need};
pub use ids::{DeviceId, Ino, PackId};
pub use key_text::{KEY_GROUPS, KEY_TEXT_BYTES_MAX, KeyTextError, RecoveryKey};
pub use log_object::{
    CheckpointAge, Frontier, FrontierEntry, LOG_HEADER_BYTES, LogDraft, LogHash, LogKind,
    OpenedLog, UnverifiedLog, told_log_bytes,
};
pub use name_beside::{EXTENSION_BYTES_MAX, name_beside};
pub use names::{
    DATA_FOLDER, DESCRIPTOR_NAME, KEYS_FOLDER, LOG_FOLDER, LOST_FOLDER, NAME_BYTES_MAX, NameError,
    README_NAME, check_name, log_name, may_be_slot_name, pack_folder, pack_path, parse_log_name,
    parse_pack_name, slot_id_of_path, slot_path,
};
pub use offsets::{ChunkSize, ChunkSpan, RunShape};
pub use operation::{InlineChunk, Operation, Operations, Run, encode_operation};
pub use pack::{
    Footer, FooterFile, FooterRun, PACK_HEADER_BYTES, PACK_TARGET_BYTES, PACK_TRAILER_BYTES,
    PackHeader, PackSealer,
};
pub use padding::padme;
pub use slot::{LABEL_BYTES_MAX, SLOT_BYTES_MAX, SealedSlot, SlotDraft, SlotError, SlotKind};
pub use slot_key_vault::{ADDRESS_BYTES_MAX, KeyVaultPlace, ServerPin};
pub use slot_note::SlotNote;
pub use slot_read::{OpenedSlot, UnverifiedSlot};
pub use slot_way::{SLOT_WAY_BYTES, SlotWay};
