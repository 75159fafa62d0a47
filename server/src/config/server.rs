//! Addresses, directories, root key, clock, APIs, log, metrics.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A setting that does not print.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret setting.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port of the public APIs; port 0 takes a free one.
    pub listen: String,
    /// SQLite file, root key, file parts and outbox.
    pub data_dir: PathBuf,
    /// How clients reach the server from outside, without a slash at the end.
    pub public_url: String,
    /// Worker threads; 0 = one per core.
    pub workers: usize,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// b64 of the 32 byte root key, instead of `<data-dir>/root.key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_key: Option<Secret>,
    /// File with a number of seconds by which the clock is moved, read at each use. For tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_file: Option<PathBuf>,
    /// Directory of static files that are served beside the APIs; absent = none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_dir: Option<PathBuf>,
    /// Seconds that open requests get when the server stops.
    pub shutdown_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8090".into(),
            data_dir: "keystead-data".into(),
            public_url: "http://127.0.0.1:8090".into(),
            workers: 0,
            trusted_proxies: Vec::new(),
            root_key: None,
            clock_offset_file: None,
            static_dir: None,
            shutdown_seconds: 30,
        }
    }
}

impl ServerConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.listen.parse::<SocketAddr>().is_err() {
            problems.push(format!("server.listen: '{}' is not ADDRESS:PORT", self.listen));
        }
        if !self.public_url.starts_with("http://") && !self.public_url.starts_with("https://") {
            problems.push("server.public_url: must start with http:// or https://".into());
        }
    }
}

/// `[apis]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApisConfig {
    /// The key API under `/api/v1`.
    pub keys: bool,
    /// The identity API under `/api/iam`.
    pub identity: bool,
    /// The data API under `/admin`, `/runtime`, `/storage`, `/dash`.
    pub data: bool,
    /// The customer API under `/api/v1/customer`: accounts for those who own apps, for a dashboard.
    pub customer: bool,
}

impl Default for ApisConfig {
    fn default() -> Self {
        Self { keys: true, identity: true, data: true, customer: false }
    }
}

/// One of the APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `/api/v1`
    Keys,
    /// `/api/iam`
    Identity,
    /// `/admin`, `/runtime`, `/storage`, `/dash`
    Data,
    /// `/api/v1/customer`
    Customer,
}

impl ApisConfig {
    /// True when this API is switched on.
    #[must_use]
    pub const fn serves(&self, api: Api) -> bool {
        match api {
            Api::Keys => self.keys,
            Api::Identity => self.identity,
            Api::Data => self.data,
            Api::Customer => self.customer,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A `tracing` filter: `info`, `keystead_server=debug`, …
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info,actix_server=warn".into() }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Address of `GET /metrics`, empty = off. Not for the public.
    pub listen: String,
}

impl MetricsConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if !self.listen.is_empty() && self.listen.parse::<SocketAddr>().is_err() {
            problems.push(format!("metrics.listen: '{}' is not ADDRESS:PORT", self.listen));
        }
    }
}
