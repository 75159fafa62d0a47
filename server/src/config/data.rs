//! The data API.

use serde::{Deserialize, Serialize};

/// `[data]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Most bytes of the body of a query or transaction.
    pub body_bytes: usize,
    /// Seconds that a query may take over HTTP.
    pub query_seconds: u64,
    /// Most entities that one level of a query gives.
    pub level_entities: u64,
    /// Days that the log of transactions reaches back: what nodes that were away can catch up with.
    pub log_days: u32,
    /// Days after which a deleted attr goes for good.
    pub deleted_attr_days: u32,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { body_bytes: 32 << 20, query_seconds: 30, level_entities: 200_000, log_days: 7, deleted_attr_days: 2 }
    }
}

impl DataConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.body_bytes < 1_024 {
            problems.push("data.body_bytes: at least 1024".into());
        }
        if self.query_seconds == 0 || self.level_entities == 0 || self.log_days == 0 {
            problems.push("data.query_seconds, data.level_entities, data.log_days: at least 1".into());
        }
    }
}
