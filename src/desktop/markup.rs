//! Text where some characters would mean something: property lists, and the bodies of notifications.

/// The text as such markup writes it. Control characters have no form there but for the line end.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter if letter.is_control() && letter != '\n' => escaped.push('\u{FFFD}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_something_stands_for_itself() {
        assert_eq!(escaped("a & <b>\n\x1b[1m"), "a &amp; &lt;b&gt;\n\u{FFFD}[1m");
    }
}
