//! Tables `customers` and `customer_mail_tokens`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{customer_mail_tokens as tokens, customers};
use crate::db::{Conn, each};

/// A row of `customers`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = customers)]
pub(super) struct CustomerRow {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) email_valid: bool,
    pub(super) email_sent_ms: i64,
    pub(super) name: String,
    pub(super) first_name: String,
    pub(super) company: Option<String>,
    pub(super) created_ms: i64,
}

pub(super) fn insert(tx: &mut Conn, row: &CustomerRow) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(customers::table).values(row).execute(c).map(drop))
}

pub(super) fn find(conn: &mut Conn, id: &str) -> QueryResult<Option<CustomerRow>> {
    customers::table.find(id).get_result(conn).optional()
}

pub(super) fn by_email(conn: &mut Conn, email: &str) -> QueryResult<Option<CustomerRow>> {
    customers::table.filter(customers::email.eq(email)).get_result(conn).optional()
}

pub(super) fn of(conn: &mut Conn, ids: &[String]) -> QueryResult<Vec<CustomerRow>> {
    customers::table.filter(customers::id.eq_any(ids)).order(customers::id).load(conn)
}

pub(super) fn set_email(tx: &mut Conn, id: &str, email: &str) -> QueryResult<usize> {
    diesel::update(customers::table.find(id))
        .set((customers::email.eq(email), customers::email_valid.eq(false)))
        .execute(tx)
}

pub(super) fn confirm_email(tx: &mut Conn, id: &str) -> QueryResult<usize> {
    diesel::update(customers::table.find(id)).set(customers::email_valid.eq(true)).execute(tx)
}

pub(super) fn set_sent(tx: &mut Conn, id: &str, now_ms: i64) -> QueryResult<usize> {
    diesel::update(customers::table.find(id)).set(customers::email_sent_ms.eq(now_ms)).execute(tx)
}

pub(super) fn set_data(
    tx: &mut Conn,
    id: &str,
    name: &str,
    first_name: &str,
    company: Option<&str>,
) -> QueryResult<usize> {
    diesel::update(customers::table.find(id))
        .set((customers::name.eq(name), customers::first_name.eq(first_name), customers::company.eq(company)))
        .execute(tx)
}

/// Puts a token in the place of an older one of its kind.
pub(super) fn set_token(tx: &mut Conn, id: &str, kind: i32, hash: &str, now_ms: i64) -> QueryResult<()> {
    delete_token(tx, id, kind)?;
    let row =
        (tokens::customer_id.eq(id), tokens::kind.eq(kind), tokens::token_hash.eq(hash), tokens::created_ms.eq(now_ms));
    diesel::insert_into(tokens::table).values(row).execute(tx).map(drop)
}

/// When the newest token of a kind was made.
pub(super) fn token_time(conn: &mut Conn, id: &str, kind: i32) -> QueryResult<Option<i64>> {
    tokens::table.find((id, kind)).select(tokens::created_ms).get_result(conn).optional()
}

/// The customer of a token that is not older than this.
pub(super) fn by_token(conn: &mut Conn, kind: i32, hash: &str, since_ms: i64) -> QueryResult<Option<String>> {
    tokens::table
        .filter(tokens::token_hash.eq(hash).and(tokens::kind.eq(kind)).and(tokens::created_ms.ge(since_ms)))
        .select(tokens::customer_id)
        .get_result(conn)
        .optional()
}

pub(super) fn delete_token(tx: &mut Conn, id: &str, kind: i32) -> QueryResult<usize> {
    diesel::delete(tokens::table.find((id, kind))).execute(tx)
}

pub(super) fn delete_tokens_before(tx: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::created_ms.lt(before_ms))).execute(tx)
}
