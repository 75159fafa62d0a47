//! The customer API.

use serde::{Deserialize, Serialize};

/// `[customers]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomersConfig {
    /// Whether anybody may make an account.
    pub register: bool,
    /// Where the dashboard is: letters link to `<url>/validate?token=…` and `<url>/reset?token=…`. Empty = letters carry a code only.
    pub dashboard_url: String,
    /// Hours in which an address can be confirmed.
    pub confirm_hours: i64,
    /// Minutes in which a forgotten password can be reset.
    pub reset_minutes: i64,
}

impl Default for CustomersConfig {
    fn default() -> Self {
        Self { register: true, dashboard_url: String::new(), confirm_hours: 48, reset_minutes: 30 }
    }
}

impl CustomersConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        for (name, value) in
            [("customers.confirm_hours", self.confirm_hours), ("customers.reset_minutes", self.reset_minutes)]
        {
            if !(1..=100_000).contains(&value) {
                problems.push(format!("{name}: must be from 1 to 100,000"));
            }
        }
        let url = &self.dashboard_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            problems.push("customers.dashboard_url: must start with http:// or https://".into());
        }
    }

    /// Time to confirm an address, milliseconds.
    #[must_use]
    pub const fn confirm_ms(&self) -> i64 {
        self.confirm_hours * 3_600_000
    }

    /// Time to reset a password, milliseconds.
    #[must_use]
    pub const fn reset_ms(&self) -> i64 {
        self.reset_minutes * 60_000
    }
}
