//! What the other of two files of one name is called, and what such a name tells.

use crate::format::{EXTENSION_BYTES_MAX, NAME_BYTES_MAX, name_beside};

use super::author::Author;

/// `NAME (conflict DEVICE DATE).EXT`, with a number behind the date from the second on. A name that
/// would be too long loses the end of what stands before the bracket.
pub(super) fn conflict_name(name: &[u8], author: &Author, nth: u64) -> Vec<u8> {
    let number = if nth > 1 { format!(" {nth}") } else { String::new() };
    let device: String = author.device_name.chars().map(safe).take(DEVICE_CHARS_MAX).collect();
    name_beside(name, &format!("conflict {device} {}{number}", author.published.date()))
}

/// What stands before the device.
const NOTE_START: &[u8] = b" (conflict ";
const DEVICE_CHARS_MAX: usize = 32;

/// What the name of a conflict copy tells. Nothing but the name says that it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictName {
    stem: Vec<u8>,
    extension: Vec<u8>,
    /// The stem may have lost its end for want of room.
    may_be_cut: bool,
    /// The device that this version comes from.
    pub device: String,
    /// The day on which that device published it.
    pub date: String,
}

impl ConflictName {
    /// Takes the name of a conflict copy apart; `None` for every other name.
    pub fn parse(name: &[u8]) -> Option<Self> {
        let start = name.windows(NOTE_START.len()).rposition(|window| window == NOTE_START)?;
        let (stem, rest) = (&name[..start], &name[start + NOTE_START.len()..]);
        let ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b')');
        ends.map(|(end, _)| (&rest[..end], &rest[end + 1..])).find_map(|(note, extension)| {
            let (device, date) = device_and_date(std::str::from_utf8(note).ok()?)?;
            let is_extension = extension.is_empty()
                || extension.len() <= EXTENSION_BYTES_MAX
                    && extension.iter().rposition(|byte| *byte == b'.') == Some(0);
            (is_extension && !stem.is_empty()).then(|| Self {
                stem: stem.to_vec(),
                extension: extension.to_vec(),
                may_be_cut: name.len() + CHAR_BYTES_MAX > NAME_BYTES_MAX,
                device,
                date,
            })
        })
    }

    /// The name that the copy would have had, unless that was so long that it was cut.
    pub fn name(&self) -> Vec<u8> {
        [&self.stem[..], &self.extension[..]].concat()
    }

    /// Whether `name` is one that the copy may stand beside, although it is not [`Self::name`].
    pub fn may_be_cut_from(&self, name: &[u8]) -> bool {
        self.may_be_cut
            && name.len() > self.stem.len() + self.extension.len()
            && name.starts_with(&self.stem)
            && name.ends_with(&self.extension)
            && Self::parse(name).is_none()
    }
}

/// A character of UTF-8 has no more.
const CHAR_BYTES_MAX: usize = 4;

/// What stands in the bracket behind the word: a device, a day, and perhaps a number.
fn device_and_date(note: &str) -> Option<(String, String)> {
    let (rest, last) = note.rsplit_once(' ')?;
    let (device, date) = match is_date(last) {
        true => (rest, last),
        false => {
            let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
            rest.rsplit_once(' ').filter(|(_, date)| is_number && is_date(date))?
        }
    };
    Some((device.to_owned(), date.to_owned()))
}

/// Whether this is a day as in 2026-11-24.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    parts.iter().all(is_number) && lengths == [4, 2, 2]
}

/// What can be in a name.
fn safe(c: char) -> char {
    if c == '/' || c.is_control() { '_' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{DeviceId, Frontier, Time, check_name};

    fn named(name: &str, device: &str, nth: u64) -> String {
        let author = Author {
            device: DeviceId(1),
            seq: 1,
            seen: Frontier::default(),
            device_name: device.into(),
            published: Time { secs: 1_795_546_302, nanos: 0 },
            knew_ground: true,
        };
        String::from_utf8(conflict_name(name.as_bytes(), &author, nth)).unwrap()
    }

    #[test]
    fn a_conflict_is_named_before_the_extension() {
        assert_eq!(named("a.jpg", "laptop", 1), "a (conflict laptop 2026-11-24).jpg");
        assert_eq!(named("a", "my/pc\n", 2), "a (conflict my_pc_ 2026-11-24 2)");
        assert_eq!(named(".hidden", "x", 1), ".hidden (conflict x 2026-11-24)");
        assert_eq!(named("a.b.crypt15", "x", 1), "a.b (conflict x 2026-11-24).crypt15");
    }

    #[test]
    fn what_the_name_of_a_copy_tells_is_read_back() {
        for name in ["a.jpg", "a", ".hidden", "a.b.crypt15", "a (1).txt", "x (conflict y", "a.b)c"]
        {
            for (device, nth) in [("laptop", 1), ("my pc (new)", 1), ("ä 7", 12), ("", 2)] {
                let copy = named(name, device, nth);
                let told = ConflictName::parse(copy.as_bytes()).unwrap();
                assert_eq!(told.name(), name.as_bytes(), "{copy}");
                assert_eq!((&*told.device, &*told.date), (device, "2026-11-24"), "{copy}");
                assert!(!told.may_be_cut_from(b"a and more.jpg"), "{copy}");
                let twice = ConflictName::parse(named(&copy, "other", 1).as_bytes()).unwrap();
                assert_eq!(twice.name(), copy.as_bytes());
            }
        }
    }

    #[test]
    fn a_copy_whose_name_was_cut_finds_what_it_stands_beside() {
        for name in ["ä".repeat(127), format!("{}.jpg", "x".repeat(251)), "x".repeat(255)] {
            let told = ConflictName::parse(named(&name, "laptop", 1).as_bytes()).unwrap();
            assert!(told.name() != name.as_bytes() && told.may_be_cut_from(name.as_bytes()));
            assert!(!told.may_be_cut_from(b"another.jpg"));
        }
    }

    #[test]
    fn other_names_are_no_copies() {
        for name in [
            "",
            "a",
            "a (conflict).jpg",
            "a (conflict laptop).jpg",
            "a (conflict laptop 2026-11-24",
            "a (conflict laptop 2026-1-24)",
            "a (conflict laptop 2026-11-24 x)",
            "a (conflict laptop 2026-11-24 )",
            "a (conflict laptop 2026-11-24)jpg",
            "a (conflict laptop 2026-11-24).tar.gz",
            " (conflict laptop 2026-11-24).jpg",
            "a (conflict 2026-11-24)",
        ] {
            assert_eq!(ConflictName::parse(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn it_is_a_name_however_long_the_parts_are() {
        for name in ["ä".repeat(127), format!("{}.jpg", "x".repeat(251)), "x".repeat(255)] {
            let named = named(&name, &"ü".repeat(100), u64::MAX);
            check_name(named.as_bytes()).unwrap();
            assert!(named.contains("(conflict"), "{named}");
        }
    }
}
