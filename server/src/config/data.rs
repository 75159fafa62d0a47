//! The data API.

use serde::{Deserialize, Serialize};

use super::Secret;

/// `[data]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Most bytes of the body of a query or transaction.
    pub body_bytes: usize,
    /// Most bytes of a stored file.
    pub file_bytes: u64,
    /// Seconds that a query may take over HTTP.
    pub query_seconds: u64,
    /// Most entities that one level of a query gives.
    pub level_entities: u64,
    /// Days that the log of transactions reaches back: what nodes that were away can catch up with.
    pub log_days: u32,
    /// Days after which a deleted attr goes for good.
    pub deleted_attr_days: u32,
    /// Minutes that a code sent by mail is good.
    pub code_minutes: u32,
    /// Origins to which a login with an OpenID provider may return; an app's own scheme too. Of this machine any port.
    pub redirect_origins: Vec<String>,
    /// The operator's token for `/dash` and `instant-cli`: makes apps and may change every one; empty = off.
    pub operator_token: Secret,
    /// Anybody may make apps that expire.
    pub ephemeral_apps: bool,
    /// Most of those at a time.
    pub ephemeral_most: u32,
    /// Days until they expire.
    pub ephemeral_days: u32,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            file_bytes: 1 << 30,
            query_seconds: 30,
            level_entities: 200_000,
            log_days: 7,
            deleted_attr_days: 2,
            code_minutes: 1_440,
            redirect_origins: vec!["http://localhost".into(), "http://127.0.0.1".into()],
            operator_token: Secret::new(""),
            ephemeral_apps: false,
            ephemeral_most: 1_000,
            ephemeral_days: 14,
        }
    }
}

impl DataConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.body_bytes < 1_024 {
            problems.push("data.body_bytes: at least 1024".into());
        }
        if !(1..=527_040).contains(&self.code_minutes) {
            problems.push("data.code_minutes: from 1 to 527,040".into());
        }
        for origin in self.redirect_origins.iter().filter(|origin| reqwest::Url::parse(origin).is_err()) {
            problems.push(format!("data.redirect_origins: {origin}: an origin is https://HOST, or SCHEME://"));
        }
        if self.file_bytes == 0 {
            problems.push("data.file_bytes: at least 1".into());
        }
        if self.query_seconds == 0 || self.level_entities == 0 || self.log_days == 0 {
            problems.push("data.query_seconds, data.level_entities, data.log_days: at least 1".into());
        }
        let token = self.operator_token.expose();
        if !token.is_empty() && (token.len() < 20 || token.contains(char::is_whitespace)) {
            problems.push("data.operator_token: at least 20 characters without spaces (or empty)".into());
        }
        if self.ephemeral_days == 0 {
            problems.push("data.ephemeral_days: at least 1".into());
        }
    }
}
