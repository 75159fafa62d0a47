//! Table `audit_log`.

use diesel::QueryResult;
use diesel::prelude::*;

use super::entry::{Entry, Event, Filter, PAGE};
use crate::db::schema::audit_log as log;
use crate::db::{Conn, each};

type Row = (i64, i64, String, Option<String>, Option<String>, Option<String>, Option<String>);

pub(super) fn insert(conn: &mut Conn, app_id: &str, now_ms: i64, event: &Event<'_>) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(log::table)
        .values((
            log::app_id.eq(app_id),
            log::at_ms.eq(now_ms),
            log::event.eq(event.name),
            log::actor_id.eq(event.actor),
            log::subject_id.eq(event.subject),
            log::ip.eq(event.ip),
            log::detail.eq(event.detail),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn list(conn: &mut Conn, app_id: &str, filter: &Filter) -> QueryResult<Vec<Entry>> {
    let mut query = log::table.filter(log::app_id.eq(app_id)).into_boxed();
    if let Some(before) = filter.before_id {
        query = query.filter(log::id.lt(before));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(log::subject_id.eq(subject));
    }
    if let Some(since_ms) = filter.since_ms {
        query = query.filter(log::at_ms.ge(since_ms));
    }
    if let Some(event) = &filter.event {
        query = query.filter(log::event.eq(event));
    }
    let rows: Vec<Row> = query
        .order(log::id.desc())
        .limit(PAGE)
        .select((log::id, log::at_ms, log::event, log::actor_id, log::subject_id, log::ip, log::detail))
        .load(conn)?;
    let entry = |(id, at_ms, event, actor_id, subject_id, ip, detail)| Entry {
        id,
        at_ms,
        event,
        actor_id,
        subject_id,
        ip,
        detail,
    };
    Ok(rows.into_iter().map(entry).collect())
}

pub(super) fn delete_before(conn: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(log::table.filter(log::at_ms.lt(before_ms))).execute(conn)
}
