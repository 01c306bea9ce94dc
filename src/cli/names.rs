//! Names as a terminal may show them: a name is bytes, and bytes can tell a terminal to do anything.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether names are written for eyes or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// For a terminal: what could steer it is written as an escape.
    Escaped,
    /// For a pipe or file: the very bytes.
    AsTheyAre,
}

impl Names {
    /// What suits standard output.
    pub(super) fn for_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Escaped } else { Self::AsTheyAre }
    }

    /// A name or path as it is to be written.
    pub(super) fn written(self, name: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Escaped => Cow::Owned(escaped(name).into_bytes()),
            Self::AsTheyAre => Cow::Borrowed(name),
        }
    }
}

/// A name or path for eyes. What is no text, or steers a terminal or the direction of writing, is
/// written as an escape that no other name gives: `\n`, `\x1b`, `\u{202e}`, and `\\` for a backslash.
pub(super) fn escaped(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for part in name.utf8_chunks() {
        for c in part.valid().chars() {
            match c {
                '\\' => text.push_str(r"\\"),
                '\n' => text.push_str(r"\n"),
                '\t' => text.push_str(r"\t"),
                c if steers(c) && c.is_ascii() => push_byte(&mut text, c as u8),
                c if steers(c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
        }
        part.invalid().iter().for_each(|byte| push_byte(&mut text, *byte));
    }
    text
}

/// A name or path in a sentence or a line for people: as [`escaped`] writes it.
pub(super) trait Shown {
    /// For eyes.
    fn shown(&self) -> String;
}

impl Shown for [u8] {
    fn shown(&self) -> String {
        escaped(self)
    }
}

impl Shown for OsStr {
    fn shown(&self) -> String {
        escaped(self.as_bytes())
    }
}

impl Shown for Path {
    fn shown(&self) -> String {
        self.as_os_str().shown()
    }
}

impl Shown for str {
    fn shown(&self) -> String {
        escaped(self.as_bytes())
    }
}

/// A sentence that may hold names nobody has escaped: nothing in it steers, and it is one line.
pub(super) fn one_line(sentence: &str) -> Cow<'_, str> {
    match sentence.chars().any(steers) {
        // What is escaped already has its backslashes doubled.
        true => {
            let parts = sentence.split('\\').map(|part| escaped(part.as_bytes()));
            Cow::Owned(parts.collect::<Vec<_>>().join("\\"))
        }
        false => Cow::Borrowed(sentence),
    }
}

/// A text of lines, likewise.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    match text.chars().any(|c| c != '\n' && steers(c)) {
        true => Cow::Owned(text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")),
        false => Cow::Borrowed(text),
    }
}

fn push_byte(text: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(text, r"\x{byte:02x}");
}

/// Whether a character does something instead of being seen: controls, ends of lines, and what turns the
/// direction of writing, by which a name can pass for another.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        for (name, expected) in [
            (&b"plain name.txt"[..], "plain name.txt"),
            ("Grüße 👋.jpg".as_bytes(), "Grüße 👋.jpg"),
            (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
            (b"two\nlines\r", r"two\nlines\x0d"),
            (b"caf\xe9", r"caf\xe9"),
            ("a\u{9b}2J".as_bytes(), r"a\u{9b}2J"),
            ("gpj.\u{202e}exe".as_bytes(), r"gpj.\u{202e}exe"),
            (br"back\slash", r"back\\slash"),
        ] {
            assert_eq!(escaped(name), expected);
            assert_eq!(Names::AsTheyAre.written(name), name);
        }
    }

    #[test]
    fn a_sentence_is_one_line_and_what_was_escaped_before_stays() {
        assert_eq!(one_line("in “a\n\u{1b}”"), r"in “a\n\x1b”");
        assert_eq!(one_line(&format!("{}\r", Path::new("a\\\n").shown())), r"a\\\n\x0d");
        assert_eq!(lines("one\ntwo\x07\n"), "one\ntwo\\x07\n");
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_nothing_steers_and_no_two_names_look_alike(
            names in prop::collection::hash_set(prop::collection::vec(any::<u8>(), 0..6), 0..40)
        ) {
            let shown: HashSet<String> = names.iter().map(|name| escaped(name)).collect();
            prop_assert!(shown.iter().all(|shown| !shown.chars().any(steers)));
            prop_assert_eq!(shown.len(), names.len());
        }
    }
}
