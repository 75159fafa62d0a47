//! How long the audit log is kept.

use serde::{Deserialize, Serialize};

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Days after which an entry is removed.
    pub days: i64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { days: 365 }
    }
}

impl AuditConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if !(1..=100_000).contains(&self.days) {
            problems.push("audit.days: must be from 1 to 100,000".into());
        }
    }

    /// Age limit of entries in milliseconds.
    #[must_use]
    pub const fn age_ms(&self) -> i64 {
        self.days * 24 * 3_600_000
    }
}
