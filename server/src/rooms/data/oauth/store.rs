//! Tables `data_oauth_logins`, `data_oauth_codes`, `data_oauth_links`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{data_oauth_codes as codes, data_oauth_links as links, data_oauth_logins as logins};
use crate::db::{Conn, each};

/// A login that is at a provider.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = logins)]
pub(super) struct LoginRow {
    pub(super) state_hash: String,
    pub(super) app_id: String,
    pub(super) provider: String,
    pub(super) cookie_hash: String,
    pub(super) nonce: String,
    pub(super) redirect_uri: String,
    pub(super) client_state: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) challenge_method: Option<String>,
    pub(super) expires_ms: i64,
}

/// A code for a token.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = codes)]
pub(super) struct CodeRow {
    pub(super) code_hash: String,
    pub(super) app_id: String,
    pub(super) provider: String,
    pub(super) subject: String,
    pub(super) email: String,
    pub(super) picture: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) challenge_method: Option<String>,
    pub(super) expires_ms: i64,
}

pub(super) fn insert_login(conn: &mut Conn, row: &LoginRow) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(logins::table).values(row).execute(c).map(drop))
}

/// Of two who take it one gets it.
pub(super) fn take_login(conn: &mut Conn, state_hash: &str) -> QueryResult<Option<LoginRow>> {
    let row: Option<LoginRow> = logins::table.find(state_hash).first(conn).optional()?;
    let gone = diesel::delete(logins::table.find(state_hash)).execute(conn)?;
    Ok(row.filter(|_| gone > 0))
}

pub(super) fn insert_code(conn: &mut Conn, row: &CodeRow) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(codes::table).values(row).execute(c).map(drop))
}

/// Of two who take it one gets it.
pub(super) fn take_code(conn: &mut Conn, code_hash: &str) -> QueryResult<Option<CodeRow>> {
    let row: Option<CodeRow> = codes::table.find(code_hash).first(conn).optional()?;
    let gone = diesel::delete(codes::table.find(code_hash)).execute(conn)?;
    Ok(row.filter(|_| gone > 0))
}

pub(super) fn linked(conn: &mut Conn, app_id: &str, provider: &str, subject: &str) -> QueryResult<Option<String>> {
    links::table.find((app_id, provider, subject)).select(links::user_id).first(conn).optional()
}

pub(super) fn link(
    conn: &mut Conn,
    (app_id, provider, subject): (&str, &str, &str),
    user_id: &str,
    now_ms: i64,
) -> QueryResult<()> {
    let row = (
        links::app_id.eq(app_id),
        links::provider.eq(provider),
        links::subject.eq(subject),
        links::user_id.eq(user_id),
        links::created_ms.eq(now_ms),
    );
    each!(conn, |c| diesel::insert_into(links::table).values(row).execute(c).map(drop))
}

pub(super) fn unlink(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<usize> {
    diesel::delete(links::table.filter(links::app_id.eq(app_id).and(links::user_id.eq(user_id)))).execute(conn)
}

pub(super) fn sweep(conn: &mut Conn, now_ms: i64) -> QueryResult<usize> {
    let gone = diesel::delete(logins::table.filter(logins::expires_ms.lt(now_ms))).execute(conn)?;
    Ok(gone + diesel::delete(codes::table.filter(codes::expires_ms.lt(now_ms))).execute(conn)?)
}
