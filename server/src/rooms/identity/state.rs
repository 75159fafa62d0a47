//! What the identity API keeps in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use super::rules::delays::Delays;
use super::rules::providers::GOOGLE;
use super::rules::remembered::Remembered;
use super::rules::secrets::Secrets;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Conn;
use crate::error::StartError;
use crate::hashing::Hasher;
use crate::id_token::Provider;
use crate::root_key::RootKey;

/// Secrets, hashing pool, delays.
pub struct Identity {
    /// Keys of tokens, session ids and csrf tokens.
    pub secrets: Secrets,
    /// Hashes and judges passwords.
    pub hasher: Hasher,
    /// Waits after wrong passwords.
    pub delays: Delays,
    /// Callers who have been let in.
    pub remembered: Remembered,
    /// Judge ID tokens, by their names in the configuration.
    pub providers: BTreeMap<String, Provider>,
    /// Id of the app that is served without an app token.
    pub(super) default_app: OnceLock<String>,
    later: Arc<Later>,
}

#[derive(Default)]
struct Later {
    count: AtomicUsize,
    changed: Notify,
}

/// Stands for work that goes on after its answer.
pub struct Ticket(Arc<Later>);

impl Identity {
    /// `readers`: those of the database.
    ///
    /// # Errors
    /// When the secrets cannot be read or made.
    pub fn open(
        config: &Config,
        clock: &Clock,
        conn: &mut Conn,
        readers: usize,
        root_key: &RootKey,
    ) -> Result<Self, StartError> {
        Ok(Self {
            remembered: Remembered::new(readers),
            secrets: Secrets::load(conn, root_key)?,
            hasher: Hasher::new(&config.identity),
            delays: Delays::new(&config.limits, &config.identity, clock.clone()),
            providers: providers(config),
            default_app: OnceLock::new(),
            later: Arc::default(),
        })
    }

    /// Id of the app that is served without an app token, once it is known.
    #[must_use]
    pub fn default_app(&self) -> Option<&str> {
        self.default_app.get().map(String::as_str)
    }

    /// Marks work that goes on after its answer, until the ticket is dropped.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.later.count.fetch_add(1, Ordering::AcqRel);
        Ticket(Arc::clone(&self.later))
    }

    /// Comes back when no such work is left: mails that were asked for have been handed over.
    pub async fn idle(&self) {
        loop {
            let changed = self.later.changed.notified();
            if self.later.count.load(Ordering::Acquire) == 0 {
                return;
            }
            // Woken in between is woken: `notified` counts from its creation.
            changed.await;
        }
    }
}

fn providers(config: &Config) -> BTreeMap<String, Provider> {
    let google = (GOOGLE.to_owned(), Provider::new(config.google.provider()));
    let others = config.oidc.iter().map(|(name, provider)| (name.clone(), Provider::new(provider.clone())));
    others.chain([google]).collect()
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}
