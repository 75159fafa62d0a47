//! The hub: from committed transactions to messages for whoever is subscribed.
//!
//! ```text
//! commit ─► committed(app, tx, topics) ─► index ─► queries in doubt ─► one computation each ─► one message ─► connections
//! ```
//!
//! A query is computed once per (text, form, permission context), however many are subscribed, and its message is made
//! once. Subscribers hear of it when the content differs from what they have, or when it includes a write of their own.
//! Computations are paced: after each round the hub rests in proportion to the time it took, so that writers keep the
//! processor; what changes meanwhile is computed once.

pub mod app;
pub mod follower;
pub mod frame;
pub mod key;
pub mod outbox;
pub mod query;
pub mod table;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

pub use app::{Changed, LiveApp};
pub use follower::Follower;
pub use frame::{Carrier, Shared};
pub use key::{Context, Form, QueryKey};
pub use outbox::{Next, Outbox};
pub use query::{Content, Found, Latest, LiveQuery, Subscription};
pub use table::Table;

/// All live apps of this node.
#[derive(Default)]
pub struct Hub {
    apps: RwLock<HashMap<Arc<str>, Arc<LiveApp>>>,
    work: Notify,
}

impl Hub {
    /// The app, if anything is live in it.
    #[must_use]
    pub fn find(&self, app_id: &str) -> Option<Arc<LiveApp>> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).get(app_id).cloned()
    }

    /// The app, live from now on.
    #[must_use]
    pub fn app(&self, app_id: &str) -> Arc<LiveApp> {
        if let Some(app) = self.find(app_id) {
            return app;
        }
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        let id: Arc<str> = app_id.into();
        Arc::clone(apps.entry(Arc::clone(&id)).or_insert_with(|| Arc::new(LiveApp::new(id))))
    }

    /// All live apps.
    #[must_use]
    pub fn apps(&self) -> Vec<Arc<LiveApp>> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Forgets apps in which nothing is live and that nobody holds.
    pub fn tidy(&self) {
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        apps.retain(|_, app| Arc::strong_count(app) > 1 || !app.is_idle());
    }

    /// A transaction has been committed. `changed` is asked only if something is live in the app.
    pub fn committed(&self, app_id: &str, tx_id: i64, changed: impl FnOnce() -> Changed) {
        let Some(app) = self.find(app_id) else { return };
        let changed = changed();
        let is_everything = matches!(changed, Changed::Everything);
        if app.committed(tx_id, changed) || is_everything {
            self.wake();
        }
    }

    /// There is something to compute.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Comes back when there is something to compute.
    pub async fn work(&self) {
        self.work.notified().await;
    }
}
