//! Deletes what has been a file's: objects of the server's storage, and announcements to the customers' own storages
//! (`POST storage_url` with a JSON array of part ids and `x-sentc-app-token`). What fails is tried again, later and later.
//!
//! The address is the app owner's: whoever may set it can make this server send part ids there. Redirects are not followed and
//! answers are not read.

use std::sync::Arc;
use std::time::Duration;

use keystead_protocol::ErrorCode;
use keystead_protocol::apps::APP_TOKEN_HEADER;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::app::App;
use crate::error::{KeyError, KeyResult};
use crate::rooms::files::deletions::rules::{self, Announcement};

const ANNOUNCEMENT_TIME: Duration = Duration::from_secs(30);

pub(super) async fn run(app: Arc<App>) {
    let every = Duration::from_secs(app.config.files.delete_every_seconds);
    loop {
        tokio::time::sleep(every).await;
        match delete_due(&app).await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "deleted what had been files'"),
            Err(e) => tracing::error!(code = e.code.code(), cause = ?e.cause, "cannot delete what had been files'"),
        }
    }
}

/// Deletes all that is due now, and gives how much that was. Failures are logged; they are due again later.
///
/// # Errors
/// What the database says.
pub async fn delete_due(app: &Arc<App>) -> KeyResult<usize> {
    let mut deleted = 0;
    loop {
        let shared = Arc::clone(app);
        let nothing = {
            let now = app.clock.now_ms();
            app.db.read(move |c| rules::nothing_due(c, now)).await?
        };
        if nothing {
            return Ok(deleted);
        }
        let due = app.db.write(move |tx| rules::take(&shared, tx)).await?;
        let mut done = Vec::new();
        for object in due.objects {
            match app.blobs.delete(&object).await {
                Ok(()) => done.push(object),
                Err(e) => tracing::warn!(error = %e, object, "an object cannot be deleted yet"),
            }
        }
        for announcement in due.announcements {
            match announce(&announcement).await {
                Ok(()) => done.extend(announcement.part_ids),
                Err(e) => {
                    tracing::warn!(app.id = announcement.app_id, cause = ?e.cause, "an app's own storage does not hear of deletions yet");
                }
            }
        }
        deleted += done.len();
        if !done.is_empty() {
            app.db.write(move |tx| rules::done(tx, &done)).await?;
        }
    }
}

async fn announce(announcement: &Announcement) -> KeyResult<()> {
    let url = announcement.url.as_deref().ok_or_else(|| KeyError::with(ErrorCode::FileRemove, "no storage_url"))?;
    let failed = |e: reqwest::Error| KeyError::caused(ErrorCode::FileRemove, e.without_url());
    // Made anew each time: it is rare, and a client of its own holds connections and certificates in memory.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANNOUNCEMENT_TIME)
        .build()
        .map_err(failed)?;
    let body = serde_json::to_vec(&announcement.part_ids).map_err(|e| KeyError::caused(ErrorCode::JsonSerialize, e))?;
    let mut request = client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
    if let Some(token) = &announcement.auth_token {
        let mut value = HeaderValue::from_str(token).map_err(|e| KeyError::caused(ErrorCode::FileRemove, e))?;
        value.set_sensitive(true);
        request = request.header(APP_TOKEN_HEADER, value);
    }
    let status = request.send().await.map_err(failed)?.status();
    if status.is_success() {
        Ok(())
    } else {
        let answer = std::io::Error::other(format!("HTTP {}", status.as_u16()));
        Err(KeyError::caused(ErrorCode::FileRemove, answer))
    }
}
