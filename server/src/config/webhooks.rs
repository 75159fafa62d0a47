//! Webhooks of the data API.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Networks that may be reached although they are not public.
    pub allow_targets: Vec<IpNet>,
    /// Targets may be `http://`.
    pub allow_http: bool,
    /// Seconds that a receiver has to answer.
    pub timeout_seconds: u64,
    /// Seconds from a failed attempt to the next; after the last, the event has failed.
    pub retry_seconds: Vec<u32>,
    /// Active webhooks of one app.
    pub most_per_app: usize,
    /// Days that events are kept.
    pub keep_days: u32,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            allow_targets: Vec::new(),
            allow_http: false,
            timeout_seconds: 15,
            retry_seconds: vec![10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400],
            most_per_app: 100,
            keep_days: 60,
        }
    }
}

impl WebhooksConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if !(1..=120).contains(&self.timeout_seconds) {
            problems.push("webhooks.timeout_seconds: from 1 to 120".into());
        }
        if self.retry_seconds.len() > 50 || self.retry_seconds.contains(&0) {
            problems.push("webhooks.retry_seconds: at most 50, each at least 1".into());
        }
        if self.keep_days == 0 {
            problems.push("webhooks.keep_days: at least 1".into());
        }
    }
}
