//! Lifetimes of the key API.

use serde::{Deserialize, Serialize};

/// `[keys]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysConfig {
    /// Days after which a refresh token is refused.
    pub refresh_token_days: i64,
    /// Seconds after which a login challenge is refused.
    pub challenge_seconds: i64,
    /// Hours after which an upload session for further keys is refused.
    pub key_session_hours: i64,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self { refresh_token_days: 90, challenge_seconds: 300, key_session_hours: 24 }
    }
}

impl KeysConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        for (name, value) in [
            ("keys.refresh_token_days", self.refresh_token_days),
            ("keys.challenge_seconds", self.challenge_seconds),
            ("keys.key_session_hours", self.key_session_hours),
        ] {
            if !(1..=1_000_000).contains(&value) {
                problems.push(format!("{name}: must be from 1 to 1,000,000"));
            }
        }
    }

    /// Age limit of refresh tokens in milliseconds.
    #[must_use]
    pub const fn refresh_token_ms(&self) -> i64 {
        self.refresh_token_days * 24 * 3_600_000
    }

    /// Age limit of challenges in milliseconds.
    #[must_use]
    pub const fn challenge_ms(&self) -> i64 {
        self.challenge_seconds * 1000
    }

    /// Age limit of upload sessions in milliseconds.
    #[must_use]
    pub const fn key_session_ms(&self) -> i64 {
        self.key_session_hours * 3_600_000
    }
}
