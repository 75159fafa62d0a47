//! Ending sessions, and looking at one's own.

use std::sync::Arc;

use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::model::Client;
use super::super::store::{refresh_tokens, sessions as store};
use super::authenticate::{Caller, Presented, is_live};
use super::secrets::at_rest;
use super::tokens::{self, Checked, Kind};
use crate::app::App;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};

/// A session as its user sees it.
#[derive(Debug, Serialize)]
pub struct SessionRecord {
    id: String,
    start_time: String,
    renewed_at: String,
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// The one that asks.
    current: bool,
}

/// Ends whatever session a request can be told to belong to: by `iam-sid`, by its access token, however old, or by its refresh
/// token (better-than 16). With one session per user, that means all of his. Gives the user.
///
/// # Errors
/// What the database says.
pub async fn logout(app: &Arc<App>, app_id: &str, presented: &Presented, client: &Client) -> IamResult<Option<String>> {
    let sid_hash = presented.sid.as_deref().map(at_rest);
    let named = [
        presented.access_token().ok().and_then(|token| session_of(app, Kind::Access, token)),
        presented.refresh_token().ok().and_then(|token| session_of(app, Kind::Refresh, token)),
    ];
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    app.db
        .write(move |tx| {
            let by_sid = match &sid_hash {
                Some(hash) => store::by_sid(tx, hash)?,
                None => None,
            };
            let ids = by_sid.map(|s| s.id).into_iter().chain(named.iter().flatten().cloned());
            for id in ids {
                let Some((session, user, _)) = store::with_user(tx, &app_id, &id)? else { continue };
                tx.lock(&user.uuid)?;
                let now = shared.clock.now_ms();
                if shared.config.identity.single_session {
                    refresh_tokens::deactivate_all_but(tx, &user.uuid, None, now)?;
                    store::end_all_but(tx, &user.uuid, None, now)?;
                } else {
                    refresh_tokens::deactivate_of_session(tx, &user.uuid, &session.id, now)?;
                    store::end(tx, &user.uuid, &session.id, now)?;
                }
                let (id, ip) = (Some(user.uuid.as_str()), client.ip.as_deref());
                let event = Event { name: "identity.logout", actor: id, subject: id, ip, detail: None };
                audit::record(&shared, tx, &app_id, &event)?;
                return Ok(Some(user.uuid));
            }
            Ok(None)
        })
        .await
}

/// Ends a user's sessions and refresh tokens, but those of one session.
///
/// # Errors
/// What the database says.
pub(super) fn end_all(app: &App, tx: &mut Conn, user_uuid: &str, but: Option<&str>) -> IamResult<()> {
    let now = app.clock.now_ms();
    store::end_all_but(tx, user_uuid, but, now)?;
    refresh_tokens::deactivate_all_but(tx, user_uuid, but, now)?;
    Ok(())
}

/// The caller's sessions, the newest first.
///
/// # Errors
/// What the database says.
pub fn list(app: &App, conn: &mut Conn, caller: &Caller) -> IamResult<Vec<SessionRecord>> {
    let now = app.clock.now_ms();
    let rows = store::active(conn, &caller.user.uuid)?.into_iter().filter(|s| is_live(app, s, now));
    let record = |s: super::super::model::Session| SessionRecord {
        current: s.id == caller.session.id,
        start_time: iso8601(s.start_ms),
        renewed_at: iso8601(s.renewed_ms),
        ip_address: s.ip,
        user_agent: s.user_agent,
        id: s.id,
    };
    Ok(rows.map(record).collect())
}

/// Ends one of the caller's sessions, or all but the one that asks.
///
/// # Errors
/// 404 when he has no such session.
pub fn revoke(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    caller: &Caller,
    which: Option<&str>,
    client: &Client,
) -> IamResult<()> {
    let (uuid, now) = (caller.user.uuid.as_str(), app.clock.now_ms());
    tx.lock(uuid)?;
    match which {
        None => end_all(app, tx, uuid, Some(&caller.session.id))?,
        Some(id) => {
            if store::end(tx, uuid, id, now)? == 0 {
                return Err(IamError::new(404, "Session not found"));
            }
            refresh_tokens::deactivate_of_session(tx, uuid, id, now)?;
        }
    }
    let (id, ip, detail) = (Some(uuid), client.ip.as_deref(), which);
    let event = Event { name: "identity.session_revoked", actor: id, subject: id, ip, detail };
    Ok(audit::record(app, tx, app_id, &event)?)
}

/// The session that a token of ours names, also when its time is over.
pub(super) fn session_of(app: &App, kind: Kind, token: &str) -> Option<String> {
    match tokens::check(&app.identity.secrets, kind, token, app.clock.now_ms()) {
        Checked::Good(claims) | Checked::Expired(claims) => claims.sid,
        Checked::Invalid => None,
    }
}
