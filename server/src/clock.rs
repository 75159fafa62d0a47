//! The one source of the current time.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock, moved by the seconds in a file when there is one.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_file: Option<PathBuf>,
}

impl Clock {
    /// The system's clock; `offset_file` holds a number of seconds and is read at each use.
    #[must_use]
    pub const fn new(offset_file: Option<PathBuf>) -> Self {
        Self { offset_file }
    }

    /// Milliseconds since 1970 UTC.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX).saturating_add(self.offset_ms())
    }

    /// An absent or unreadable file is no offset: tests create it late.
    fn offset_ms(&self) -> i64 {
        let Some(file) = &self.offset_file else { return 0 };
        std::fs::read_to_string(file).ok().and_then(|t| t.trim().parse::<i64>().ok()).unwrap_or(0).saturating_mul(1000)
    }
}

/// A time as ISO 8601, UTC, with milliseconds: `2026-11-21T01:11:37.000Z`.
#[must_use]
pub fn iso8601(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Civil from days, proleptic Gregorian: years begin in March, eras have 400 of them.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1_000 % 60, in_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::{Clock, iso8601};

    #[test]
    fn dates() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_223_345_854, "2026-11-21T01:09:05.854Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso8601(ms), text);
        }
    }

    #[test]
    fn the_offset_file_moves_the_clock() {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        let (plain, moved) = (Clock::default(), Clock::new(Some(file.path().into())));
        assert!((moved.now_ms() - plain.now_ms()).abs() < 10_000);
        std::fs::write(file.path(), "-3600\n").expect("written");
        assert!(plain.now_ms() - moved.now_ms() > 3_590_000);
    }
}
