//! Names for what stands beside something that has the name it would have.

use super::names::NAME_BYTES_MAX;

/// What is longer is no extension.
pub const EXTENSION_BYTES_MAX: usize = 16;

/// `NAME (note).EXT`. A name that would be too long loses the end of what stands before the bracket.
pub fn name_beside(name: &[u8], note: &str) -> Vec<u8> {
    let note = format!(" ({note})");
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    let dot = dot.filter(|dot| name.len() - dot <= EXTENSION_BYTES_MAX).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let room = NAME_BYTES_MAX.saturating_sub(note.len() + extension.len());
    [&stem[..whole_chars(stem, room)], note.as_bytes(), extension].concat()
}

/// How many bytes of `text` fit, without cutting a character of UTF-8 in two.
fn whole_chars(text: &[u8], room: usize) -> usize {
    let mut end = text.len().min(room);
    while end > 0 && end < text.len() && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::check_name;

    #[test]
    fn a_note_stands_before_the_extension_and_the_name_stays_one() {
        assert_eq!(name_beside(b"a.jpg", "restored"), b"a (restored).jpg");
        assert_eq!(name_beside(b".hidden", "restored"), b".hidden (restored)");
        for name in ["ä".repeat(127), format!("{}.jpg", "x".repeat(251))] {
            check_name(&name_beside(name.as_bytes(), "restored 2026-11-24")).unwrap();
        }
    }
}
