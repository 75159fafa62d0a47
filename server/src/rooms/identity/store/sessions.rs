//! Table `iam_sessions`.

use diesel::QueryResult;
use diesel::prelude::*;

use super::super::model::{Session, User};
use crate::db::schema::{apps, iam_sessions as sessions, iam_users as users};
use crate::db::{Conn, each};

pub(crate) fn insert(conn: &mut Conn, session: &Session) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(sessions::table).values(session).execute(c).map(drop))
}

/// The one look of every authenticated request: session, user, and whether the app is switched off.
pub(crate) fn with_user(
    conn: &mut Conn,
    app_id: &str,
    session_id: &str,
) -> QueryResult<Option<(Session, User, Option<i64>)>> {
    each!(conn, |c| sessions::table
        .inner_join(users::table.on(users::uuid.eq(sessions::user_uuid)))
        .inner_join(apps::table.on(apps::id.eq(users::app_id)))
        .filter(sessions::id.eq(session_id).and(users::app_id.eq(app_id)))
        .select((Session::as_select(), User::as_select(), apps::disabled_ms))
        .get_result(c)
        .optional())
}

pub(crate) fn by_sid(conn: &mut Conn, sid_hash: &str) -> QueryResult<Option<Session>> {
    each!(conn, |c| sessions::table
        .filter(sessions::sid_hash.eq(sid_hash))
        .select(Session::as_select())
        .get_result(c)
        .optional())
}

pub(crate) fn by_id(conn: &mut Conn, id: &str) -> QueryResult<Option<Session>> {
    each!(conn, |c| sessions::table.find(id).select(Session::as_select()).get_result(c).optional())
}

pub(crate) fn renew(conn: &mut Conn, id: &str, now_ms: i64) -> QueryResult<usize> {
    each!(conn, |c| diesel::update(sessions::table.find(id)).set(sessions::renewed_ms.eq(now_ms)).execute(c))
}

/// Ends one session of a user.
pub(crate) fn end(conn: &mut Conn, user_uuid: &str, id: &str, now_ms: i64) -> QueryResult<usize> {
    let mine = sessions::table.find(id).filter(sessions::user_uuid.eq(user_uuid).and(sessions::is_active.eq(true)));
    each!(conn, |c| diesel::update(mine)
        .set((sessions::is_active.eq(false), sessions::end_ms.eq(Some(now_ms))))
        .execute(c))
}

/// Ends the sessions of a user but one.
pub(crate) fn end_all_but(conn: &mut Conn, user_uuid: &str, but: Option<&str>, now_ms: i64) -> QueryResult<usize> {
    let theirs = sessions::table
        .filter(sessions::user_uuid.eq(user_uuid).and(sessions::is_active.eq(true)))
        .filter(sessions::id.ne(but.unwrap_or_default()));
    each!(conn, |c| diesel::update(theirs)
        .set((sessions::is_active.eq(false), sessions::end_ms.eq(Some(now_ms))))
        .execute(c))
}

/// Sessions that have not been ended, the newest first.
pub(crate) fn active(conn: &mut Conn, user_uuid: &str) -> QueryResult<Vec<Session>> {
    sessions::table
        .filter(sessions::user_uuid.eq(user_uuid).and(sessions::is_active.eq(true)))
        .order((sessions::start_ms.desc(), sessions::id.asc()))
        .limit(100)
        .select(Session::as_select())
        .load(conn)
}

/// True when the user has logged in from this network since then.
pub(crate) fn knows_network(conn: &mut Conn, user_uuid: &str, network: &str, since_ms: i64) -> QueryResult<bool> {
    let found: Option<String> = each!(conn, |c| sessions::table
        .filter(sessions::user_uuid.eq(user_uuid).and(sessions::network.eq(network)))
        .filter(sessions::start_ms.gt(since_ms))
        .select(sessions::id)
        .limit(1)
        .get_result(c)
        .optional())?;
    Ok(found.is_some())
}

pub(crate) fn delete_before(conn: &mut Conn, renewed_before_ms: i64) -> QueryResult<usize> {
    diesel::delete(sessions::table.filter(sessions::renewed_ms.lt(renewed_before_ms))).execute(conn)
}
