//! Log objects: what one device did since its last one, and checkpoints, which hold the whole state.
//!
//! A checkpoint has the same layout, but stands beside the chain and not in it: it says what the
//! state is after the device's log object of the same number. So one can be written, lost or
//! collected without a gap in any chain.
//!
//! Layout: a header in the clear, then one sealed body, padded by Padmé; associated data: the
//! header. The body is a head (chain, frontier, clock) and then the operations.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::crypto::{ClassKeys, Nonce, ObjectClass, ObjectId, TAG_BYTES, VaultId};

use super::attributes::Time;
use super::error::FormatError;
use super::frame::{FRAME_BYTES, Magic, array, check_magic, need, write_magic};
use super::ids::DeviceId;
use super::operation::Operations;
use super::padding::padme;

const LENGTH_AT: usize = FRAME_BYTES;
const VAULT_AT: usize = LENGTH_AT + 6;
const OBJECT_AT: usize = VAULT_AT + 16;
const DEVICE_AT: usize = OBJECT_AT + 16;
const SEQ_AT: usize = DEVICE_AT + 8;
/// Bytes of the header, with which all log objects start.
pub const LOG_HEADER_BYTES: usize = SEQ_AT + 8;
const HEADER_BYTES: usize = LOG_HEADER_BYTES;

/// Clocks and numbers end before the largest there is, so that counting on from one that was read
/// does not overflow (I8).
const COUNT_MAX: u64 = u64::MAX - 1;

/// SHA-256 of a whole log object, by which the device's next one names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogHash(pub [u8; 32]);

impl LogHash {
    /// Stands before a device's first log object.
    pub const NONE: Self = Self([0; 32]);

    /// Of an object's bytes.
    pub fn of(object: &[u8]) -> Self {
        Self(Sha256::digest(object).into())
    }
}

impl std::fmt::Debug for LogHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// The last log object of one device that somebody has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontierEntry {
    /// Whose.
    pub device: DeviceId,
    /// Its number; the first is 1.
    pub seq: u64,
    /// Its hash.
    pub hash: LogHash,
}

/// For each device, the last log object seen, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier(Vec<FrontierEntry>);

impl Frontier {
    /// The last log object of `device` that was seen.
    pub fn get(&self, device: DeviceId) -> Option<&FrontierEntry> {
        let at = self.0.binary_search_by_key(&device, |entry| entry.device).ok()?;
        self.0.get(at)
    }

    /// Its number; 0 where none was seen.
    pub fn seq(&self, device: DeviceId) -> u64 {
        self.get(device).map_or(0, |entry| entry.seq)
    }

    /// Takes note of a later one.
    pub fn advance(&mut self, entry: FrontierEntry) {
        match self.0.binary_search_by_key(&entry.device, |known| known.device) {
            Ok(at) => self.0[at] = entry,
            Err(at) => self.0.insert(at, entry),
        }
    }

    /// How many log objects it covers.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |count, entry| count.saturating_add(entry.seq))
    }

    /// Every entry, in the order of device ids.
    pub fn iter(&self) -> impl Iterator<Item = &FrontierEntry> {
        self.0.iter()
    }

    /// Whether every device is in it once, in order, and has a number that another can follow (I8).
    fn is_well_formed(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0].device < pair[1].device)
            && self.0.iter().all(|entry| entry.seq <= COUNT_MAX)
    }
}

/// Whether a log object continues the state or holds all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogKind {
    /// Operations since the device's previous log object.
    Increment,
    /// Operations that rebuild from nothing the state that the frontier covers, which includes
    /// the device's own log object of the same number.
    Checkpoint,
}

impl LogKind {
    fn magic(self) -> Magic {
        match self {
            Self::Increment => Magic::Log,
            Self::Checkpoint => Magic::Checkpoint,
        }
    }
}

/// What stands in the sealed body before the operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    previous: LogHash,
    frontier: Frontier,
    clock: u64,
    published: Time,
    device_name: String,
    operations_bytes: u64,
}

/// Everything that a log object says, before it is sealed.
#[derive(Clone, Debug)]
pub struct LogDraft {
    /// Whose.
    pub device: DeviceId,
    /// Its number; a device's first is 1, and no number is used twice.
    pub seq: u64,
    /// The hash of the device's previous one.
    pub previous: LogHash,
    /// What the device had seen of every device, itself included, before this one.
    pub frontier: Frontier,
    /// Lamport clock: more than that of everything in the frontier.
    pub clock: u64,
    /// Increment or checkpoint.
    pub kind: LogKind,
    /// When.
    pub published: Time,
    /// What the device's owner calls it.
    pub device_name: String,
    /// Encoded operations, back to back.
    pub operations: Vec<u8>,
}

impl LogDraft {
    /// The object's bytes. It is made where the operations stand: those of a checkpoint are long,
    /// and are not to be in memory twice.
    pub fn seal(self, keys: &ClassKeys) -> Vec<u8> {
        let object = ObjectId::random();
        let mut header = Vec::with_capacity(HEADER_BYTES);
        write_magic(self.kind.magic(), &mut header);
        header.extend_from_slice(&[0; VAULT_AT - LENGTH_AT]);
        header.extend_from_slice(&keys.vault().0);
        header.extend_from_slice(&object.0);
        header.extend_from_slice(&self.device.0.to_le_bytes());
        header.extend_from_slice(&self.seq.to_le_bytes());
        let head = Head {
            previous: self.previous,
            frontier: self.frontier,
            clock: self.clock.min(COUNT_MAX),
            published: self.published,
            device_name: self.device_name,
            operations_bytes: self.operations.len() as u64,
        };
        let head = postcard::to_allocvec(&head)
            .expect("a head has no type that postcard cannot encode, and a Vec takes any length");
        let mut out = self.operations;
        let total = padme((HEADER_BYTES + head.len() + out.len() + TAG_BYTES) as u64) as usize;
        header[LENGTH_AT..VAULT_AT].copy_from_slice(&length_field(total as u64));
        out.reserve_exact(total - out.len());
        out.splice(..0, header.iter().copied().chain(head));
        out.resize(total, 0);
        let (_, body) = out.split_at_mut(HEADER_BYTES);
        keys.sealer(ObjectClass::Log, &object).seal_slice(Nonce::at(0), &header, body);
        out
    }
}

/// The field of the header that tells an object's length, in 6 bytes.
fn length_field(object_bytes: u64) -> [u8; VAULT_AT - LENGTH_AT] {
    array(&object_bytes.to_le_bytes(), 0)
}

/// How long a log object or checkpoint that starts so says it is; not to be trusted. `None` where
/// it does not say, as those that the first programs wrote, or has not even come so far.
pub fn told_log_bytes(start: &[u8]) -> Option<u64> {
    let field = start.get(LENGTH_AT..VAULT_AT)?;
    let mut bytes = [0; 8];
    bytes[..field.len()].copy_from_slice(field);
    Some(u64::from_le_bytes(bytes)).filter(|bytes| *bytes > 0)
}

/// Where a checkpoint stands in the order of all: by its clock, then by how much it covers, then by the
/// device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckpointAge(u64, u64, DeviceId);

/// A log object as it was read: only its header is known, and that is not to be trusted yet.
#[derive(Debug)]
pub struct UnverifiedLog {
    kind: LogKind,
    bytes: Vec<u8>,
}

impl UnverifiedLog {
    /// Checks kind, version and least length; authenticates nothing.
    ///
    /// # Errors
    /// [`FormatError`], as for every format.
    pub fn parse(kind: LogKind, bytes: Vec<u8>) -> Result<Self, FormatError> {
        check_magic(kind.magic(), &bytes)?;
        need(&bytes, HEADER_BYTES + TAG_BYTES)?;
        Ok(Self { kind, bytes })
    }

    /// The device and number that the object says it has.
    pub fn claimed_place(&self) -> (DeviceId, u64) {
        let number = |at| u64::from_le_bytes(array(&self.bytes, at));
        (DeviceId(number(DEVICE_AT)), number(SEQ_AT))
    }

    /// Authenticates the object and its place: this vault, this device, this number (I2).
    ///
    /// # Errors
    /// [`FormatError::Misplaced`] if it names another place, [`FormatError::NotAuthentic`] if it
    /// was changed, [`FormatError::Malformed`] if its head makes no sense.
    pub fn open(
        self,
        keys: &ClassKeys,
        device: DeviceId,
        seq: u64,
    ) -> Result<OpenedLog, FormatError> {
        let header = &self.bytes[..HEADER_BYTES];
        let places = (
            VaultId(array(header, VAULT_AT)),
            DeviceId(u64::from_le_bytes(array(header, DEVICE_AT))),
            u64::from_le_bytes(array(header, SEQ_AT)),
        );
        if places != (*keys.vault(), device, seq) || seq == 0 {
            return Err(FormatError::Misplaced);
        }
        let hash = LogHash::of(&self.bytes);
        let object_bytes = self.bytes.len() as u64;
        let object = ObjectId(array(header, OBJECT_AT));
        let header: [u8; HEADER_BYTES] = array(header, 0);
        let mut body = self.bytes;
        body.drain(..HEADER_BYTES);
        let body =
            keys.sealer(ObjectClass::Log, &object).open_in_place(Nonce::at(0), &header, body)?;
        let (head, rest): (Head, &[u8]) = postcard::take_from_bytes(&body)?;
        let operations_at = body.len() - rest.len();
        let operations_bytes = usize::try_from(head.operations_bytes)
            .ok()
            .filter(|bytes| *bytes <= rest.len())
            .ok_or(FormatError::Malformed("more operations than bytes"))?;
        if !head.frontier.is_well_formed() {
            return Err(FormatError::Malformed("the frontier is not in order"));
        }
        if seq.max(head.clock) > COUNT_MAX {
            return Err(FormatError::Malformed("a number that no other can follow"));
        }
        let seen_of_own = match self.kind {
            LogKind::Increment => seq - 1,
            LogKind::Checkpoint => seq,
        };
        if head.frontier.seq(device) != seen_of_own {
            return Err(FormatError::Malformed("the frontier skips the device's own log"));
        }
        Ok(OpenedLog {
            device,
            seq,
            hash,
            object_bytes,
            previous: head.previous,
            frontier: head.frontier,
            clock: head.clock,
            kind: self.kind,
            published: head.published.normal(),
            device_name: head.device_name,
            operations: operations_at..operations_at + operations_bytes,
            body,
        })
    }
}

/// A log object that is authentic, of this vault, and in its place.
#[derive(Debug)]
pub struct OpenedLog {
    /// Whose.
    pub device: DeviceId,
    /// Its number.
    pub seq: u64,
    /// SHA-256 of the whole object.
    pub hash: LogHash,
    /// The object's length.
    pub object_bytes: u64,
    /// The hash of the device's previous one.
    pub previous: LogHash,
    /// What the device had seen before this one.
    pub frontier: Frontier,
    /// Lamport clock.
    pub clock: u64,
    /// Increment or checkpoint.
    pub kind: LogKind,
    /// When it was published, by the device's own clock.
    pub published: Time,
    /// What the device's owner calls it.
    pub device_name: String,
    operations: std::ops::Range<usize>,
    body: Vec<u8>,
}

impl OpenedLog {
    /// The operations, in order.
    pub fn operations(&self) -> Operations<'_> {
        Operations::new(self.encoded_operations())
    }

    /// The operations as they are encoded, back to back.
    pub fn encoded_operations(&self) -> &[u8] {
        &self.body[self.operations.clone()]
    }

    /// Bytes of encoded operations.
    pub fn operations_bytes(&self) -> u64 {
        self.operations.len() as u64
    }

    /// Later checkpoints are greater; whatever covers all of another one and more is later. By clock and
    /// device alone it could be the other way round, where what it covers besides was done long before.
    pub fn checkpoint_age(&self) -> CheckpointAge {
        CheckpointAge(self.clock, self.frontier.count(), self.device)
    }

    /// This object as a frontier names it.
    pub fn entry(&self) -> FrontierEntry {
        FrontierEntry { device: self.device, seq: self.seq, hash: self.hash }
    }
}

#[cfg(test)]
#[path = "log_object_tests.rs"]
mod tests;
