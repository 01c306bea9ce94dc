//! Patterns of names, as shells have them.
//!
//! Decision: translated here into the language of `regex`, since names are bytes while people count
//! characters: the libraries of patterns take `?` and `[ä]` for one byte, or refuse names that are no text.

use regex::bytes::Regex;

/// Any character, or a byte that is none.
const ANY: &str = r"(?:.|(?-u:[\x80-\xFF]))";

/// A pattern that a whole name is compared with.
#[derive(Clone, Debug)]
pub struct Glob(Regex);

impl Glob {
    /// Reads a pattern: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`, `{one,two}`, and `\` before what is to be
    /// itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let regex = Regex::new(&translated(text)?);
        Ok(Self(regex.map_err(|_| "this is no pattern: is a range of characters reversed?")?))
    }

    /// Whether a name is like this.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        self.0.is_match(name)
    }
}

fn translated(text: &str) -> Result<String, String> {
    let mut regex = r"(?s)\A(?:".to_owned();
    let mut depth = 0_u32;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => regex.extend([ANY, "*"]),
            '?' => regex.push_str(ANY),
            '[' => push_class(&mut regex, &mut rest)?,
            '{' => {
                depth += 1;
                regex.push_str("(?:");
            }
            ',' if depth > 0 => regex.push('|'),
            '}' if depth > 0 => {
                depth -= 1;
                regex.push(')');
            }
            '\\' => push_literal(&mut regex, rest.next().ok_or("a “\\” stands before nothing")?),
            c => push_literal(&mut regex, c),
        }
    }
    if depth > 0 {
        return Err("there is a “{” without its “}”".to_owned());
    }
    regex.push_str(r")\z");
    Ok(regex)
}

/// What follows a `[`, up to its `]`; one that comes first is itself.
fn push_class(regex: &mut String, rest: &mut std::str::Chars<'_>) -> Result<(), String> {
    let unended = || "there is a “[” without its “]”".to_owned();
    regex.push('[');
    let mut c = rest.next().ok_or_else(unended)?;
    if c == '!' || c == '^' {
        regex.push('^');
        c = rest.next().ok_or_else(unended)?;
    }
    let mut is_first = true;
    while c != ']' || is_first {
        let is_last = rest.as_str().starts_with(']');
        match c {
            '-' if !is_first && !is_last => regex.push('-'),
            '\\' => push_literal(regex, rest.next().ok_or_else(unended)?),
            c => push_literal(regex, c),
        }
        is_first = false;
        c = rest.next().ok_or_else(unended)?;
    }
    regex.push(']');
    Ok(())
}

fn push_literal(regex: &mut String, c: char) {
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_like(glob: &str, name: &[u8]) -> bool {
        Glob::parse(glob).unwrap().matches(name)
    }

    #[test]
    fn a_pattern_is_compared_with_the_whole_name_character_by_character() {
        for (glob, names) in [
            ("*.jpg", &["a.jpg", "é.jpg", ".jpg", "two\nlines.jpg"][..]),
            ("?.jpg", &["a.jpg", "é.jpg", "👋.jpg"]),
            ("[äö]*", &["ä", "öl"]),
            ("[a-c]1", &["a1", "c1"]),
            ("[!a-c]1", &["d1", "ä1"]),
            ("[]-]", &["]", "-"]),
            ("*.{jpg,JP{E,}G}", &["x.jpg", "x.JPG", "x.JPEG"]),
            (r"a\*b", &["a*b"]),
            ("a.b+(c)^$|", &["a.b+(c)^$|"]),
            ("a,b}", &["a,b}"]),
        ] {
            for name in names {
                assert!(is_like(glob, name.as_bytes()), "{glob} {name}");
            }
        }
        for (glob, name) in [
            ("?.jpg", "ab.jpg"),
            ("*.jpg", "a.jpgx"),
            ("[äö]", "\u{c3}"),
            ("[!ä]", "ä"),
            (r"a\*b", "axb"),
            ("a.b", "axb"),
            ("a|b", "a"),
        ] {
            assert!(!is_like(glob, name.as_bytes()), "{glob} {name}");
        }
        assert!(is_like("caf?.jpg", b"caf\xe9.jpg") && is_like("*", b"\xff\xfe"));
        for glob in ["[a", "{a,b", "a\\", "[z-a]", "[!"] {
            assert!(Glob::parse(glob).is_err(), "{glob}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_like_itself_and_like_itself_with_anything_in_place_of_a_character(
            name in "\\PC{1,8}", at in any::<prop::sample::Index>()
        ) {
            let escaped = |c: char| format!("\\{c}");
            let chars: Vec<char> = name.chars().collect();
            let at = at.index(chars.len());
            let whole: String = chars.iter().copied().map(escaped).collect();
            prop_assert!(is_like(&whole, name.as_bytes()));
            for any in ["?", "*"] {
                let glob = |(nth, c): (usize, &char)| if nth == at { any.into() } else { escaped(*c) };
                let glob: String = chars.iter().enumerate().map(glob).collect();
                prop_assert!(is_like(&glob, name.as_bytes()));
            }
        }

        #[test]
        fn no_pattern_panics(glob in ".*", name in prop::collection::vec(any::<u8>(), 0..8)) {
            if let Ok(glob) = Glob::parse(&glob) {
                glob.matches(&name);
            }
        }
    }
}
