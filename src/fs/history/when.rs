//! Which state somebody means, and how a state's time is written.
//!
//! Times without an offset are in the time zone of this machine: that of `TZ`, or of `/etc/localtime`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::format::Time;

/// As many digits of an id as are shown; fewer are not taken for one.
pub(super) const ID_DIGITS: usize = 8;
/// All digits of an id.
const ID_DIGITS_MAX: usize = 64;
const NANO: SignedDuration = SignedDuration::from_nanos(1);

/// Which state somebody means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// The last one that was published by then.
    By(Time),
    /// The one whose id starts with these hex digits.
    Id(String),
    /// The last one.
    Now,
}

/// What is typed says no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” is neither a time (2026-11-24, “2026-11-24 18:30”, yesterday, 3h, 2d) nor the id of a \
     state (8 hex digits, as “hushfs history” shows them)"
)]
pub struct WhenError(pub String);

impl When {
    /// Reads a time or an id. A time stands for the end of what is typed: a day for its last moment,
    /// a minute for its last.
    ///
    /// # Errors
    /// [`WhenError`].
    pub fn parse(text: &str) -> Result<Self, WhenError> {
        Self::parse_at(text, &Zoned::now())
    }

    fn parse_at(text: &str, now: &Zoned) -> Result<Self, WhenError> {
        let text = text.trim();
        if text == "now" {
            return Ok(Self::Now);
        }
        let is_id = (ID_DIGITS..=ID_DIGITS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            return Ok(Self::Id(text.to_ascii_lowercase()));
        }
        let moment = back(text, now).or_else(|| day(text, now)).or_else(|| written(text, now));
        let moment = moment.ok_or_else(|| WhenError(text.to_owned()))?;
        Ok(Self::By(to_time(moment)))
    }
}

/// So long before now: `90m`, `3h`, `2d`, also with “ago” behind it.
fn back(text: &str, now: &Zoned) -> Option<Timestamp> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = digits.parse().ok().filter(|_| is_number)?;
    let unit_secs = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let back = SignedDuration::from_secs(count.checked_mul(unit_secs)?);
    now.timestamp().checked_sub(back).ok()
}

/// The last moment of yesterday or of a day that is written down.
fn day(text: &str, now: &Zoned) -> Option<Timestamp> {
    let day = match text {
        "yesterday" => now.date().yesterday().ok()?,
        text if text.len() == 10 => text.parse().ok()?,
        _ => return None,
    };
    let next = day.tomorrow().ok()?.to_zoned(now.time_zone().clone()).ok()?;
    next.timestamp().checked_sub(NANO).ok()
}

/// A day with a time, and an offset perhaps.
fn written(text: &str, now: &Zoned) -> Option<Timestamp> {
    let (start, is_offset_written) = match text.parse::<Timestamp>() {
        Ok(moment) => (moment, true),
        Err(_) => {
            let local: DateTime = text.parse().ok()?;
            (local.to_zoned(now.time_zone().clone()).ok()?.timestamp(), false)
        }
    };
    let time = text.split_at_checked(11)?.1;
    // An offset has a colon of its own, as in +01:00.
    let clock = match is_offset_written {
        true => time.split(['+', '-', 'Z', 'z', '[']).next()?,
        false => time,
    };
    let unit = match (clock.matches(':').count(), clock.contains(['.', ','])) {
        (_, true) => 1.nanosecond(),
        (2, false) => 1.second(),
        (1, false) => 1.minute(),
        _ => return None,
    };
    start.checked_add(unit).ok()?.checked_sub(NANO).ok()
}

fn to_time(moment: Timestamp) -> Time {
    let whole = moment.as_second();
    let nanos = moment.subsec_nanosecond();
    // Before 1970 both are negative.
    match u32::try_from(nanos) {
        Ok(nanos) => Time { secs: whole, nanos },
        Err(_) => Time { secs: whole - 1, nanos: (1_000_000_000 + nanos).unsigned_abs() },
    }
}

/// In the time zone of this machine; `None` for what no calendar has.
fn zoned(time: Time) -> Option<Zoned> {
    let moment = Timestamp::new(time.secs, i32::try_from(time.nanos).ok()?).ok()?;
    Some(moment.to_zoned(TimeZone::system()))
}

/// The day and the time of day of a state, by the time zone of this machine.
pub fn day_and_time(time: Time) -> (String, String) {
    match zoned(time) {
        Some(zoned) => {
            (zoned.strftime("%Y-%m-%d").to_string(), zoned.strftime("%H:%M:%S").to_string())
        }
        None => (time.date(), String::new()),
    }
}

/// A state's time as the name of its folder: with the offset, so that it means the same everywhere;
/// with the fraction where states of one second are told apart.
pub fn folder_name(time: Time, with_fraction: bool) -> String {
    let form = if with_fraction { "%Y-%m-%dT%H:%M:%S%.9f%:z" } else { "%Y-%m-%dT%H:%M:%S%:z" };
    zoned(time).map_or_else(|| time.date(), |zoned| zoned.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap().to_zoned(zone);
        match When::parse_at(text, &now) {
            Ok(When::By(time)) => Timestamp::new(time.secs, time.nanos as i32).unwrap().to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_time_stands_for_the_end_of_what_is_typed_in_the_local_time_zone() {
        for (text, expected) in [
            ("2026-11-23", "2026-11-23T22:59:59.999999999Z"),
            ("yesterday", "2026-11-23T22:59:59.999999999Z"),
            ("2026-07-01", "2026-07-01T21:59:59.999999999Z"),
            ("2026-11-24 18:30", "2026-11-24T17:30:59.999999999Z"),
            ("2026-11-24T18:30:05", "2026-11-24T17:30:05.999999999Z"),
            ("2026-11-24T18:30:05Z", "2026-11-24T18:30:05.999999999Z"),
            ("2026-11-24T18:30:05+05:00", "2026-11-24T13:30:05.999999999Z"),
            ("2026-11-24T18:30:05.5+05:00", "2026-11-24T13:30:05.5Z"),
            ("3h", "2026-11-24T09:00:00Z"),
            ("2d ago", "2026-11-22T12:00:00Z"),
            (" 90m ", "2026-11-24T10:30:00Z"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn an_id_has_eight_digits_at_least_and_other_text_is_refused() {
        assert_eq!(When::parse("00C0FFEE"), Ok(When::Id("00c0ffee".into())));
        assert_eq!(When::parse("now"), Ok(When::Now));
        for text in
            ["", "c0ffee", "3w", "h", "-1h", "tomorrow", "2026-13-01", "24.11.2026", "18:30", "é"]
        {
            assert_eq!(When::parse(text), Err(WhenError(text.into())), "{text}");
        }
    }

    #[test]
    fn a_folder_of_a_state_is_called_what_is_read_back_as_its_time() {
        let time = Time { secs: 1_795_546_302, nanos: 7 };
        for with_fraction in [false, true] {
            let name = folder_name(time, with_fraction);
            let Ok(When::By(by)) = When::parse(&name) else { panic!("{name}") };
            assert!(by >= time && by.secs == time.secs, "{name}");
            assert!(!with_fraction || by == time, "{name}");
        }
        assert!(!folder_name(Time { secs: i64::MAX, nanos: 0 }, false).is_empty());
        assert_eq!(to_time(Timestamp::new(-1, -1).unwrap()), Time { secs: -2, nanos: 999_999_999 });
    }
}
