//! Table `live_events`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::live_events as events;
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

pub(super) fn sweep(conn: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(events::table.filter(events::created_ms.lt(before_ms))).execute(conn)
}
