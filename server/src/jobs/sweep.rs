//! Removes what is too old to be used: refresh tokens, codes by mail, captchas, tokens of letters, upload sessions, files
//! whose upload was never finished, entries of the audit log. Tokens and sessions are refused by their age anyway; this
//! keeps the tables small.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::audit::rules as audit;
use crate::rooms::customers::{accounts, captcha};
use crate::rooms::data::oauth::rules as oauth;
use crate::rooms::data::push::rules as pushes;
use crate::rooms::data::storage::rules as storage;
use crate::rooms::data::transact::rules as transact;
use crate::rooms::data::users::rules::codes;
use crate::rooms::data::webhooks::rules as webhooks;
use crate::rooms::files::rules as files;
use crate::rooms::identity::rules as identity;
use crate::rooms::keys::rules as keys;
use crate::rooms::live::door as live;

const EVERY: Duration = Duration::from_secs(600);

pub(super) async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let shared = Arc::clone(&app);
        // The change log of the data API; nodes that are so far behind compute everything anew.
        if let Err(e) = app.db.write(move |tx| transact::sweep_log(&shared, tx)).await {
            tracing::error!(cause = ?e.cause, "cannot shorten the log of transactions");
        }
        let shared = Arc::clone(&app);
        match app.db.write(move |tx| sweep(&shared, tx)).await {
            Ok(removed) => tracing::debug!(removed, "expired tokens removed"),
            Err(e) => tracing::error!(code = e.code.code(), cause = ?e.cause, "cannot remove expired tokens"),
        }
    }
}

fn sweep(app: &App, tx: &mut Conn) -> KeyResult<usize> {
    let customers = captcha::rules::sweep(app, tx)? + accounts::rules::sweep(app, tx)?;
    let files = files::sweep(app, tx)?
        + live::sweep(app, tx)?
        + codes::sweep(app, tx)?
        + oauth::sweep(app, tx)?
        + pushes::sweep(app, tx)?
        + storage::sweep(app, tx)?
        + webhooks::sweep(app, tx)?;
    Ok(keys::sweep(app, tx)? + audit::sweep(app, tx)? + identity::sweep(app, tx)? + customers + files)
}
