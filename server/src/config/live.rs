//! Live queries, connections, and the bus between nodes.

use serde::{Deserialize, Serialize};

use super::Secret;

/// `[live]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveConfig {
    /// Connections of one app at once, per node.
    pub connections_per_app: u32,
    /// Connections of one address (of an IPv6 network /64) at once, per node. Lifted by `limits.rate_limit = false`.
    pub connections_per_ip: u32,
    /// Live queries of one connection.
    pub queries_per_connection: usize,
    /// Rooms that one connection is in.
    pub rooms_per_connection: usize,
    /// Most bytes of a client's message.
    pub message_bytes: usize,
    /// Most bytes of a stream.
    pub stream_bytes: u64,
    /// After a round of computing live queries, so many times its duration is left to others (at most 0.3 s): writers
    /// keep the processor, and what changes meanwhile is computed once.
    pub rest_factor: f32,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            connections_per_app: 50_000,
            connections_per_ip: 1_000,
            queries_per_connection: 500,
            rooms_per_connection: 100,
            message_bytes: 4 * 1024 * 1024,
            stream_bytes: 64 << 20,
            rest_factor: 6.0,
        }
    }
}

impl LiveConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.connections_per_app == 0 || self.connections_per_ip == 0 {
            problems.push("live.connections_per_app and connections_per_ip must be at least 1".into());
        }
        if self.queries_per_connection == 0 || self.rooms_per_connection == 0 {
            problems.push("live.queries_per_connection and rooms_per_connection must be at least 1".into());
        }
        if self.message_bytes < 64 * 1024 {
            problems.push("live.message_bytes: clients send transactions of up to 64 KiB at least".into());
        }
        if !(0.0..=1_000.0).contains(&self.rest_factor) {
            problems.push("live.rest_factor: a number from 0 to 1,000".into());
        }
    }
}

/// `[bus]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// How nodes hear of each other: empty takes PostgreSQL's LISTEN/NOTIFY where the database is PostgreSQL, and
    /// nothing else; `nats://…` takes NATS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// NATS subject. All nodes over one database use the same, others another.
    pub subject: String,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self { url: None, subject: "keystead.live".into() }
    }
}

impl BusConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if let Some(url) = &self.url
            && !url.expose().starts_with("nats://")
            && !url.expose().starts_with("tls://")
        {
            problems.push("bus.url: must start with nats:// or tls://".into());
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.subject.is_empty() || !self.subject.chars().all(is_word) {
            problems.push("bus.subject: letters, digits, hyphens, underscores and dots".into());
        }
    }
}

/// What carries news between nodes.
pub enum BusTarget {
    /// Nothing: there is one node.
    Alone,
    /// LISTEN/NOTIFY of this database.
    Postgres(String),
    /// NATS.
    Nats {
        /// Address.
        url: Secret,
        /// Subject.
        subject: String,
    },
}

impl super::Config {
    /// What carries news between nodes.
    #[must_use]
    pub fn bus_target(&self) -> BusTarget {
        match (&self.bus.url, &self.database.url) {
            (Some(url), _) => BusTarget::Nats { url: url.clone(), subject: self.bus.subject.clone() },
            (None, Some(database)) => BusTarget::Postgres(database.expose().to_owned()),
            (None, None) => BusTarget::Alone,
        }
    }
}
