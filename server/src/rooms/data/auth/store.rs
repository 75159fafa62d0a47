//! Table `data_refresh_tokens`.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::schema::data_refresh_tokens as tokens;
use crate::db::{Conn, each};
use crate::rooms::data::sql::Sql;

pub(super) fn user_of(conn: &mut Conn, app_id: &str, token_hash: &str) -> QueryResult<Option<String>> {
    each!(conn, |c| tokens::table
        .find(token_hash)
        .filter(tokens::app_id.eq(app_id))
        .select(tokens::user_id)
        .first(c)
        .optional())
}

/// A version of an app, the id of a user, and his (attr, JSON).
type Visit = (i64, String, Vec<(i64, String)>);

/// The app if it is not switched off, whose refresh token this is, and his values: `data_refresh_tokens`, `data_apps`, `apps` and
/// `data_triples` in one statement, because it runs at every request of a user.
pub(super) fn visit(conn: &mut Conn, app_id: &str, token_hash: &str) -> QueryResult<Option<Visit>> {
    // The user's values are looked up in the order that is written: docs/adr/0023.
    const SQLITE: &str = "data_triples t ON t.entity = unhex(replace(r.user_id, '-', '')) AND t.slot = x''";
    const POSTGRES: &str = "LATERAL (SELECT * FROM data_triples t \
                            WHERE t.entity = decode(replace(r.user_id, '-', ''), 'hex') AND t.slot = '\\x'::bytea OFFSET 0) t";
    let mut sql = Sql::new(conn);
    sql.text("SELECT a.version, r.user_id, t.attr, t.value FROM data_refresh_tokens r ");
    sql.text("CROSS JOIN data_apps a CROSS JOIN apps p CROSS JOIN ").either(SQLITE, POSTGRES);
    sql.text(" WHERE r.token_hash = ").string(token_hash).text(" AND r.app_id = ").string(app_id);
    sql.text(" AND a.app_id = r.app_id AND p.id = r.app_id AND p.disabled_ms IS NULL");
    let rows: Vec<(i64, String, i64, String)> = sql.load::<(BigInt, Text, BigInt, Text), _>(conn)?;
    let mut rows = rows.into_iter();
    let Some((version, user, attr, value)) = rows.next() else { return Ok(None) };
    let values = std::iter::once((attr, value)).chain(rows.map(|(_, _, attr, value)| (attr, value)));
    Ok(Some((version, user, values.collect())))
}

pub(super) fn insert(conn: &mut Conn, app_id: &str, user_id: &str, token_hash: &str, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(token_hash),
            tokens::app_id.eq(app_id),
            tokens::user_id.eq(user_id),
            tokens::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn delete(conn: &mut Conn, app_id: &str, token_hash: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.find(token_hash).filter(tokens::app_id.eq(app_id))).execute(conn)
}

pub(super) fn delete_of(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::app_id.eq(app_id)).filter(tokens::user_id.eq(user_id))).execute(conn)
}
