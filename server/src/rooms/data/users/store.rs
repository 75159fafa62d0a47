//! Tables `data_magic_codes`, `data_code_counts`, `data_test_users`.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use keystead_instaql::schema::EntityId;

use crate::db::schema::{data_code_counts as counts, data_magic_codes as codes, data_test_users as test_users};
use crate::db::{Conn, each};
use crate::rooms::data::sql::Sql;

/// When an entity of a namespace was made; `id`: the number of the namespace's id attr.
pub(super) fn created_ms(conn: &mut Conn, id: i64, entity: EntityId) -> QueryResult<Option<i64>> {
    let mut sql = Sql::new(conn);
    sql.text("SELECT created_ms FROM data_triples WHERE entity = ").id(entity).text(" AND attr = ").int(id);
    Ok(sql.load::<BigInt, i64>(conn)?.into_iter().next())
}

pub(super) fn insert_code(
    conn: &mut Conn,
    (app_id, email_hash, code_hash): (&str, &str, &str),
    now_ms: i64,
    expires_ms: i64,
) -> QueryResult<()> {
    let row = (
        codes::app_id.eq(app_id),
        codes::email_hash.eq(email_hash),
        codes::code_hash.eq(code_hash),
        codes::created_ms.eq(now_ms),
        codes::expires_ms.eq(expires_ms),
    );
    let places = (codes::app_id, codes::email_hash, codes::code_hash);
    each!(conn, |c| diesel::insert_into(codes::table)
        .values(row)
        .on_conflict(places)
        .do_update()
        .set((codes::created_ms.eq(now_ms), codes::expires_ms.eq(expires_ms)))
        .execute(c)
        .map(drop))
}

/// Hashes of an address's codes, the newest first.
pub(super) fn codes_of(conn: &mut Conn, app_id: &str, email_hash: &str) -> QueryResult<Vec<String>> {
    codes::table
        .filter(codes::app_id.eq(app_id).and(codes::email_hash.eq(email_hash)))
        .order((codes::created_ms.desc(), codes::code_hash))
        .select(codes::code_hash)
        .load(conn)
}

/// When a code stops being good.
pub(super) fn expiry(conn: &mut Conn, app_id: &str, email_hash: &str, code_hash: &str) -> QueryResult<Option<i64>> {
    each!(conn, |c| codes::table.find((app_id, email_hash, code_hash)).select(codes::expires_ms).first(c).optional())
}

pub(super) fn delete_code(conn: &mut Conn, app_id: &str, email_hash: &str, code_hash: &str) -> QueryResult<usize> {
    each!(conn, |c| diesel::delete(codes::table.find((app_id, email_hash, code_hash))).execute(c))
}

/// (since when, how many)
pub(super) fn count(conn: &mut Conn, app_id: &str, email_hash: &str, what: &str) -> QueryResult<Option<(i64, i64)>> {
    each!(conn, |c| counts::table
        .find((app_id, email_hash, what))
        .select((counts::started_ms, counts::count))
        .first(c)
        .optional())
}

pub(super) fn set_count(
    conn: &mut Conn,
    (app_id, email_hash, what): (&str, &str, &str),
    started_ms: i64,
    count: i64,
) -> QueryResult<()> {
    let row = (
        counts::app_id.eq(app_id),
        counts::email_hash.eq(email_hash),
        counts::what.eq(what),
        counts::started_ms.eq(started_ms),
        counts::count.eq(count),
    );
    each!(conn, |c| diesel::insert_into(counts::table)
        .values(row)
        .on_conflict((counts::app_id, counts::email_hash, counts::what))
        .do_update()
        .set((counts::started_ms.eq(started_ms), counts::count.eq(count)))
        .execute(c)
        .map(drop))
}

pub(super) fn sweep(conn: &mut Conn, expired_ms: i64, counted_ms: i64) -> QueryResult<usize> {
    let gone = diesel::delete(codes::table.filter(codes::expires_ms.lt(expired_ms))).execute(conn)?;
    Ok(gone + diesel::delete(counts::table.filter(counts::started_ms.lt(counted_ms))).execute(conn)?)
}

pub(super) fn test_code(conn: &mut Conn, app_id: &str, email: &str) -> QueryResult<Option<String>> {
    each!(conn, |c| test_users::table.find((app_id, email)).select(test_users::code).first(c).optional())
}

/// (address, code) of all test users.
pub(super) fn test_users(conn: &mut Conn, app_id: &str) -> QueryResult<Vec<(String, String)>> {
    test_users::table
        .filter(test_users::app_id.eq(app_id))
        .order(test_users::email)
        .select((test_users::email, test_users::code))
        .load(conn)
}

pub(super) fn put_test_user(conn: &mut Conn, app_id: &str, email: &str, code: &str, now_ms: i64) -> QueryResult<()> {
    let row = (
        test_users::app_id.eq(app_id),
        test_users::email.eq(email),
        test_users::code.eq(code),
        test_users::created_ms.eq(now_ms),
    );
    each!(conn, |c| diesel::insert_into(test_users::table)
        .values(row)
        .on_conflict((test_users::app_id, test_users::email))
        .do_update()
        .set(test_users::code.eq(code))
        .execute(c)
        .map(drop))
}

pub(super) fn delete_test_user(conn: &mut Conn, app_id: &str, email: &str) -> QueryResult<usize> {
    each!(conn, |c| diesel::delete(test_users::table.find((app_id, email))).execute(c))
}
