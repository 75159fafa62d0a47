//! Copies of namespaces (`start-sync`, `resync-table`, `remove-sync`): a client loads one once, keeps it, and is told every
//! change; after a lost connection, or days later, it asks for what it has missed.
//!
//! The server keeps nothing for a client that is away. Its token says what it is a copy of and whose; it opens nothing,
//! because the rules are asked as for any query of the connection that shows it.

use std::collections::HashMap;
use std::sync::Arc;

use keystead_crypto::encoding::{b64url_decode, b64url_encode};
use keystead_instaql::error::{Error, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ops::Message;
use super::{Login, Session};
use crate::app::App;
use crate::rooms::live::door;
use crate::rooms::live::hub::follower::{Follower, too_old};
use crate::rooms::live::hub::{Content, Form, Latest, LiveQuery, Subscription};

/// Bytes of a copy's id.
const MAX_ID: usize = 100;

/// What a connection holds copies of, by `subscription-id`.
pub(super) type Copies = HashMap<Arc<str>, Arc<Subscription>>;

/// What a copy is of.
#[derive(Serialize, Deserialize)]
struct Token {
    /// Who made it: `admin`, `guest`, or a user's id.
    c: String,
    /// The query.
    q: String,
}

/// `start-sync`
///
/// # Errors
/// What is wrong with the query, or too many.
pub(super) async fn start(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let query = message.get("q").ok_or_else(|| Error::missing(&["q"]))?;
    check(query)?;
    let text = query.to_string();
    let (live_query, latest) = find(app, session, login, &text).await?;
    let id: Arc<str> = app.new_id().into();
    let token = Token { c: door::holder(&login.auth), q: text };
    let token = b64url_encode(serde_json::to_string(&token).unwrap_or_default().as_bytes());
    let ok = json!({"subscription-id": &*id, "token": token, "q": query});
    session.outbox.answer(&message.answer("start-sync-ok", ok));
    hold(app, session, login, &live_query, &latest, Follower::loads(id, &latest));
    Ok(())
}

/// `resync-table`
///
/// # Errors
/// `record-expired` when the client must load anew, and what is wrong with the query by now.
pub(super) async fn resync(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let id = id(message)?;
    let told = |txes: &str| {
        let event = message.event_id().map(|id| format!(r#""client-event-id":{id},"#)).unwrap_or_default();
        let id = Value::from(id);
        format!(r#"{{"op":"sync-update-triples",{event}"subscription-id":{id},"txes":{txes}}}"#)
    };
    let tx_id = message.get("tx-id").ok_or_else(|| Error::missing(&["tx-id"]))?;
    let tx_id = tx_id.as_i64().ok_or_else(|| Error::malformed(&["tx-id"], tx_id.clone()))?;
    let token = message.text("token")?;
    let read = b64url_decode(token).ok().and_then(|json| serde_json::from_slice::<Token>(&json).ok());
    let token = read.ok_or_else(|| Error::malformed(&["token"], Value::Null))?;
    if session.copies(|copies| copies.contains_key(id)) {
        // It is told of every change already.
        session.outbox.answer(&told("[]"));
        return Ok(());
    }
    if token.c != door::holder(&login.auth) {
        return Err(too_old());
    }
    check(&serde_json::from_str(&token.q).map_err(|_no_json| Error::malformed(&["token"], Value::Null))?)?;
    let (live_query, latest) = find(app, session, login, &token.q).await?;
    let missed = door::missed(app, login, &live_query, &latest, tx_id).await;
    let changes = match missed.and_then(|missed| missed.ok_or_else(too_old)) {
        Ok(changes) => changes,
        Err(error) => {
            login.live.forget_deserted(&live_query);
            return Err(error);
        }
    };
    let txes = match changes.as_str() {
        "" => "[]".to_owned(),
        changes => format!(r#"[{{"tx-id":{},"changes":[{changes}]}}]"#, latest.tx_id),
    };
    session.outbox.answer(&told(&txes));
    hold(app, session, login, &live_query, &latest, Follower::follows(id.into(), &latest));
    Ok(())
}

/// `remove-sync`. What the client keeps (`keep-subscription`) is its own affair.
///
/// # Errors
/// An id that is none.
pub(super) fn remove(session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = id(message)?;
    if let Some(subscription) = session.copies(|copies| copies.remove(id)) {
        login.live.leave(&subscription);
    }
    session.outbox.answer(&message.answer("remove-sync-ok", json!({"subscription-id": id})));
    Ok(())
}

fn id(message: &Message) -> Result<&str> {
    let id = message.text("subscription-id")?;
    if id.is_empty() || id.len() > MAX_ID {
        return Err(Error::malformed(&["subscription-id"], id.into()));
    }
    Ok(id)
}

/// One namespace as a whole, in an order. Clients run such a query on one entity at a time.
fn check(query: &Value) -> Result<()> {
    let wrong = |at: &[&str], text: &str| {
        let at = at.iter().map(|key| Value::from(*key)).collect();
        Err(Error::validation("query", query.clone(), &[Problem::expected("supported-options?", at, text)]))
    };
    let Value::Object(map) = query else { return wrong(&[], "A query is an object") };
    let mut spaces = map.iter().filter(|(key, _)| *key != "$$ruleParams");
    let (Some((space, node)), None) = (spaces.next(), spaces.next()) else {
        return wrong(&[], "A copy is of one namespace");
    };
    let Value::Object(node) = node else { return wrong(&[space], "Options are an object") };
    if let Some(link) = node.keys().find(|key| *key != "$") {
        return wrong(&[space, link], "A copy has no links");
    }
    match node.get("$") {
        None => Ok(()),
        Some(Value::Object(options)) => match options.keys().find(|key| *key != "order") {
            None => Ok(()),
            Some(option) => wrong(&[space, "$", option], "A copy is of a whole namespace: there is only order"),
        },
        Some(_) => wrong(&[space, "$"], "Options are an object"),
    }
}

/// The query as it is now.
async fn find(
    app: &Arc<App>,
    session: &Arc<Session>,
    login: &Login,
    query: &str,
) -> Result<(Arc<LiveQuery>, Arc<Latest>)> {
    session.check_room_for_one_more(app)?;
    let live_query = login.live.query(&session.key(query, Form::Rows, login));
    let failed = match door::fresh(app, &login.live, &live_query).await {
        Ok(latest) => match &*latest.content {
            Content::Error(error) => error.clone(),
            _ => return Ok((live_query, latest)),
        },
        Err(error) => error,
    };
    login.live.forget_deserted(&live_query);
    Err(failed)
}

fn hold(app: &App, session: &Session, login: &Login, query: &Arc<LiveQuery>, known: &Latest, follower: Follower) {
    let id = Arc::clone(&follower.id);
    let subscription = login.live.subscribe(query, &session.outbox, known, Some(follower));
    let before = session.copies(|copies| copies.insert(id, Arc::clone(&subscription)));
    session.holds(app, login, &subscription, before);
}
