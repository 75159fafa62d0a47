//! Dates: what a `date` attr accepts (instant.md section 4.5) and when that is.
//!
//! Values are kept as they were given; this module says which instant they mean, in microseconds since 1970 UTC. Text
//! without a zone is UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

/// The largest distance from 1970 that JavaScript's `Date` has, in milliseconds.
const MAX_MS: i64 = 8_640_000_000_000_000;
/// Longer text is no date.
const MAX_TEXT: usize = 128;
const DAY_US: i64 = 86_400_000_000;

/// With a zone. `%z` reads `+0100` and `+01:00`.
const ZONED: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%a %b %d %Y %H:%M:%S GMT%z"];
/// Without one.
const LOCAL: [&str; 5] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%m/%d/%Y, %I:%M:%S %p"];
const DAYS: [&str; 3] = ["%Y-%m-%d", "%m/%d/%Y", "%Y%m%d"];

/// The instant `value` means, in microseconds; none when it is no date or one of the words that depend on the clock.
#[must_use]
pub fn parse(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => parse_number(number),
        Value::String(text) => parse_text(text),
        _ => None,
    }
}

/// As [`parse`], and the words `now`, `today`, `yesterday` and `tomorrow` seen from `now_ms`.
#[must_use]
pub fn parse_at(value: &Value, now_ms: i64) -> Option<i64> {
    let Some(word) = value.as_str().and_then(word) else { return parse(value) };
    let now = now_ms.checked_mul(1_000)?;
    let midnight = now - now.rem_euclid(DAY_US);
    Some(match word {
        Word::Now => now,
        Word::Today => midnight,
        Word::Yesterday => midnight - DAY_US,
        Word::Tomorrow => midnight + DAY_US,
    })
}

/// True for the words whose meaning depends on the clock. They can be stored, and not compared with.
#[must_use]
pub fn is_word(value: &Value) -> bool {
    value.as_str().and_then(word).is_some()
}

enum Word {
    Now,
    Today,
    Yesterday,
    Tomorrow,
}

fn word(text: &str) -> Option<Word> {
    match text {
        "now" => Some(Word::Now),
        "today" => Some(Word::Today),
        "yesterday" => Some(Word::Yesterday),
        "tomorrow" => Some(Word::Tomorrow),
        _ => None,
    }
}

fn parse_number(number: &serde_json::Number) -> Option<i64> {
    if let Some(ms) = number.as_i64() {
        return (-MAX_MS..=MAX_MS).contains(&ms).then(|| ms * 1_000);
    }
    let ms = number.as_f64()?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "inside of the range checked here"
    )]
    (ms.abs() <= MAX_MS as f64).then(|| (ms * 1_000.0).round() as i64)
}

fn parse_text(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return None;
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return in_range(time.timestamp_micros());
    }
    if let Some(day) = DAYS.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok()) {
        return in_range(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    }
    if let Some(time) = LOCAL.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        return in_range(time.and_utc().timestamp_micros());
    }
    // JavaScript's toString() ends with the zone's name in brackets.
    let text = text.split_once(" (").map_or(text, |(before, _name)| before);
    if let Some(time) = ZONED.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()) {
        return in_range(time.timestamp_micros());
    }
    DateTime::parse_from_rfc2822(text).ok().and_then(|time| in_range(time.timestamp_micros()))
}

fn in_range(micros: i64) -> Option<i64> {
    (micros.abs() / 1_000 <= MAX_MS).then_some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_the_reference_is_read() {
        const NOON: i64 = 1_740_484_800_000_000;
        for text in [
            "2025-02-25T12:00:00Z",
            "2025-02-25T12:00:00.000Z",
            "2025-02-25T13:00:00+01:00",
            "2025-02-25T13:00:00.0+0100",
            "2025-02-25T12:00:00",
            "2025-02-25T12:00",
            "2025-02-25T12:00Z",
            "2025-02-25 12:00",
            "2025-02-25 12:00:00",
            "2025-02-25 12:00:00.000000",
            "2025-02-25 13:00:00+01",
            "Tue, 25 Feb 2025 12:00:00 GMT",
            "2/25/2025, 12:00:00 PM",
            "Tue Feb 25 2025 13:00:00 GMT+0100 (Central European Standard Time)",
        ] {
            assert_eq!(parse(&json!(text)), Some(NOON), "{text}");
        }
        for text in ["2025-02-25", "2/25/2025", "20250225"] {
            assert_eq!(parse(&json!(text)), Some(NOON - DAY_US / 2), "{text}");
        }
        assert_eq!(parse(&json!(NOON / 1_000)), Some(NOON));
        assert_eq!(parse(&json!(1.5)), Some(1_500));
        assert_eq!(parse(&json!("2021-01-07 18:50:43.447955")), Some(1_610_045_443_447_955));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for value in [json!(""), json!("soon"), json!("2025-13-01"), json!(true), json!(null), json!([1]), json!(1e300)]
        {
            assert_eq!(parse(&value), None, "{value}");
        }
        assert_eq!(parse(&json!(i64::MAX)), None);
        assert_eq!(parse(&json!("9".repeat(1_000))), None);
    }

    #[test]
    fn words_depend_on_the_clock() {
        let now = 1_740_484_800_123;
        assert_eq!(parse(&json!("now")), None);
        assert!(is_word(&json!("today")) && !is_word(&json!("Today")));
        assert_eq!(parse_at(&json!("now"), now), Some(now * 1_000));
        let midnight = 1_740_441_600_000_000;
        assert_eq!(parse_at(&json!("today"), now), Some(midnight));
        assert_eq!(parse_at(&json!("yesterday"), now), Some(midnight - DAY_US));
        assert_eq!(parse_at(&json!("tomorrow"), now), Some(midnight + DAY_US));
        assert_eq!(parse_at(&json!("2025-02-25"), now), Some(midnight));
    }
}
