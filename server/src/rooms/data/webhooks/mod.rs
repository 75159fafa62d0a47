//! Webhooks: other servers are told what transactions changed (instant.md section 12).
//!
//! ```text
//! transaction ─► queue: an event a webhook, in the same transaction ─► commit ─► job: claim, POST, note the attempt
//! ```
//!
//! A delivery carries no records: it says where they are, with a token that opens them for an hour. It is signed, and may
//! come more than once: each event has one idempotency key. `target` says where deliveries may go.

pub mod deliver;
pub mod http;
mod keys;
pub mod rules;
mod store;
mod target;

use std::sync::OnceLock;

use tokio::sync::Notify;

use crate::config::Config;
use crate::error::StartError;
use crate::root_key::RootKey;
use keys::Keys;

/// What the deliveries of this process share.
pub struct Webhooks {
    keys: Keys,
    client: OnceLock<reqwest::Client>,
    wake: Notify,
}

/// A webhook as transactions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its id.
    pub id: String,
    namespaces: Vec<String>,
    actions: Vec<String>,
}

impl Hook {
    fn wants(&self, namespace: &str, action: &str) -> bool {
        self.namespaces.iter().any(|mine| mine == namespace) && self.actions.iter().any(|mine| mine == action)
    }
}

impl Webhooks {
    /// The signing key follows from the root key.
    ///
    /// # Errors
    /// None for 32 bytes.
    pub fn open(root_key: &RootKey) -> Result<Self, StartError> {
        let refused = |e| StartError::Refused(format!("the key of webhooks: {e}"));
        Ok(Self {
            keys: Keys::new(root_key.webhook_seed()).map_err(refused)?,
            client: OnceLock::new(),
            wake: Notify::new(),
        })
    }

    /// There may be something to deliver. To be called after the commit.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Comes back when there may be something to deliver.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// The public key that receivers check signatures with: a JWK.
    #[must_use]
    pub fn jwk(&self) -> serde_json::Value {
        self.keys.jwk()
    }

    /// True when the token of a delivery opens this payload (app, webhook, event).
    #[must_use]
    pub fn opens(&self, token: &str, (app_id, webhook_id, isn): &(String, String, String), now_ms: i64) -> bool {
        self.keys
            .open(token, now_ms / 1_000)
            .is_some_and(|claims| claims.app_id == *app_id && claims.webhook_id == *webhook_id && claims.isn == *isn)
    }

    /// Made when it is first needed: it holds certificates in memory.
    fn client(&self, config: &Config) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = target::client(&config.webhooks)?;
        Ok(self.client.get_or_init(|| client))
    }
}
