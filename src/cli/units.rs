//! Numbers and times as a person reads them, and sizes and times as a person types them.

use std::time::Duration;

/// Bytes in steps of 1000: `999 bytes`, `1.2 MB`, `34 GB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return counted(count, "byte", "bytes");
    }
    let mut value = count as f64;
    let mut unit = "";
    for next in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// Reads a size: bytes, or KiB, MiB, GiB or TiB with `K`, `M`, `G` or `T` behind it.
pub(super) fn parse_bytes(text: &str) -> Option<u64> {
    let shift = match text.chars().last()?.to_ascii_uppercase() {
        'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => 0,
    };
    let digits = if shift == 0 { text } else { &text[..text.len() - 1] };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(1 << shift)
}

/// Reads a time: 0, or a number with `s`, `m`, `h` or `d` behind it.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let secs: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.parse::<u64>().ok().filter(|_| is_number)?;
    count.checked_mul(secs).map(Duration::from_secs)
}

/// A count with its word: `1 file`, `12,345 files`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    let word = if count == 1 { one } else { many };
    format!("{} {word}", grouped(count))
}

/// A number with its thousands apart.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How long ago `then` was at `now`, both in seconds since 1970.
pub(super) fn ago(then: i64, now: i64) -> String {
    const STEPS: [(u64, &str, &str); 4] = [
        (24 * 60 * 60, "day", "days"),
        (60 * 60, "hour", "hours"),
        (60, "minute", "minutes"),
        (1, "second", "seconds"),
    ];
    let Ok(secs) = u64::try_from(now.saturating_sub(then)) else {
        return "in the future, by this clock".to_owned();
    };
    STEPS
        .iter()
        .find(|(step, _, _)| secs >= *step)
        .map_or("just now".to_owned(), |(step, one, many)| {
            format!("{} ago", counted(secs / step, one, many))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_typed_with_a_unit_or_without() {
        for (text, bytes) in
            [("0", 0), ("7", 7), ("4k", 4096), ("64M", 64 << 20), ("8G", 8 << 30), ("1T", 1 << 40)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "K", "-1", "+1", "4 K", "1.5G", "4KB", "0x10", "99999999999T", "4é"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_typed_with_its_unit() {
        for (text, secs) in [("0", 0), ("90s", 90), ("5m", 300), ("36h", 129_600), ("7d", 604_800)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "5", "h", "-1h", "+1h", "1 h", "1.5h", "1w", "99999999999999999d", "5é"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_have_two_digits_or_three() {
        let shown: Vec<String> = [0, 1, 999, 1000, 1_234_567, 9_949_999, 9_950_000, 999_499_999]
            .into_iter()
            .map(bytes)
            .collect();
        let expected =
            ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "1.2 MB", "9.9 MB", "10 MB", "999 MB"];
        assert_eq!(shown, expected);
        assert_eq!(bytes(999_500_000), "1.0 GB");
        assert_eq!(bytes(u64::MAX), "18 EB");
    }

    #[test]
    fn times_are_told_in_their_largest_unit() {
        assert_eq!(ago(100, 100), "just now");
        assert_eq!(ago(100, 101), "1 second ago");
        assert_eq!(ago(0, 179), "2 minutes ago");
        assert_eq!(ago(0, 7200), "2 hours ago");
        assert_eq!(ago(0, 86_400 * 1234), "1,234 days ago");
        assert_eq!(ago(1, 0), "in the future, by this clock");
    }
}
