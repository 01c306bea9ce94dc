//! What the other of two files of one name is called.

use crate::format::name_beside;

use super::author::Author;

/// `NAME (conflict DEVICE DATE).EXT`, with a number behind the date from the second on. A name that
/// would be too long loses the end of what stands before the bracket.
pub(super) fn conflict_name(name: &[u8], author: &Author, nth: u64) -> Vec<u8> {
    let number = if nth > 1 { format!(" {nth}") } else { String::new() };
    let device: String = author.device_name.chars().map(safe).take(DEVICE_CHARS_MAX).collect();
    name_beside(name, &format!("conflict {device} {}{number}", author.published.date()))
}

const DEVICE_CHARS_MAX: usize = 32;

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
    fn it_is_a_name_however_long_the_parts_are() {
        for name in ["ä".repeat(127), format!("{}.jpg", "x".repeat(251)), "x".repeat(255)] {
            let named = named(&name, &"ü".repeat(100), u64::MAX);
            check_name(named.as_bytes()).unwrap();
            assert!(named.contains("(conflict"), "{named}");
        }
    }
}
