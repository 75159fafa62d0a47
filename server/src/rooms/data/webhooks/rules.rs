//! Webhooks and their events: what may be set, what a transaction queues, and when an event is tried again.

use std::collections::BTreeSet;

use keystead_crypto::encoding::hex_encode;
use keystead_crypto::hash;
use keystead_instaql::error::Problem;
use keystead_instaql::tx::outcome::{Outcome, Touched};
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::store::{self, ACTIVE, DISABLED, EventRow, HookRow};
use super::{Hook, target};
use crate::app::App;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::transact::Tx;

const ACTIONS: [&str; 3] = ["create", "update", "delete"];
const MOST_NAMESPACES: usize = 100;
const MAX_REASON: usize = 500;
/// Webhooks of one app, disabled ones too, for each that may be active.
const DISABLED_FACTOR: usize = 10;
/// Events of a page.
const PAGE: i64 = 100;
/// Attempts that are remembered.
const ATTEMPTS: usize = 20;
/// An event is not sent again within this time of having been queued.
const RESEND_MS: i64 = 60_000;
/// Beyond a receiver's time, a node has this long to note what came of an attempt.
const GRACE_MS: i64 = 15_000;
const DAY_MS: i64 = 86_400_000;

/// What a caller sets of a webhook; what is none stays.
#[derive(Debug, Default)]
pub struct Wanted {
    url: Option<String>,
    namespaces: Option<Vec<String>>,
    actions: Option<Vec<String>>,
}

/// An event that this node delivers now.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub(super) hook: HookRow,
    pub(super) event: EventRow,
}

/// What came of an attempt.
#[derive(Debug)]
pub struct Attempt {
    pub(super) at_ms: i64,
    pub(super) duration_ms: i64,
    pub(super) success: bool,
    pub(super) status_code: Option<u16>,
    pub(super) response_text: Option<String>,
    pub(super) error: Option<(&'static str, String)>,
}

/// Reads `{url | sink: {url}, namespaces, actions}`.
///
/// # Errors
/// `param-malformed`.
pub fn wanted(body: &Map<String, Value>) -> DataResult<Wanted> {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    let list = |key: &str| -> DataResult<Option<Vec<String>>> {
        let Some(value) = given(key) else { return Ok(None) };
        let texts: Option<BTreeSet<String>> =
            value.as_array().and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
        match texts {
            Some(texts) if texts.len() <= MOST_NAMESPACES => Ok(Some(texts.into_iter().collect())),
            _ => Err(Error::malformed(&["body", key], value.clone()).into()),
        }
    };
    let url = match given("url").or_else(|| given("sink")?.get("url")) {
        None => None,
        Some(Value::String(url)) => Some(url.clone()),
        Some(other) => return Err(Error::malformed(&["body", "url"], other.clone()).into()),
    };
    Ok(Wanted { url, namespaces: list("namespaces")?, actions: list("actions")? })
}

/// Makes a webhook, active.
///
/// # Errors
/// `param-missing`, `validation-failed` for `webhook`, `parameter-limit-exceeded`.
pub fn create(app: &App, tx: &mut Conn, app_id: &str, wanted: &Wanted) -> DataResult<Value> {
    let space = space::rules::reload(tx, app_id)?;
    let known = store::of_app(tx, app_id)?;
    check_count(app, &known)?;
    let most = app.config.webhooks.most_per_app * DISABLED_FACTOR;
    if known.len() >= most {
        return Err(too_many(format!("An app has at most {most} webhooks"), most));
    }
    let now_ms = app.clock.now_ms();
    let missing = |key: &'static str| Error::missing(&["body", key]);
    let mut row = HookRow {
        id: app.new_id(),
        app_id: app_id.to_owned(),
        url: String::new(),
        namespaces: String::new(),
        actions: String::new(),
        status: ACTIVE.into(),
        disabled_reason: None,
        created_ms: now_ms,
        updated_ms: now_ms,
    };
    for (key, there) in [
        ("url", wanted.url.is_some()),
        ("namespaces", wanted.namespaces.is_some()),
        ("actions", wanted.actions.is_some()),
    ] {
        if !there {
            return Err(missing(key).into());
        }
    }
    set(app, &space, &mut row, wanted)?;
    store::insert(tx, &row)?;
    shown(&row)
}

/// Changes a webhook.
///
/// # Errors
/// `record-not-found`, `validation-failed` for `webhook`.
pub fn update(app: &App, tx: &mut Conn, app_id: &str, id: &str, wanted: &Wanted) -> DataResult<Value> {
    let space = space::rules::reload(tx, app_id)?;
    let mut row = find(tx, app_id, id)?;
    set(app, &space, &mut row, wanted)?;
    row.updated_ms = app.clock.now_ms();
    store::update(tx, &row)?;
    shown(&row)
}

/// Deletes a webhook with its events, and gives it as it was.
///
/// # Errors
/// `record-not-found`.
pub fn delete(tx: &mut Conn, app_id: &str, id: &str) -> DataResult<Value> {
    space::rules::reload(tx, app_id)?;
    let row = find(tx, app_id, id)?;
    store::delete(tx, &row.id)?;
    shown(&row)
}

/// Lets a webhook be told of what happens from now on. What waited when it was disabled is delivered too.
///
/// # Errors
/// `record-not-found`, `parameter-limit-exceeded`.
pub fn enable(app: &App, tx: &mut Conn, app_id: &str, id: &str) -> DataResult<Value> {
    space::rules::reload(tx, app_id)?;
    let row = find(tx, app_id, id)?;
    if row.status == ACTIVE {
        return shown(&row);
    }
    check_count(app, &store::of_app(tx, app_id)?)?;
    set_status(app, tx, row, ACTIVE, None)
}

/// Stops a webhook: nothing is queued, and what waits goes on waiting.
///
/// # Errors
/// `record-not-found`, `parameter-limit-exceeded` for a long reason.
pub fn disable(app: &App, tx: &mut Conn, app_id: &str, id: &str, reason: Option<&str>) -> DataResult<Value> {
    if reason.is_some_and(|reason| reason.len() > MAX_REASON) {
        return Err(too_many(format!("A reason has at most {MAX_REASON} bytes"), MAX_REASON));
    }
    space::rules::reload(tx, app_id)?;
    let row = find(tx, app_id, id)?;
    set_status(app, tx, row, DISABLED, reason)
}

fn set_status(app: &App, tx: &mut Conn, mut row: HookRow, status: &str, reason: Option<&str>) -> DataResult<Value> {
    row.status = status.into();
    row.disabled_reason = reason.map(str::to_owned);
    row.updated_ms = app.clock.now_ms();
    store::update(tx, &row)?;
    shown(&row)
}

/// The webhooks of an app, the newest first.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str) -> DataResult<Value> {
    let rows = store::of_app(conn, app_id)?;
    Ok(json!({"webhooks": rows.iter().map(shown).collect::<DataResult<Vec<_>>>()?}))
}

/// The active webhooks of an app, for its transactions.
///
/// # Errors
/// What the database says.
pub fn active(conn: &mut Conn, app_id: &str) -> DataResult<Vec<Hook>> {
    let rows = store::of_app(conn, app_id)?;
    let active = rows.into_iter().filter(|row| row.status == ACTIVE);
    active
        .map(|row| Ok(Hook { namespaces: texts(&row.namespaces)?, actions: texts(&row.actions)?, id: row.id }))
        .collect()
}

/// Queues what a transaction changed, in that transaction. True when there is something to deliver.
///
/// # Errors
/// What the database says.
pub fn queue(tx: &mut Tx<'_>, space: &Space, tx_id: i64, outcome: &Outcome, now_ms: i64) -> DataResult<bool> {
    let mut queued = false;
    for hook in &space.webhooks {
        // Some are only set to what they were.
        let changed = outcome.touched.iter().filter(|touched| touched.before != touched.after);
        let wanted = changed.filter(|touched| hook.wants(&touched.etype, touched.action()));
        let records: Vec<Value> = wanted.map(|touched| record(space, hook, tx_id, touched)).collect();
        if records.is_empty() {
            continue;
        }
        let payload = json!({"data": records, "idempotencyKey": idempotency_key(&[&hook.id, &tx_id.to_string()])});
        store::queue(tx.beside(), &hook.id, tx_id, &payload.to_string(), now_ms)?;
        queued = true;
    }
    Ok(queued)
}

fn record(space: &Space, hook: &Hook, tx_id: i64, touched: &Touched) -> Value {
    let (id, action) = (touched.entity.to_string(), touched.action());
    // Some values are the server's own business.
    let hidden =
        |label: &str| space.catalog.forward(&touched.etype, label).is_some_and(|attr| !space::rules::is_visible(attr));
    let visible = |values: &Map<String, Value>| {
        let values = values.iter().filter(|(label, value)| !value.is_null() && !hidden(label));
        values.map(|(label, value)| (label.clone(), value.clone())).collect::<Map<_, _>>()
    };
    json!({
        "namespace": touched.etype, "id": id, "action": action,
        "before": touched.before.as_ref().map(visible), "after": touched.after.as_ref().map(visible),
        "idempotencyKey": idempotency_key(&[&hook.id, &tx_id.to_string(), &touched.etype, &id]),
    })
}

/// The same for every delivery of the same thing.
pub(super) fn idempotency_key(parts: &[&str]) -> String {
    let mut digits = hex_encode(&hash::sha256(parts.join(" ").as_bytes()));
    digits.truncate(32);
    digits
}

/// Webhooks with something to deliver now.
///
/// # Errors
/// What the database says.
pub fn hooks_due(app: &App, conn: &mut Conn, most: i64) -> DataResult<Vec<String>> {
    Ok(store::hooks_due(conn, app.clock.now_ms(), most)?)
}

/// Takes due events of a webhook for this node. If it dies over them, they are due again when their receiver's time is over.
///
/// # Errors
/// What the database says.
pub fn claim(app: &App, tx: &mut Conn, webhook_id: &str, most: i64) -> DataResult<Vec<Claimed>> {
    let now_ms = app.clock.now_ms();
    let seconds = i64::try_from(app.config.webhooks.timeout_seconds).unwrap_or(i64::MAX);
    let until_ms = now_ms.saturating_add(seconds.saturating_mul(1_000)).saturating_add(GRACE_MS);
    let Some(hook) = store::active(tx, webhook_id)? else { return Ok(Vec::new()) };
    let mut claimed = Vec::new();
    for event in store::due(tx, webhook_id, now_ms, most)? {
        let taken = EventRow {
            status: "processing".into(),
            tries: event.tries + 1,
            due_ms: Some(until_ms),
            updated_ms: now_ms,
            ..event.clone()
        };
        if store::move_on(tx, &event, &taken)? {
            claimed.push(Claimed { hook: hook.clone(), event: taken });
        }
    }
    Ok(claimed)
}

/// Notes what came of an attempt, and when the next one is due.
///
/// # Errors
/// What the database says.
pub fn attempted(app: &App, tx: &mut Conn, claimed: &Claimed, attempt: &Attempt) -> DataResult<()> {
    let before = &claimed.event;
    let now_ms = app.clock.now_ms();
    let tries = usize::try_from(before.tries).unwrap_or(usize::MAX);
    let wait = app.config.webhooks.retry_seconds.get(tries.saturating_sub(1));
    let (status, due_ms) = match (attempt.success, wait) {
        (true, _) => ("success", None),
        (false, Some(seconds)) => ("error", Some(now_ms + i64::from(*seconds) * 1_000)),
        (false, None) => ("failed", None),
    };
    let mut attempts: Vec<Value> = serde_json::from_str(&before.attempts).map_err(DataError::internal)?;
    attempts.push(attempt.to_json());
    let forgotten = attempts.len().saturating_sub(ATTEMPTS);
    attempts.drain(..forgotten);
    let attempts = Value::Array(attempts).to_string();
    let after = EventRow { status: status.into(), due_ms, attempts, updated_ms: now_ms, ..before.clone() };
    // Who has resent it meanwhile, or taken it for dead, notes what comes of that.
    if !store::move_on(tx, before, &after)? {
        tracing::debug!(tx = before.tx_id, "an attempt of a webhook has been overtaken");
    }
    Ok(())
}

/// A page of events, the newest first: those before `after`.
///
/// # Errors
/// `record-not-found` for the webhook, `param-malformed` for a cursor that is none.
pub fn events(conn: &mut Conn, app_id: &str, id: &str, after: Option<&str>) -> DataResult<Value> {
    let hook = find(conn, app_id, id)?;
    let before = match after {
        None => i64::MAX,
        Some(isn) => tx_of(isn).ok_or_else(|| Error::malformed(&["params", "after"], isn.into()))?,
    };
    let mut rows = store::page(conn, &hook.id, before, PAGE + 1)?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let has_next = rows.len() > page;
    rows.truncate(page);
    let cursor = |row: Option<&EventRow>| row.map(|row| isn(row.tx_id));
    Ok(json!({
        "events": rows.iter().map(event_shown).collect::<DataResult<Vec<_>>>()?,
        "pageInfo": {"startCursor": cursor(rows.first()), "endCursor": cursor(rows.last()), "hasNextPage": has_next},
    }))
}

/// One event.
///
/// # Errors
/// `record-not-found`.
pub fn event(conn: &mut Conn, app_id: &str, id: &str, isn: &str) -> DataResult<Value> {
    event_shown(&event_row(conn, app_id, id, isn)?)
}

/// Delivers an event again, whatever came of it.
///
/// # Errors
/// `record-not-found`; `validation-failed` within a minute of the last time, or when the webhook is disabled.
pub fn resend(app: &App, tx: &mut Conn, app_id: &str, id: &str, isn: &str) -> DataResult<Value> {
    let before = event_row(tx, app_id, id, isn)?;
    let now_ms = app.clock.now_ms();
    let refused = |text: &str| Error::validation("webhook-event", isn.into(), &[Problem::message(Vec::new(), text)]);
    if find(tx, app_id, id)?.status != ACTIVE {
        return Err(refused("the webhook is disabled: enable it first").into());
    }
    if now_ms - before.queued_ms < RESEND_MS {
        return Err(refused("the event was queued or resent within the last minute: try again in a minute").into());
    }
    let after = EventRow {
        status: "pending".into(),
        tries: 0,
        due_ms: Some(now_ms),
        queued_ms: now_ms,
        updated_ms: now_ms,
        ..before.clone()
    };
    if !store::move_on(tx, &before, &after)? {
        return Err(refused("the event is being delivered: try again in a minute").into());
    }
    event_shown(&after)
}

/// What the receiver of an event gets.
///
/// # Errors
/// `record-not-found`.
pub fn payload(conn: &mut Conn, app_id: &str, id: &str, isn: &str) -> DataResult<String> {
    let found = tx_of(isn).map(|tx_id| store::payload(conn, app_id, id, tx_id)).transpose()?.flatten();
    found.ok_or_else(no_event)
}

/// Forgets old events.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> diesel::QueryResult<usize> {
    store::sweep(tx, app.clock.now_ms() - i64::from(app.config.webhooks.keep_days) * DAY_MS)
}

/// An event's name: the number of its transaction, as the original writes places of its log.
pub(super) fn isn(tx_id: i64) -> String {
    format!("0/{}/{}", tx_id >> 32, tx_id & 0xffff_ffff)
}

fn tx_of(isn: &str) -> Option<i64> {
    let mut parts = isn.split('/').map(|part| part.parse::<u32>().ok());
    let (zero, high, low, end) = (parts.next()??, parts.next()??, parts.next()??, parts.next());
    (zero == 0 && end.is_none()).then(|| (i64::from(high) << 32) | i64::from(low))
}

fn set(app: &App, space: &Space, row: &mut HookRow, wanted: &Wanted) -> DataResult<()> {
    let mut problems = Vec::new();
    if let Some(url) = &wanted.url {
        match target::parse(&app.config.webhooks, url) {
            Ok(url) => row.url = url.into(),
            Err(refused) => problems.push(Problem::message(vec!["url".into()], refused.to_string())),
        }
    }
    if let Some(namespaces) = &wanted.namespaces {
        let known = space.catalog.etypes();
        for unknown in namespaces.iter().filter(|name| !known.contains(&name.as_str())) {
            problems.push(Problem::message(vec!["namespaces".into()], format!("there is no namespace '{unknown}'")));
        }
        if namespaces.is_empty() {
            problems.push(Problem::message(vec!["namespaces".into()], "at least one namespace"));
        }
        row.namespaces = json!(namespaces).to_string();
    }
    if let Some(actions) = &wanted.actions {
        if actions.is_empty() || !actions.iter().all(|action| ACTIONS.contains(&action.as_str())) {
            problems.push(Problem::message(vec!["actions".into()], "one or more of create, update and delete"));
        }
        row.actions = json!(actions).to_string();
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::validation("webhook", Value::Null, &problems).into()),
    }
}

fn check_count(app: &App, known: &[HookRow]) -> DataResult<()> {
    let most = app.config.webhooks.most_per_app;
    match known.iter().filter(|row| row.status == ACTIVE).count() < most {
        true => Ok(()),
        false => Err(too_many(format!("An app has at most {most} active webhooks"), most)),
    }
}

fn too_many(text: String, limit: usize) -> DataError {
    Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": limit})).into()
}

fn find(conn: &mut Conn, app_id: &str, id: &str) -> DataResult<HookRow> {
    Ok(store::find(conn, app_id, id)?.ok_or_else(|| Error::not_found("webhook"))?)
}

fn event_row(conn: &mut Conn, app_id: &str, id: &str, isn: &str) -> DataResult<EventRow> {
    let hook = find(conn, app_id, id)?;
    let found = tx_of(isn).map(|tx_id| store::event(conn, &hook.id, tx_id)).transpose()?.flatten();
    found.ok_or_else(no_event)
}

/// What everybody hears who may not see an event, too.
pub(super) fn no_event() -> DataError {
    Error::not_found("webhook-event").into()
}

fn shown(row: &HookRow) -> DataResult<Value> {
    Ok(json!({
        "id": row.id, "sink": {"url": row.url}, "namespaces": texts(&row.namespaces)?, "actions": texts(&row.actions)?,
        "status": row.status, "disabled_reason": row.disabled_reason,
        "created_at": iso8601(row.created_ms), "updated_at": iso8601(row.updated_ms),
    }))
}

fn event_shown(row: &EventRow) -> DataResult<Value> {
    let attempts: Value = serde_json::from_str(&row.attempts).map_err(DataError::internal)?;
    let next = row.due_ms.filter(|_| row.status != "processing").map(iso8601);
    Ok(json!({
        "isn": isn(row.tx_id), "status": row.status, "attempts": attempts, "next_attempt_after": next,
        "created_at": iso8601(row.created_ms), "updated_at": iso8601(row.updated_ms),
    }))
}

fn texts(list: &str) -> DataResult<Vec<String>> {
    serde_json::from_str(list).map_err(DataError::internal)
}

impl Attempt {
    fn to_json(&self) -> Value {
        let (kind, message) = self.error.as_ref().map(|(kind, message)| (*kind, message.as_str())).unzip();
        json!({
            "attempt-at": iso8601(self.at_ms), "duration-ms": self.duration_ms, "success?": self.success,
            "status-code": self.status_code, "response-text": self.response_text,
            "error-type": kind, "error-message": message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_are_read_back() {
        for tx_id in [1, 0xffff_ffff, 0x1_0000_0000, 48_953_748] {
            assert_eq!(tx_of(&isn(tx_id)), Some(tx_id));
        }
        assert_eq!(isn(7), "0/0/7");
        for wrong in ["", "7", "0/0", "1/0/7", "0/0/7/8", "0/0/-7", "0/0/99999999999"] {
            assert_eq!(tx_of(wrong), None, "{wrong}");
        }
    }
}
