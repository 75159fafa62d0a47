//! Removes login challenges and refresh tokens that are too old to be used. They are refused by their age anyway; this
//! keeps the tables small.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::rooms::keys::rules;

const EVERY: Duration = Duration::from_secs(600);

pub(super) async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let shared = Arc::clone(&app);
        match app.db.write(move |tx| rules::sweep(&shared, tx)).await {
            Ok(removed) => tracing::debug!(removed, "expired tokens removed"),
            Err(e) => tracing::error!(code = e.code.code(), cause = ?e.cause, "cannot remove expired tokens"),
        }
    }
}
