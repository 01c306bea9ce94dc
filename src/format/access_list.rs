//! POSIX access control lists (1003.1e, draft 17): bytes ⇄ types, and what they and a mode make of
//! each other.
//!
//! A list is the value of an extended attribute, in the bytes that Linux gives and takes: a version
//! of 4 bytes, then entries of 8: whom it is about, what they may, and a user's or group's number.

use super::mode::ALL_RWX;

/// The attribute that holds what an inode grants, where its mode does not say all of it.
pub const ACCESS_LIST: &[u8] = b"system.posix_acl_access";
/// The attribute that holds what a folder hands down to what is made in it.
pub const DEFAULT_LIST: &[u8] = b"system.posix_acl_default";
/// The longest list: kernels with pages of 4 KiB read none that is longer, and would let nobody
/// near such a file.
pub const ACCESS_LIST_BYTES_MAX: usize = 4096;

const VERSION: u32 = 2;
/// The number in entries that are about no particular user or group.
const NO_ID: u32 = u32::MAX;
/// What one entry, or one digit of a mode, can grant: to read, write and execute.
const RWX: u32 = 0o7;

const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP: u16 = 0x04;
const NAMED_GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHERS: u16 = 0x20;

/// Bytes that are no access control list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access control list: {0}")]
pub struct AccessListError(pub &'static str);

/// One user or group, and what they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: u16,
    may: u32,
    id: u32,
}

/// A well-formed list: one entry each for the owner, the owning group and all others, any number
/// for other users and groups, and a mask where there are such. Like the kernel's, it minds neither
/// the order among those nor that one comes twice: the first counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList(Vec<Entry>);

impl AccessList {
    /// A list from an attribute's value; `None` for one without entries, which stands for no list.
    ///
    /// # Errors
    /// [`AccessListError`] for whatever Linux would refuse.
    pub fn decode(value: &[u8]) -> Result<Option<Self>, AccessListError> {
        if value.is_empty() {
            return Ok(None);
        }
        let Some((version, entries)) = value.split_first_chunk() else {
            return Err(AccessListError("cut short"));
        };
        if u32::from_le_bytes(*version) != VERSION {
            return Err(AccessListError("of another version"));
        }
        let (entries, []) = entries.as_chunks::<8>() else {
            return Err(AccessListError("cut inside an entry"));
        };
        let entries: Vec<Entry> = entries.iter().map(Entry::decode).collect();
        if entries.is_empty() {
            return Ok(None);
        }
        check(&entries)?;
        Ok(Some(Self(entries)))
    }

    /// The attribute's value.
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.0.iter().flat_map(|entry| entry.encode());
        VERSION.to_le_bytes().into_iter().chain(entries).collect()
    }

    /// Whether a mode says all that this list does: it need not be kept then.
    pub fn is_only_a_mode(&self) -> bool {
        self.0.iter().all(|entry| matches!(entry.tag, OWNER | GROUP | OTHERS))
    }

    /// The lower nine bits of the mode of an inode with this list. Where there is a mask, it is
    /// the group's part: `chmod g-w` then takes from every other user and group.
    pub fn mode_bits(&self) -> u32 {
        self.may(OWNER) << 6 | self.may(self.group_class()) << 3 | self.may(OTHERS)
    }

    /// What the mode's middle part would have to be for the owning group to be granted what this
    /// list grants it: on a disk that does not take the list.
    pub fn owning_group_may(&self) -> u32 {
        self.may(GROUP) & self.may(self.group_class())
    }

    /// What `chmod` does to the list of what it changes.
    pub fn set_mode(&mut self, mode: u32) {
        self.each_of_the_mode(|entry, shift| entry.may = mode >> shift & RWX);
    }

    /// Makes the access list of a new inode out of its folder's default list: it grants no more
    /// than the creating program has asked for. Gives the inode's mode.
    pub fn restrict_to(&mut self, mode: u32) -> u32 {
        self.each_of_the_mode(|entry, shift| entry.may &= mode >> shift);
        mode & !ALL_RWX | self.mode_bits()
    }

    /// The entries that a mode tells of, each with where its bits stand there.
    fn each_of_the_mode(&mut self, change: impl Fn(&mut Entry, u32)) {
        let group_class = self.group_class();
        for entry in &mut self.0 {
            match entry.tag {
                OWNER => change(entry, 6),
                tag if tag == group_class => change(entry, 3),
                OTHERS => change(entry, 0),
                _ => {}
            }
        }
    }

    /// The entry that the group's part of the mode tells of.
    fn group_class(&self) -> u16 {
        if self.0.iter().any(|entry| entry.tag == MASK) { MASK } else { GROUP }
    }

    fn may(&self, tag: u16) -> u32 {
        self.0.iter().find(|entry| entry.tag == tag).map_or(0, |entry| entry.may)
    }
}

impl Entry {
    fn decode(bytes: &[u8; 8]) -> Self {
        let [tag_low, tag_high, may_low, may_high, a, b, c, d] = *bytes;
        let tag = u16::from_le_bytes([tag_low, tag_high]);
        let may = u16::from_le_bytes([may_low, may_high]).into();
        let is_named = matches!(tag, USER | NAMED_GROUP);
        let id = if is_named { u32::from_le_bytes([a, b, c, d]) } else { NO_ID };
        Self { tag, may, id }
    }

    fn encode(&self) -> [u8; 8] {
        let [tag_low, tag_high] = self.tag.to_le_bytes();
        let [a, b, c, d] = self.id.to_le_bytes();
        // Three bits: whatever else came in was refused.
        [tag_low, tag_high, self.may as u8, 0, a, b, c, d]
    }
}

/// Checks that entries are complete and in their order: owner, users, owning group, groups, mask,
/// others.
fn check(entries: &[Entry]) -> Result<(), AccessListError> {
    if entries.iter().any(|entry| entry.may & !RWX != 0) {
        return Err(AccessListError("it grants more than there is"));
    }
    if entries.iter().any(|entry| matches!(entry.tag, USER | NAMED_GROUP) && entry.id == NO_ID) {
        return Err(AccessListError("an entry for nobody"));
    }
    let mut tags = entries.iter().map(|entry| entry.tag).peekable();
    let mut has_named = false;
    for (single, named) in [(OWNER, Some(USER)), (GROUP, Some(NAMED_GROUP))] {
        tags.next_if_eq(&single).ok_or(AccessListError("no owner or group in its place"))?;
        while tags.next_if(|tag| Some(*tag) == named).is_some() {
            has_named = true;
        }
    }
    let has_mask = tags.next_if_eq(&MASK).is_some();
    if has_named && !has_mask {
        return Err(AccessListError("it needs a mask"));
    }
    match (tags.next(), tags.next()) {
        (Some(OTHERS), None) => Ok(()),
        _ => Err(AccessListError("entries out of order, missing or unknown")),
    }
}

#[cfg(test)]
#[path = "access_list_tests.rs"]
mod tests;
