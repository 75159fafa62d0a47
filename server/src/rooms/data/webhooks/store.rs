//! Tables `data_webhooks` and `data_webhook_events`.

use diesel::QueryResult;
use diesel::dsl::min;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{data_webhook_events as events, data_webhooks as hooks};

pub(super) const ACTIVE: &str = "active";
pub(super) const DISABLED: &str = "disabled";

/// A row of `data_webhooks`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = hooks, treat_none_as_null = true)]
pub(super) struct HookRow {
    pub(super) id: String,
    pub(super) app_id: String,
    pub(super) url: String,
    pub(super) namespaces: String,
    pub(super) actions: String,
    pub(super) status: String,
    pub(super) disabled_reason: Option<String>,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
}

/// A row of `data_webhook_events`, without the payload.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub(super) struct EventRow {
    pub(super) webhook_id: String,
    pub(super) tx_id: i64,
    pub(super) status: String,
    pub(super) tries: i64,
    pub(super) due_ms: Option<i64>,
    pub(super) attempts: String,
    pub(super) queued_ms: i64,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
}

/// The webhooks of an app, the newest first.
pub(super) fn of_app(conn: &mut Conn, app_id: &str) -> QueryResult<Vec<HookRow>> {
    let order = (hooks::created_ms.desc(), hooks::id);
    hooks::table.filter(hooks::app_id.eq(app_id)).order(order).select(HookRow::as_select()).load(conn)
}

pub(super) fn find(conn: &mut Conn, app_id: &str, id: &str) -> QueryResult<Option<HookRow>> {
    hooks::table.find(id).filter(hooks::app_id.eq(app_id)).select(HookRow::as_select()).first(conn).optional()
}

pub(super) fn insert(tx: &mut Conn, row: &HookRow) -> QueryResult<()> {
    diesel::insert_into(hooks::table).values(row).execute(tx).map(drop)
}

pub(super) fn update(tx: &mut Conn, row: &HookRow) -> QueryResult<()> {
    diesel::update(hooks::table.find(&row.id)).set(row).execute(tx).map(drop)
}

pub(super) fn delete(tx: &mut Conn, id: &str) -> QueryResult<()> {
    diesel::delete(hooks::table.find(id)).execute(tx).map(drop)
}

/// A new event, due at once.
pub(super) fn queue(tx: &mut Conn, webhook_id: &str, tx_id: i64, payload: &str, now_ms: i64) -> QueryResult<()> {
    diesel::insert_into(events::table)
        .values((
            events::webhook_id.eq(webhook_id),
            events::tx_id.eq(tx_id),
            events::status.eq("pending"),
            events::tries.eq(0_i64),
            events::due_ms.eq(Some(now_ms)),
            events::attempts.eq("[]"),
            events::payload.eq(payload),
            events::queued_ms.eq(now_ms),
            events::created_ms.eq(now_ms),
            events::updated_ms.eq(now_ms),
        ))
        .execute(tx)
        .map(drop)
}

/// The events of a webhook before a transaction, the newest first.
pub(super) fn page(conn: &mut Conn, webhook_id: &str, before: i64, most: i64) -> QueryResult<Vec<EventRow>> {
    events::table
        .filter(events::webhook_id.eq(webhook_id))
        .filter(events::tx_id.lt(before))
        .order(events::tx_id.desc())
        .limit(most)
        .select(EventRow::as_select())
        .load(conn)
}

pub(super) fn event(conn: &mut Conn, webhook_id: &str, tx_id: i64) -> QueryResult<Option<EventRow>> {
    events::table.find((webhook_id, tx_id)).select(EventRow::as_select()).first(conn).optional()
}

pub(super) fn payload(conn: &mut Conn, app_id: &str, webhook_id: &str, tx_id: i64) -> QueryResult<Option<String>> {
    events::table
        .inner_join(hooks::table)
        .filter(hooks::app_id.eq(app_id))
        .filter(events::webhook_id.eq(webhook_id))
        .filter(events::tx_id.eq(tx_id))
        .select(events::payload)
        .first(conn)
        .optional()
}

/// Ids of active webhooks with something due, those that wait longest first.
pub(super) fn hooks_due(conn: &mut Conn, now_ms: i64, most: i64) -> QueryResult<Vec<String>> {
    let waiting: Vec<(String, Option<i64>)> = events::table
        .inner_join(hooks::table)
        .filter(hooks::status.eq(ACTIVE))
        .filter(events::due_ms.le(now_ms))
        .group_by(events::webhook_id)
        .order(min(events::due_ms))
        .limit(most)
        .select((events::webhook_id, min(events::due_ms)))
        .load(conn)?;
    Ok(waiting.into_iter().map(|(id, _)| id).collect())
}

/// An active webhook, of whatever app.
pub(super) fn active(conn: &mut Conn, id: &str) -> QueryResult<Option<HookRow>> {
    hooks::table.find(id).filter(hooks::status.eq(ACTIVE)).select(HookRow::as_select()).first(conn).optional()
}

/// The events of a webhook that are due, in the order of transactions.
pub(super) fn due(conn: &mut Conn, webhook_id: &str, now_ms: i64, most: i64) -> QueryResult<Vec<EventRow>> {
    events::table
        .filter(events::webhook_id.eq(webhook_id))
        .filter(events::due_ms.le(now_ms))
        .order(events::tx_id)
        .limit(most)
        .select(EventRow::as_select())
        .load(conn)
}

/// Changes what is known of an event's delivery, if it is due when it was; false when another node, or a resend, was first.
pub(super) fn move_on(tx: &mut Conn, before: &EventRow, after: &EventRow) -> QueryResult<bool> {
    let place = events::table.find((&before.webhook_id, before.tx_id));
    let set = (
        events::status.eq(&after.status),
        events::tries.eq(after.tries),
        events::due_ms.eq(after.due_ms),
        events::attempts.eq(&after.attempts),
        events::queued_ms.eq(after.queued_ms),
        events::updated_ms.eq(after.updated_ms),
    );
    let rows = match before.due_ms {
        Some(due_ms) => diesel::update(place.filter(events::due_ms.eq(due_ms))).set(set).execute(tx)?,
        None => diesel::update(place.filter(events::due_ms.is_null())).set(set).execute(tx)?,
    };
    Ok(rows > 0)
}

pub(super) fn sweep(tx: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(events::table.filter(events::created_ms.lt(before_ms))).execute(tx)
}
