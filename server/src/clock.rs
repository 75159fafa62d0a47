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

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn the_offset_file_moves_the_clock() {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        let (plain, moved) = (Clock::default(), Clock::new(Some(file.path().into())));
        assert!((moved.now_ms() - plain.now_ms()).abs() < 10_000);
        std::fs::write(file.path(), "-3600\n").expect("written");
        assert!(plain.now_ms() - moved.now_ms() > 3_590_000);
    }
}
