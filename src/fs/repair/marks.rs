//! What a repair's log object says of the log objects that it takes the place of.
//!
//! Two operations that come to nothing in the tree, an attribute that is set and removed again,
//! carry it: so it stands in the log for good, and no reader has to know of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{DeviceId, Ino, LogHash, Operation, Time, array};

/// The operations of a log object were taken over: device, number, hash.
const TAKEN_OVER: &[u8] = b"hushfs.taken-over";
/// A log object was not to be had: device, number.
const GIVEN_UP: &[u8] = b"hushfs.given-up";

/// The log objects that repairs have taken the place of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) taken_over: BTreeMap<(DeviceId, u64), LogHash>,
    pub(super) given_up: BTreeSet<(DeviceId, u64)>,
}

impl Marks {
    /// Takes note of what an operation says.
    pub(super) fn note(&mut self, operation: &Operation<'_>) {
        let Operation::SetXattr { name, value, .. } = operation else { return };
        let place = |value: &[u8]| {
            let number = |at| u64::from_le_bytes(array(value, at));
            (DeviceId(number(0)), number(8))
        };
        match (*name, value.len()) {
            (TAKEN_OVER, 48) => {
                self.taken_over.insert(place(value), LogHash(array(value, 16)));
            }
            (GIVEN_UP, 16) => {
                self.given_up.insert(place(value));
            }
            _ => {}
        }
    }

    /// Whether a repair has taken the place of that object, whatever it was.
    pub(super) fn has(&self, place: (DeviceId, u64)) -> bool {
        self.taken_over.contains_key(&place) || self.given_up.contains(&place)
    }

    /// Whether that very object was taken over.
    pub(super) fn has_taken(&self, place: (DeviceId, u64), hash: &LogHash) -> bool {
        self.taken_over.get(&place) == Some(hash)
    }

    /// Gives every operation that says so, about the inode `ino`.
    pub(super) fn tell(&self, ino: Ino, ctime: Time, sink: &mut dyn FnMut(&Operation<'_>)) {
        let numbers =
            |(device, seq): &(DeviceId, u64)| [device.0.to_le_bytes(), seq.to_le_bytes()].concat();
        for (place, hash) in &self.taken_over {
            let value = [&numbers(place)[..], &hash.0].concat();
            sink(&Operation::SetXattr { ino, name: TAKEN_OVER, value: &value, ctime });
        }
        for place in &self.given_up {
            let value = numbers(place);
            sink(&Operation::SetXattr { ino, name: GIVEN_UP, value: &value, ctime });
        }
        if !self.taken_over.is_empty() {
            sink(&Operation::RemoveXattr { ino, name: TAKEN_OVER, ctime });
        }
        if !self.given_up.is_empty() {
            sink(&Operation::RemoveXattr { ino, name: GIVEN_UP, ctime });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_from_the_operations_that_tell_them() {
        let mut marks = Marks::default();
        marks.taken_over.insert((DeviceId(7), 3), LogHash([9; 32]));
        marks.taken_over.insert((DeviceId(8), u64::MAX), LogHash([1; 32]));
        marks.given_up.insert((DeviceId(7), 2));
        let mut read = Marks::default();
        let mut removed = 0;
        marks.tell(Ino::ROOT, Time::default(), &mut |operation| {
            read.note(operation);
            removed += u32::from(matches!(operation, Operation::RemoveXattr { .. }));
        });
        assert_eq!(read, marks);
        assert_eq!(removed, 2);
    }
}
