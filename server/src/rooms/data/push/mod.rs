//! Schema and rules as `instant-cli` pushes and pulls them, and apps made over HTTP (instant.md section 16).

pub mod document;
pub mod http;
pub mod rules;
mod store;

use std::time::Duration;

use moka::sync::Cache;
use serde_json::Value;

pub use rules::changed;

/// How long jobs and logins are remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How many.
const MOST: u64 = 1_000;

/// What somebody may still ask for. Of this process: a client of several nodes that asks another one hears that there is no such thing.
pub struct Pushes {
    /// Finished jobs by app and group.
    pub(super) groups: Cache<(String, String), Value>,
    /// Logins of `instant-cli` by ticket.
    pub(super) logins: Cache<String, Login>,
}

/// A login that waits for the operator.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) secret: String,
    pub(super) granted: bool,
}

impl Default for Pushes {
    fn default() -> Self {
        Self {
            groups: Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build(),
            logins: Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build(),
        }
    }
}
