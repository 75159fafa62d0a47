//! Lifetimes of the key API, and where it may be as lenient as the original.

use serde::{Deserialize, Serialize};

/// Which sessions a new password of a device ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordChangeEnds {
    /// Those of the other devices, and the other ones of this device.
    OtherSessions,
    /// Those of the other devices.
    OtherDevices,
    /// None, as in the original.
    Nothing,
}

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
    /// Hours after which a device that nobody let in loses its identifier.
    pub device_registration_hours: i64,
    /// Which sessions a new password ends.
    pub password_change_ends: PasswordChangeEnds,
    /// `PUT /user/reset_pw` asks for a JWT of a complete login; the original does not.
    pub reset_password_needs_fresh_jwt: bool,
    /// A new second factor counts only after one right code (`PATCH /user/confirm_otp`); the original has no such step.
    pub otp_confirmation: bool,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self {
            refresh_token_days: 90,
            challenge_seconds: 300,
            key_session_hours: 24,
            device_registration_hours: 24,
            password_change_ends: PasswordChangeEnds::OtherSessions,
            reset_password_needs_fresh_jwt: true,
            otp_confirmation: false,
        }
    }
}

impl KeysConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        for (name, value) in [
            ("keys.refresh_token_days", self.refresh_token_days),
            ("keys.challenge_seconds", self.challenge_seconds),
            ("keys.key_session_hours", self.key_session_hours),
            ("keys.device_registration_hours", self.device_registration_hours),
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

    /// How long a new device waits, in milliseconds.
    #[must_use]
    pub const fn device_registration_ms(&self) -> i64 {
        self.device_registration_hours * 3_600_000
    }
}
