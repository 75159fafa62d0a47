//! The way to the data room: who calls, computing queries, transactions, and what others have committed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use keystead_instaql::error::{Error, Kind, Result};
use keystead_instaql::rules::Request;
use keystead_instaql::system::USERS;
use serde_json::{Value, json};

use super::bus::News;
use super::hub::{Changed, Content, Context, Form, Found, Latest, LiveApp, LiveQuery, Shared, Table};
pub use super::missed::missed;
use super::permits;
use super::sessions::ops::Message;
use super::sessions::{Login, Session};
use super::store;
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::rooms::data::auth::{self, Auth};
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::query::Limit;
use crate::rooms::data::query::rules::{self as query, Asked, Shape};
use crate::rooms::data::space::{self, Space, Status};
use crate::rooms::data::transact::{Committed, Posted, Steps, Tx, rules as transacting};

/// Transactions that are read at once when a node catches up.
const AT_ONCE: i64 = 1_000;

/// What a connection is told at its start.
pub struct Entry {
    /// As whom it acts.
    pub auth: Auth,
    /// `auth`, JSON.
    pub shown: String,
    /// `app-status`
    pub status: Status,
    /// True when the app's rules look at address and origin.
    pub asks_request: bool,
    /// The app.
    pub space: Arc<Space>,
}

/// What the client is told; the rest is logged.
#[must_use]
pub fn told(e: DataError) -> Error {
    if let Some(cause) = &e.cause {
        tracing::error!(error = %cause, "a live operation failed inside the server");
    }
    e.told
}

/// The permission context of a caller.
#[must_use]
pub fn context(auth: &Auth) -> Context {
    match auth {
        Auth::Admin => Context::Admin,
        Auth::Nobody => Context::Guest,
        Auth::User(user) => Context::User(user.id),
    }
}

/// The id of the user.
#[must_use]
pub fn user_id(auth: &Auth) -> Option<String> {
    auth.user().map(|user| user.id.to_string())
}

/// The caller as a text that no other caller has.
#[must_use]
pub fn holder(auth: &Auth) -> String {
    user_id(auth).unwrap_or_else(|| if auth.is_admin() { "admin" } else { "guest" }.into())
}

/// Finds out who opens a connection.
///
/// # Errors
/// `record-not-found` for the app, the token or the user.
pub async fn enter(app: &Arc<App>, app_id: &str, refresh: Option<&str>, admin: Option<&str>) -> Result<Entry> {
    if app_id.parse::<uuid::Uuid>().is_err() {
        return Err(Error::malformed(&["app-id"], app_id.into()));
    }
    let (refresh, admin) = (refresh.map(str::to_owned), admin.map(str::to_owned));
    let look = |app: &Arc<App>| {
        let (shared, id, refresh, admin) = (Arc::clone(app), app_id.to_owned(), refresh.clone(), admin.clone());
        move |conn: &mut Conn| -> DataResult<Option<Entry>> {
            // Clients of an app that is switched off wait for it to be switched on.
            let (space, is_off) = match space::current(&shared, conn, &id) {
                Err(e) if e.told.kind == Kind::AppDisabled => (space::rules::in_tx(&shared, conn, &id)?, true),
                space => (space?, false),
            };
            let Some(space) = space else {
                return if space::is_app(conn, &id)? { Ok(None) } else { Err(Error::not_found("app").into()) };
            };
            let auth = match (&admin, &refresh) {
                (Some(token), _) if auth::is_admin_token(conn, &id, token)? => Auth::Admin,
                (Some(_), _) => return Err(Error::not_found("app-admin-token").into()),
                (None, Some(token)) => auth::by_token(&shared, conn, &space, token).map_err(unknown_user)?,
                (None, None) => Auth::Nobody,
            };
            let user = auth.user().filter(|_| !is_off).map(|user| shown(&id, &user.record));
            let shown = json!({"app": {"id": id}, "user": user, "admin?": auth.is_admin()}).to_string();
            let status = if is_off { Status::Disabled } else { space.status() };
            Ok(Some(Entry { auth, shown, status, asks_request: space.rules_text.contains("request."), space }))
        }
    };
    if let Some(entry) = app.db.read_snapshot(look(app)).await.map_err(told)? {
        return Ok(entry);
    }
    // The app's first call to the data API.
    space::found(app, app_id).await.map_err(told)?;
    app.db.read_snapshot(look(app)).await.map_err(told)?.ok_or_else(|| Error::not_found("app"))
}

/// A token that is none is told like one that is not known: the client logs out and comes back.
fn unknown_user(e: DataError) -> DataError {
    if e.told.kind == Kind::ParamMalformed { Error::not_found("app-user").into() } else { e }
}

fn shown(app_id: &str, record: &serde_json::Map<String, Value>) -> Value {
    let mut user = record.clone();
    user.retain(|_, value| !value.is_null());
    user.insert("app_id".into(), app_id.into());
    user.insert("isGuest".into(), (user.get("type").and_then(Value::as_str) == Some("guest")).into());
    user.entry("email").or_insert(Value::Null);
    user.into()
}

/// The attrs as clients get them: a JSON list; the last transaction; and the app as it was then.
///
/// # Errors
/// What the database says.
pub async fn attrs(app: &Arc<App>, app_id: &str) -> Result<(String, i64, Arc<Space>)> {
    let (shared, id) = (Arc::clone(app), app_id.to_owned());
    let read = move |conn: &mut Conn| -> DataResult<_> {
        let space = space::current(&shared, conn, &id)?.ok_or_else(|| Error::not_found("app"))?;
        let attrs: Vec<_> = space.catalog.attrs().map(|attr| &**attr).collect();
        let text = serde_json::to_string(&attrs).map_err(DataError::internal)?;
        Ok((text, space::rules::last_tx(conn, &id)?, space))
    };
    app.db.read_snapshot(read).await.map_err(told)
}

/// What a query finds, as new as the database.
///
/// # Errors
/// What the database says; what is wrong with the query is in the content.
pub async fn fresh(app: &Arc<App>, live: &Arc<LiveApp>, query: &Arc<LiveQuery>) -> Result<Arc<Latest>> {
    if !app.live.bus.is_alone() {
        // Another node may have answered a write that has not been told here yet.
        catch_up(app, live, None).await;
    }
    if let Some(latest) = query.fresh() {
        return Ok(latest);
    }
    compute(app, live, query).await.map_err(told)
}

/// Computes a query and tells its subscribers.
///
/// # Errors
/// What the database says.
pub async fn compute(app: &Arc<App>, live: &Arc<LiveApp>, live_query: &Arc<LiveQuery>) -> DataResult<Arc<Latest>> {
    tell_attrs_if_due(app, live).await;
    let (doubts, limit) = (live_query.doubts(), Limit::start(app));
    let (shared, id, key) = (Arc::clone(app), Arc::clone(&live.id), live_query.key.clone());
    let read = move |conn: &mut Conn| -> DataResult<_> {
        let tx_id = space::rules::last_tx(conn, &id)?;
        let (ip, origin) = key.request.as_deref().cloned().unwrap_or_default();
        let request = Request { time_ms: shared.clock.now_ms(), ip, origin, modified_fields: Vec::new() };
        let run = |conn: &mut Conn| -> DataResult<_> {
            let space = space::current(&shared, conn, &id)?.ok_or_else(|| Error::not_found("app"))?;
            let auth = match &key.context {
                Context::Admin => Auth::Admin,
                Context::Guest => Auth::Nobody,
                Context::User(user) => auth::by_id(conn, &space, *user)?,
            };
            let asked = Asked {
                query: serde_json::from_str(&key.query).map_err(DataError::internal)?,
                singular: key.form == Form::Tree(true),
                meta: true,
                topics: true,
                shape: match key.form {
                    Form::Tree(_) => Shape::Tree,
                    Form::JoinRows => Shape::JoinRows,
                    Form::Rows => Shape::Rows,
                },
                request,
            };
            let answer = query::run(&shared, conn, &space, &auth, &asked)?;
            let mut topics = answer.topics;
            if let Auth::User(user) = &auth {
                topics.insert(keystead_instaql::topics::Topic::Entity(user.id));
            }
            let content = match key.form {
                Form::Tree(_) => {
                    Content::Result { result: answer.body.into(), meta: Some(answer.meta.to_json().to_string().into()) }
                }
                Form::JoinRows => Content::Result { result: node(&answer.body, &answer.meta).into(), meta: None },
                Form::Rows => Content::Table(Table { columns: answer.columns, rows: answer.rows }),
            };
            Ok((content, topics, space.version))
        };
        match run(conn).map_err(|e| limit.told(e)) {
            Ok((content, topics, version)) => Ok((tx_id, content, topics, Some(version))),
            Err(e) if e.cause.is_some() => Err(e),
            Err(e) => Ok((tx_id, Content::Error(e.told), HashSet::new(), None)),
        }
    };
    let (tx_id, content, topics, version) = app.db.read_snapshot_within(limit.time(), read).await?;
    if matches!(&content, Content::Error(e) if e.kind == Kind::AppDisabled) {
        saw_status(app, live, Status::Disabled);
    }
    let latest = live.install(live_query, Found { doubts, tx_id, content }, topics);
    if version.is_some_and(|version| live.saw_version(version)) {
        // Attrs or rules have changed, and nobody said so yet.
        live.all_changed();
    }
    if live.stale() > 0 {
        app.live.hub.wake();
    }
    Ok(latest)
}

/// The one node that a result of triples consists of.
fn node(rows: &str, meta: &query::Meta) -> String {
    let mut more = String::new();
    for (key, values) in [("page-info", &meta.page_info), ("aggregate", &meta.aggregate)] {
        if !values.is_empty() {
            more.push_str(&format!(r#","{key}":{}"#, Value::Object(values.clone())));
        }
    }
    format!(r#"[{{"data":{{"datalog-result":{{"join-rows":[{rows}]}}{more}}},"child-nodes":[]}}]"#)
}

/// Runs a transaction of a connection. One that is sent again is not done again.
///
/// # Errors
/// What is wrong with it, or what a rule says.
pub async fn transact(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<i64> {
    let who = holder(&login.auth);
    let event_id = message.event_id().and_then(Value::as_str).map(|id| format!("{who} {id}"));
    let posted = Posted {
        steps: Steps::Wire(message.get("tx-steps").cloned()),
        throw_on_missing: false,
        request: Request {
            time_ms: app.clock.now_ms(),
            ip: session.origin.ip.map(|ip| ip.to_canonical().to_string()),
            origin: session.origin.origin.clone(),
            modified_fields: Vec::new(),
        },
    };
    let (shared, id, auth) = (Arc::clone(app), Arc::clone(&login.live.id), login.auth.clone());
    let known = event_id.clone();
    let write = move |tx: &mut Tx<'_>| -> DataResult<std::result::Result<Committed, i64>> {
        if let Some(event_id) = &event_id
            && let Some(tx_id) = store::event(tx.aside(), &id, event_id)?
        {
            return Ok(Err(tx_id));
        }
        if !space::is_app(tx.aside(), &id)? {
            return Err(space::rules::switched_off().into());
        }
        let auth = match &auth {
            Auth::User(user) => {
                let conn = tx.reading_of(user.id)?;
                // Not the one that is remembered for all: another transaction of the commit may have changed it.
                let space = space::rules::in_tx(&shared, conn, &id)?.ok_or_else(|| Error::not_found("app"))?;
                auth::by_id(conn, &space, user.id)?
            }
            other => other.clone(),
        };
        let done = transacting::run_as(&shared, tx, &id, &auth, &posted, None, None)?;
        if let Some(event_id) = &event_id {
            store::remember(tx.beside(), &id, event_id, done.tx_id, shared.clock.now_ms())?;
        }
        Ok(Ok(done))
    };
    match transacting::in_lane(app, &login.live.id, write).await {
        Ok(Ok(done)) => {
            transacting::tell(app, &done);
            Ok(done.tx_id)
        }
        Ok(Err(tx_id)) => Ok(tx_id),
        Err(e) => {
            // The same one may have been done at another node at the same time.
            let raced = e
                .cause
                .as_ref()
                .and_then(|cause| cause.downcast_ref::<diesel::result::Error>())
                .is_some_and(is_unique_violation);
            let id = Arc::clone(&login.live.id);
            match known.filter(|_| raced) {
                Some(event_id) => {
                    let read = move |conn: &mut Conn| -> DataResult<_> { Ok(store::event(conn, &id, &event_id)?) };
                    app.db.read(read).await.map_err(told)?.ok_or_else(|| told(e))
                }
                None => Err(told(e)),
            }
        }
    }
}

/// Tells live queries, here and elsewhere, of a transaction that this node has committed. To be called before the answer.
pub fn committed(app: &App, done: &Committed) {
    if done.is_schema
        && let Some(live) = app.live.hub.find(&done.app_id)
    {
        live.attrs_changed();
    }
    app.live.hub.committed(&done.app_id, done.tx_id, || match done.is_schema {
        true => Changed::Everything,
        false => Changed::Topics(Arc::new(done.topics())),
    });
    app.live.bus.tell(|| News::Committed { app: done.app_id.clone(), tx: done.tx_id });
}

/// Tells the connections of an app of its attrs, if those have changed: before any result that may need them.
pub async fn tell_attrs_if_due(app: &Arc<App>, live: &Arc<LiveApp>) {
    if !live.take_attrs_changed() {
        return;
    }
    match attrs(app, &live.id).await {
        Ok((attrs, tx_id, space)) => {
            live.tell_attrs(&Arc::new(Shared::new(format!(
                r#"{{"op":"refresh-ok","processed-tx-id":{tx_id},"attrs":{attrs},"computations":[]}}"#
            ))));
            permits::saw_rules(app, live, &space);
        }
        // It has been logged; the next round tries again.
        Err(_told) => live.attrs_changed(),
    }
}

/// Takes in what an app lets its clients do, and tells them when that is something else than before.
pub fn saw_status(app: &App, live: &LiveApp, status: Status) {
    if live.saw_status(status) {
        let message = json!({"op": "app-status-changed", "status": status.name()});
        live.tell(&Shared::new(message.to_string()));
        // Live queries of an app that is switched off are errors; afterwards everybody needs attrs and results.
        live.attrs_changed();
        live.all_changed();
        app.live.hub.wake();
    }
}

/// Looks for what others have committed in an app, if `tx_id` (or anything) is news.
pub async fn catch_up(app: &Arc<App>, live: &Arc<LiveApp>, tx_id: Option<i64>) {
    loop {
        let seen = live.seen_up_to();
        if tx_id.is_some_and(|tx_id| seen.is_none_or(|seen| tx_id <= seen)) {
            return;
        }
        let (shared, id) = (Arc::clone(app), Arc::clone(&live.id));
        let read = move |conn: &mut Conn| -> DataResult<_> {
            let space = match space::current(&shared, conn, &id) {
                Err(e) if e.told.kind == Kind::AppDisabled => return Ok((None, Status::Disabled, 0, Vec::new())),
                space => space?,
            };
            let last = space::rules::last_tx(conn, &id)?;
            let log = match seen {
                Some(seen) if last > seen => transacting::log_after(conn, &id, seen, AT_ONCE)?,
                _ => Vec::new(),
            };
            let status = space.as_ref().map_or(Status::Active, |space| space.status());
            Ok((space.map(|space| space.version), status, last, log))
        };
        let (version, status, last, log) = match app.db.read(read).await {
            Ok(found) => found,
            Err(e) => {
                drop(told(e));
                return;
            }
        };
        saw_status(app, live, status);
        let Some(seen) = seen else { return };
        if version.is_some_and(|version| live.saw_version(version)) {
            live.attrs_changed();
            live.all_changed();
            app.live.hub.wake();
        }
        if last <= seen {
            return;
        }
        if log.first().is_none_or(|first| first.tx_id > seen + 1) {
            // What lies between has been swept from the log.
            live.attrs_changed();
            live.skip_to(last);
            app.live.hub.wake();
            return;
        }
        let full = log.len() == usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        for change in log {
            if change.topics.is_none() {
                live.attrs_changed();
            }
            app.live.hub.committed(&live.id, change.tx_id, || match change.topics {
                Some(topics) => Changed::Topics(Arc::new(topics)),
                None => Changed::Everything,
            });
        }
        if !full {
            return;
        }
    }
}

/// Looks for what others have committed in every live app.
pub async fn catch_up_all(app: &Arc<App>) {
    for live in app.live.hub.apps() {
        catch_up(app, &live, None).await;
    }
}

/// Users as clients get them, by id.
///
/// # Errors
/// What the database says.
pub async fn users(app: &Arc<App>, app_id: &str, ids: Vec<String>) -> Result<HashMap<String, Value>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (shared, id) = (Arc::clone(app), app_id.to_owned());
    let read = move |conn: &mut Conn| -> DataResult<_> {
        let Some(space) = space::current(&shared, conn, &id)? else { return Ok(HashMap::new()) };
        let ids: Vec<_> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let records = query::records(conn, &space, USERS, &ids)?;
        Ok(records.into_iter().map(|(user, record)| (user.to_string(), shown(&id, &record))).collect())
    };
    app.db.read(read).await.map_err(told)
}

/// Forgets transactions that nobody will send again.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> diesel::QueryResult<usize> {
    const DAY_MS: i64 = 86_400_000;
    store::sweep(tx, app.clock.now_ms() - DAY_MS)
}
