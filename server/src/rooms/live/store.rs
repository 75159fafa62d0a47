//! Tables `live_events` and `live_sign_outs`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{live_events as events, live_sign_outs as sign_outs};
use crate::db::{Conn, each};

/// The transaction that was done under this id.
pub(super) fn event(conn: &mut Conn, app_id: &str, event_id: &str) -> QueryResult<Option<i64>> {
    events::table.find((app_id, event_id)).select(events::tx_id).first(conn).optional()
}

pub(super) fn remember(conn: &mut Conn, app_id: &str, event_id: &str, tx_id: i64, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(events::table)
        .values((
            events::app_id.eq(app_id),
            events::event_id.eq(event_id),
            events::tx_id.eq(tx_id),
            events::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn note_sign_out(conn: &mut Conn, id: &str, app_id: &str, user_id: &str, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(sign_outs::table)
        .values((
            sign_outs::id.eq(id),
            sign_outs::app_id.eq(app_id),
            sign_outs::user_id.eq(user_id),
            sign_outs::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

/// Id, app and user of every one that has not been swept.
pub(super) fn sign_outs(conn: &mut Conn) -> QueryResult<Vec<(String, String, String)>> {
    sign_outs::table.select((sign_outs::id, sign_outs::app_id, sign_outs::user_id)).load(conn)
}

pub(super) fn sweep(conn: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    let events = diesel::delete(events::table.filter(events::created_ms.lt(before_ms))).execute(conn)?;
    Ok(events + diesel::delete(sign_outs::table.filter(sign_outs::created_ms.lt(before_ms))).execute(conn)?)
}
