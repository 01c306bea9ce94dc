//! Text where some characters would mean something: property lists, and the bodies of notifications.

const ENTITIES: [(char, &str); 3] = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")];

/// The text as such markup writes it. Control characters have no form there but for tab and line end.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match ENTITIES.iter().find(|(meaning, _)| *meaning == letter) {
            Some((_, entity)) => escaped.push_str(entity),
            None if letter.is_control() && !matches!(letter, '\n' | '\t') => {
                escaped.push('\u{FFFD}');
            }
            None => escaped.push(letter),
        }
    }
    escaped
}

/// The text that [`escaped`] wrote; `None` for what it does not write.
pub(super) fn unescaped(markup: &str) -> Option<String> {
    let mut text = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(letter) = rest.chars().next() {
        let (letter, written) = match letter {
            '&' => {
                let entity = ENTITIES.iter().find(|(_, entity)| rest.starts_with(entity))?;
                (entity.0, entity.1.len())
            }
            '<' | '>' => return None,
            letter => (letter, letter.len_utf8()),
        };
        text.push(letter);
        rest = &rest[written..];
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_mean_something_stands_for_itself() {
        assert_eq!(escaped("a & <b>\n\x1b[1m"), "a &amp; &lt;b&gt;\n\u{FFFD}[1m");
        for other in ["&", "&amp", "&quot;", "<", "a>b"] {
            assert_eq!(unescaped(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_was_escaped_comes_back(text in r"(&|<|>|&amp;|\PC|\n|\t)*") {
            prop_assert_eq!(unescaped(&escaped(&text)), Some(text));
        }
    }
}
