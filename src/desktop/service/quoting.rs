//! Words as systemd's units write them, and what such a word means.

use std::fmt::Write as _;

/// A word of a command line, as systemd reads it: `%` and `$` would stand for something else, and whatever
/// is no plain character is written as its bytes.
pub(super) fn quoted(word: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in word.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '%' => text.push_str("%%"),
                '$' => text.push_str("$$"),
                '"' | '\\' => text.extend(['\\', letter]),
                letter if letter.is_control() => {
                    let mut bytes = [0; 4];
                    escape(&mut text, letter.encode_utf8(&mut bytes).as_bytes());
                }
                letter => text.push(letter),
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text.push('"');
    text
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// The word that [`quoted`] wrote; `None` for what it does not write.
pub(super) fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix('"')?.strip_suffix('"')?.bytes();
    let mut word = Vec::with_capacity(rest.len());
    while let Some(byte) = rest.next() {
        word.push(match byte {
            b'"' => return None,
            b'%' | b'$' => rest.next().filter(|twin| *twin == byte)?,
            b'\\' => match rest.next()? {
                b'x' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    u8::try_from(digit()? << 4 | digit()?).ok()?
                }
                escaped @ (b'"' | b'\\') => escaped,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_of_a_unit_mean_themselves() {
        for (word, written) in [
            (&b"/a b"[..], r#""/a b""#),
            (b"100%", r#""100%%""#),
            (b"$HOME", r#""$$HOME""#),
            (br#"say "hi\""#, r#""say \"hi\\\"""#),
            (b"a\nb\x7f", r#""a\x0ab\x7f""#),
            (b"caf\xc3\xa9 \xff", "\"café \\xff\""),
            (b"", r#""""#),
        ] {
            assert_eq!(quoted(word), written);
            assert_eq!(unquoted(written).as_deref(), Some(word));
        }
    }

    #[test]
    fn what_is_no_word_of_ours_is_none() {
        for text in [
            "",
            "\"",
            "/a",
            "\"/a",
            "/a\"",
            r#""a"b""#,
            r#""%h""#,
            r#""%""#,
            r#""$x""#,
            r#""\n""#,
            r#""\x4""#,
            r#""\xg0""#,
            r#""a\""#,
        ] {
            assert_eq!(unquoted(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_word_comes_back_as_it_was_and_stays_on_its_line(
            word in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\%$x\n "[..])], 0..40)
        ) {
            let text = quoted(&word);
            prop_assert!(!text.contains(char::is_control));
            prop_assert_eq!(unquoted(&text), Some(word));
        }

        #[test]
        fn whatever_the_text_nothing_panics(text in r#""?[ -~é]{0,20}"?"#) {
            let _ = unquoted(&text);
        }
    }
}
