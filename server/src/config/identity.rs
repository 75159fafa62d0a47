//! The identity API: passwords, lifetimes, sessions, Google login.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;

/// What a password must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordPolicy {
    /// Five parts: 8 characters, an upper-case and a lower-case letter, a digit, another character.
    Parts,
    /// Length, and not easy to guess (OWASP ASVS 6.2.5): no rules about kinds of characters.
    Length,
}

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// What a password must be.
    pub policy: PasswordPolicy,
    /// Policy `length`: fewest characters.
    pub min_length: usize,
    /// Policy `length`: worst score of zxcvbn that is taken, 0 to 4.
    pub min_score: u8,
    /// Argon2id: memory of one hash, KiB.
    pub hash_memory_kib: u32,
    /// Argon2id: passes.
    pub hash_passes: u32,
    /// Argon2id: lanes.
    pub hash_lanes: u32,
    /// Threads that hash passwords; 0 = one per core.
    pub hash_threads: usize,
    /// Passwords that wait for a thread at most; a further one is told to come back (503).
    pub hash_queue: usize,
    /// Seconds an access token is good for.
    pub access_token_seconds: i64,
    /// Days a refresh token is good for.
    pub refresh_token_days: i64,
    /// Seconds a password reset link is good for.
    pub reset_link_seconds: i64,
    /// Seconds an e-mail verification link is good for.
    pub verify_link_seconds: i64,
    /// Seconds within which a temporary password must be changed.
    pub temporary_password_seconds: i64,
    /// A login ends the user's other sessions.
    pub single_session: bool,
    /// Hours after which a session that was not renewed ends.
    pub session_idle_hours: i64,
    /// Days after which every session ends.
    pub session_absolute_days: i64,
    /// Seconds for which a silent renewal with the token just replaced counts as the same one.
    pub renewal_grace_seconds: i64,
    /// Longest wait after wrong passwords, seconds. It begins with one second and doubles.
    pub login_delay_max_seconds: i64,
    /// Where the front end's pages are, for links in mails; empty = `server.public_url`.
    pub frontend_url: String,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            policy: PasswordPolicy::Parts,
            min_length: 8,
            min_score: 3,
            hash_memory_kib: 65_536,
            hash_passes: 3,
            hash_lanes: 4,
            hash_threads: 0,
            hash_queue: 256,
            access_token_seconds: 900,
            refresh_token_days: 14,
            reset_link_seconds: 3_600,
            verify_link_seconds: 86_400,
            temporary_password_seconds: 3_600,
            single_session: true,
            session_idle_hours: 336,
            session_absolute_days: 90,
            renewal_grace_seconds: 10,
            login_delay_max_seconds: 900,
            frontend_url: String::new(),
        }
    }
}

impl IdentityConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        for (name, value, least) in [
            ("access_token_seconds", self.access_token_seconds, 1),
            ("refresh_token_days", self.refresh_token_days, 1),
            ("reset_link_seconds", self.reset_link_seconds, 60),
            ("verify_link_seconds", self.verify_link_seconds, 60),
            ("temporary_password_seconds", self.temporary_password_seconds, 60),
            ("session_idle_hours", self.session_idle_hours, 1),
            ("session_absolute_days", self.session_absolute_days, 1),
            ("renewal_grace_seconds", self.renewal_grace_seconds, 0),
            ("login_delay_max_seconds", self.login_delay_max_seconds, 1),
        ] {
            if !(least..=10_000_000).contains(&value) {
                problems.push(format!("identity.{name}: must be from {least} to 10,000,000"));
            }
        }
        let lanes = self.hash_lanes;
        if !(1..=64).contains(&lanes) || !(1..=100).contains(&self.hash_passes) {
            problems.push("identity.hash_lanes: from 1 to 64; identity.hash_passes: from 1 to 100".into());
        }
        if !(8 * lanes..=4_194_304).contains(&self.hash_memory_kib) {
            problems.push("identity.hash_memory_kib: from 8 times hash_lanes to 4,194,304".into());
        }
        if self.hash_queue == 0 || self.hash_threads > 1_024 {
            problems.push("identity.hash_queue: at least 1; identity.hash_threads: at most 1,024".into());
        }
        if !(4..=256).contains(&self.min_length) || self.min_score > 4 {
            problems.push("identity.min_length: from 4 to 256; identity.min_score: from 0 to 4".into());
        }
        let front = &self.frontend_url;
        if !front.is_empty() && !front.starts_with("http://") && !front.starts_with("https://") {
            problems.push("identity.frontend_url: must start with http:// or https://".into());
        }
    }

    /// Age limit of refresh tokens in milliseconds.
    #[must_use]
    pub const fn refresh_token_ms(&self) -> i64 {
        self.refresh_token_days * 24 * 3_600_000
    }

    /// Age limit of a session that is not renewed, in milliseconds.
    #[must_use]
    pub const fn session_idle_ms(&self) -> i64 {
        self.session_idle_hours * 3_600_000
    }

    /// Age limit of every session in milliseconds.
    #[must_use]
    pub const fn session_absolute_ms(&self) -> i64 {
        self.session_absolute_days * 24 * 3_600_000
    }
}

/// `[oidc.NAME]`: an OpenID provider beside Google.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// The client id that ID tokens must be made for; empty = no such login.
    pub client_id: String,
    /// Who must have made them.
    pub issuer: String,
    /// Where the issuer's keys are; empty = where the issuer's discovery document says.
    pub jwks_url: String,
    /// For logins by redirect (data API): what the client shows to the issuer; empty = ID tokens only.
    pub client_secret: Secret,
}

/// `[google]`: as [`ProviderConfig`], with what is known of Google.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleConfig {
    /// The client id that ID tokens must be made for; empty = no Google login.
    pub client_id: String,
    /// Who must have made them.
    pub issuer: String,
    /// Where the issuer's keys are; empty = where the issuer's discovery document says.
    pub jwks_url: String,
    /// For logins by redirect (data API): what the client shows to the issuer; empty = ID tokens only.
    pub client_secret: Secret,
}

impl Default for GoogleConfig {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            issuer: "https://accounts.google.com".into(),
            jwks_url: "https://www.googleapis.com/oauth2/v3/certs".into(),
            client_secret: Secret::new(""),
        }
    }
}

impl GoogleConfig {
    /// The same, as any provider.
    #[must_use]
    pub fn provider(&self) -> ProviderConfig {
        let Self { client_id, issuer, jwks_url, client_secret } = self.clone();
        ProviderConfig { client_id, issuer, jwks_url, client_secret }
    }
}

impl ProviderConfig {
    pub(super) fn check(&self, section: &str, problems: &mut Vec<String>) {
        let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if !is_url(&self.issuer) {
            problems.push(format!("{section}.issuer: must start with http:// or https://"));
        }
        if !self.jwks_url.is_empty() && !is_url(&self.jwks_url) {
            problems.push(format!("{section}.jwks_url: must start with http:// or https://, or be empty"));
        }
    }
}

/// Names of `[oidc.NAME]` stand in paths and in the database.
pub(super) fn check_providers(oidc: &BTreeMap<String, ProviderConfig>, problems: &mut Vec<String>) {
    for (name, provider) in oidc {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if name == "google" || !(1..=40).contains(&name.len()) || !name.bytes().all(fits) {
            problems.push(format!("oidc.{name}: a name has 1 to 40 of a-z, 0-9, - and _, and is not google"));
        }
        if provider.client_id.is_empty() {
            problems.push(format!("oidc.{name}.client_id: is missing"));
        }
        provider.check(&format!("oidc.{name}"), problems);
    }
}
