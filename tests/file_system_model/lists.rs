//! Access control lists as the model has them: as bytes, either of owner, group and others, or also
//! of one user and a mask.

/// What an inode grants.
pub const ACCESS: &[u8] = b"system.posix_acl_access";
/// What a folder hands down.
pub const DEFAULT: &[u8] = b"system.posix_acl_default";

/// The attribute that holds a list.
pub fn name(hands_down: bool) -> &'static [u8] {
    if hands_down { DEFAULT } else { ACCESS }
}

/// A list in bytes: what the owner, a user, the group, the mask and all others may; without the
/// user and the mask if `minimal`.
pub fn value(may: [u8; 5], minimal: bool) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0];
    for (tag, may) in [1, 2, 4, 0x10, 0x20].into_iter().zip(may) {
        if !minimal || !matches!(tag, 2 | 0x10) {
            bytes.extend([tag, 0, may, 0]);
            let id = if tag == 2 { 1000 } else { u32::MAX };
            bytes.extend(id.to_le_bytes());
        }
    }
    bytes
}

/// Whether a mode says it all.
pub fn is_minimal(value: &[u8]) -> bool {
    value.len() == 4 + 3 * 8
}

/// Where the parts of a mode stand.
fn places(value: &[u8]) -> [usize; 3] {
    let entries = if is_minimal(value) { [0, 1, 2] } else { [0, 3, 4] };
    entries.map(|entry| 4 + entry * 8 + 2)
}

/// The lower nine bits of the mode.
pub fn mode_bits(value: &[u8]) -> u32 {
    places(value).into_iter().fold(0, |bits, place| bits << 3 | u32::from(value[place]))
}

/// What `chmod` makes of a list.
pub fn set_mode(value: &mut [u8], mode: u32) {
    for (place, shift) in places(value).into_iter().zip([6, 3, 0]) {
        value[place] = (mode >> shift & 7) as u8;
    }
}
