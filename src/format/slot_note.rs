//! A slot's note: what it says of itself to whoever has the vault unlocked, however they did that.

use crate::crypto::SlotId;

use super::attributes::Time;
use super::error::FormatError;
use super::frame::array;
use super::ids::DeviceId;
use super::slot::{LABEL_BYTES_MAX, put_text, text_in};

const SECS_AT: usize = 0;
const NANOS_AT: usize = SECS_AT + 8;
const LABEL_AT: usize = NANOS_AT + 4;
const DEVICE_NAME_AT: usize = LABEL_AT + 1 + LABEL_BYTES_MAX;
const DEVICE_AT: usize = DEVICE_NAME_AT + 1 + LABEL_BYTES_MAX;
const REPLACES_AT: usize = DEVICE_AT + 8;
const RESERVED_AT: usize = REPLACES_AT + 16;

/// Bytes of a note before it is sealed. They are always as many: a name's length shows nowhere.
pub(super) const NOTE_BYTES: usize = RESERVED_AT + 10;

/// What a slot says of itself. That it opens shows that whoever made the slot had the vault's keys,
/// and that no byte of the slot has changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotNote {
    /// When the slot was made.
    pub created: Time,
    /// What its owner calls it; may be empty.
    pub label: String,
    /// The device that made it, if it had a number in the vault.
    pub device: Option<DeviceId>,
    /// What that device was called; may be empty.
    pub device_name: String,
    /// The slot that this one took the place of.
    pub replaces: Option<SlotId>,
}

impl SlotNote {
    pub(super) fn to_bytes(&self) -> [u8; NOTE_BYTES] {
        let mut out = [0; NOTE_BYTES];
        out[SECS_AT..NANOS_AT].copy_from_slice(&self.created.secs.to_le_bytes());
        out[NANOS_AT..LABEL_AT].copy_from_slice(&self.created.nanos.to_le_bytes());
        put_text(&mut out[LABEL_AT..DEVICE_NAME_AT], &self.label);
        put_text(&mut out[DEVICE_NAME_AT..DEVICE_AT], &self.device_name);
        let device = self.device.map_or(0, |device| device.0);
        out[DEVICE_AT..REPLACES_AT].copy_from_slice(&device.to_le_bytes());
        let replaces = self.replaces.map_or([0; 16], |slot| slot.0);
        out[REPLACES_AT..RESERVED_AT].copy_from_slice(&replaces);
        out
    }

    /// # Errors
    /// [`FormatError::Malformed`] if a name is not text.
    pub(super) fn parse(bytes: &[u8; NOTE_BYTES]) -> Result<Self, FormatError> {
        let created = Time {
            secs: i64::from_le_bytes(array(bytes, SECS_AT)),
            nanos: u32::from_le_bytes(array(bytes, NANOS_AT)),
        };
        let device = u64::from_le_bytes(array(bytes, DEVICE_AT));
        let replaces: [u8; 16] = array(bytes, REPLACES_AT);
        Ok(Self {
            created: created.normal(),
            label: text_in(&bytes[LABEL_AT..DEVICE_NAME_AT])?,
            device: (device != 0).then_some(DeviceId(device)),
            device_name: text_in(&bytes[DEVICE_NAME_AT..DEVICE_AT])?,
            replaces: (replaces != [0; 16]).then_some(SlotId(replaces)),
        })
    }
}
