//! Tables `group_keys`, `group_member_keys` and `group_search_keys`.

use diesel::QueryResult;
use diesel::prelude::*;
use keystead_protocol::groups::PAGE_SIZE;

use crate::db::schema::{group_keys as keys, group_member_keys as wrapped, group_search_keys as search};
use crate::db::{Conn, each};
use crate::rooms::groups::store::{ascending, descending};
use crate::web::call::Page;

/// `group_search_keys.kind`: HMAC key of searchable content.
pub(super) const KIND_HMAC: i32 = 0;
/// `group_search_keys.kind`: order-preserving key of sortable content.
pub(super) const KIND_SORTABLE: i32 = 1;

/// A generation as one member sees it.
#[derive(Debug, Queryable)]
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) created_ms: i64,
    pub(super) encrypted_group_key: String,
    pub(super) user_public_key_id: String,
    pub(super) group_key_alg: String,
    pub(super) keypair_encrypt_alg: String,
    pub(super) keypair_sign_alg: Option<String>,
    pub(super) signed_by_user_id: Option<String>,
    pub(super) signed_by_user_sign_key_id: Option<String>,
    pub(super) public_group_key: String,
    pub(super) encrypted_private_group_key: String,
    pub(super) verify_key: Option<String>,
    pub(super) encrypted_sign_key: Option<String>,
    pub(super) public_key_sig: Option<String>,
    pub(super) group_key_sig: Option<String>,
}

type KeyColumns = (
    wrapped::key_id,
    wrapped::key_created_ms,
    wrapped::encrypted_group_key,
    wrapped::user_public_key_id,
    keys::group_key_alg,
    keys::keypair_encrypt_alg,
    keys::keypair_sign_alg,
    keys::signed_by_user_id,
    keys::signed_by_user_sign_key_id,
    keys::public_group_key,
    keys::encrypted_private_group_key,
    keys::verify_key,
    keys::encrypted_sign_key,
    keys::public_key_sig,
    keys::group_key_sig,
);

const KEY_COLUMNS: KeyColumns = (
    wrapped::key_id,
    wrapped::key_created_ms,
    wrapped::encrypted_group_key,
    wrapped::user_public_key_id,
    keys::group_key_alg,
    keys::keypair_encrypt_alg,
    keys::keypair_sign_alg,
    keys::signed_by_user_id,
    keys::signed_by_user_sign_key_id,
    keys::public_group_key,
    keys::encrypted_private_group_key,
    keys::verify_key,
    keys::encrypted_sign_key,
    keys::public_key_sig,
    keys::group_key_sig,
);

/// A new row of `group_keys`.
#[derive(Debug)]
pub(super) struct NewKey<'a> {
    pub(super) id: &'a str,
    pub(super) group_id: &'a str,
    pub(super) created_ms: i64,
    pub(super) group_key_alg: &'a str,
    pub(super) keypair_encrypt_alg: &'a str,
    pub(super) keypair_sign_alg: Option<&'a str>,
    pub(super) signed_by_user_id: Option<&'a str>,
    pub(super) signed_by_user_sign_key_id: Option<&'a str>,
    pub(super) public_group_key: &'a str,
    pub(super) encrypted_private_group_key: &'a str,
    pub(super) verify_key: Option<&'a str>,
    pub(super) encrypted_sign_key: Option<&'a str>,
    pub(super) public_key_sig: Option<&'a str>,
    pub(super) group_key_sig: Option<&'a str>,
}

/// A new row of `group_member_keys`.
#[derive(Debug, Insertable)]
#[diesel(table_name = wrapped)]
pub(super) struct NewWrappedKey<'a> {
    pub(super) member_id: &'a str,
    pub(super) group_id: &'a str,
    pub(super) key_created_ms: i64,
    pub(super) key_id: &'a str,
    pub(super) encrypted_group_key_alg: &'a str,
    pub(super) user_public_key_id: &'a str,
    pub(super) encrypted_group_key: &'a str,
}

/// A row of `group_search_keys`.
#[derive(Debug, Queryable)]
pub(super) struct SearchRow {
    pub(super) id: String,
    pub(super) kind: i32,
    pub(super) alg: String,
    pub(super) encryption_key_id: String,
    pub(super) encrypted_key: String,
    pub(super) created_ms: i64,
}

/// The public half of a generation.
#[derive(Debug, Queryable)]
pub(super) struct PublicRow {
    pub(super) id: String,
    pub(super) public_group_key: String,
    pub(super) keypair_encrypt_alg: String,
    pub(super) public_key_sig: Option<String>,
    pub(super) verify_key: Option<String>,
    pub(super) keypair_sign_alg: Option<String>,
    pub(super) signed_by_user_sign_key_id: Option<String>,
    pub(super) group_key_sig: Option<String>,
}

type PublicColumns = (
    keys::id,
    keys::public_group_key,
    keys::keypair_encrypt_alg,
    keys::public_key_sig,
    keys::verify_key,
    keys::keypair_sign_alg,
    keys::signed_by_user_sign_key_id,
    keys::group_key_sig,
);

const PUBLIC_COLUMNS: PublicColumns = (
    keys::id,
    keys::public_group_key,
    keys::keypair_encrypt_alg,
    keys::public_key_sig,
    keys::verify_key,
    keys::keypair_sign_alg,
    keys::signed_by_user_sign_key_id,
    keys::group_key_sig,
);

pub(super) fn insert(tx: &mut Conn, key: &NewKey<'_>) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(keys::table)
        .values((
            keys::id.eq(key.id),
            keys::group_id.eq(key.group_id),
            keys::created_ms.eq(key.created_ms),
            keys::group_key_alg.eq(key.group_key_alg),
            keys::keypair_encrypt_alg.eq(key.keypair_encrypt_alg),
            keys::keypair_sign_alg.eq(key.keypair_sign_alg),
            keys::signed_by_user_id.eq(key.signed_by_user_id),
            keys::signed_by_user_sign_key_id.eq(key.signed_by_user_sign_key_id),
            keys::public_group_key.eq(key.public_group_key),
            keys::encrypted_private_group_key.eq(key.encrypted_private_group_key),
            keys::verify_key.eq(key.verify_key),
            keys::encrypted_sign_key.eq(key.encrypted_sign_key),
            keys::public_key_sig.eq(key.public_key_sig),
            keys::group_key_sig.eq(key.group_key_sig),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn insert_wrapped(tx: &mut Conn, rows: &[NewWrappedKey<'_>]) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(wrapped::table).values(rows).execute(c).map(drop))
}

pub(super) fn insert_search_key(tx: &mut Conn, group_id: &str, row: &SearchRow) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(search::table)
        .values((
            search::id.eq(&row.id),
            search::group_id.eq(group_id),
            search::kind.eq(row.kind),
            search::alg.eq(&row.alg),
            search::encryption_key_id.eq(&row.encryption_key_id),
            search::encrypted_key.eq(&row.encrypted_key),
            search::created_ms.eq(row.created_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn oldest_first(conn: &mut Conn, group_id: &str, member_id: &str, page: &Page) -> QueryResult<Vec<KeyRow>> {
    let (time, id) = ascending(page);
    each!(conn, |c| wrapped::table
        .inner_join(keys::table.on(keys::id.eq(wrapped::key_id)))
        .filter(wrapped::member_id.eq(member_id).and(wrapped::group_id.eq(group_id)))
        .filter(wrapped::key_created_ms.ge(time))
        .filter(wrapped::key_created_ms.gt(time).or(wrapped::key_id.gt(id)))
        .order((wrapped::key_created_ms.asc(), wrapped::key_id.asc()))
        .limit(PAGE_SIZE)
        .select(KEY_COLUMNS)
        .load(c))
}

pub(super) fn newest_first(conn: &mut Conn, group_id: &str, member_id: &str, page: &Page) -> QueryResult<Vec<KeyRow>> {
    let (time, id) = descending(page);
    each!(conn, |c| wrapped::table
        .inner_join(keys::table.on(keys::id.eq(wrapped::key_id)))
        .filter(wrapped::member_id.eq(member_id).and(wrapped::group_id.eq(group_id)))
        .filter(wrapped::key_created_ms.le(time))
        .filter(wrapped::key_created_ms.lt(time).or(wrapped::key_id.gt(id)))
        .order((wrapped::key_created_ms.desc(), wrapped::key_id.asc()))
        .limit(PAGE_SIZE)
        .select(KEY_COLUMNS)
        .load(c))
}

pub(super) fn one(conn: &mut Conn, group_id: &str, member_id: &str, key_id: &str) -> QueryResult<Option<KeyRow>> {
    wrapped::table
        .inner_join(keys::table.on(keys::id.eq(wrapped::key_id)))
        .filter(wrapped::member_id.eq(member_id).and(wrapped::group_id.eq(group_id)))
        .filter(wrapped::key_id.eq(key_id))
        .select(KEY_COLUMNS)
        .get_result(conn)
        .optional()
}

/// Search and sort keys of a group, newest first.
pub(super) fn search_keys(conn: &mut Conn, group_id: &str) -> QueryResult<Vec<SearchRow>> {
    each!(conn, |c| search::table
        .filter(search::group_id.eq(group_id))
        .order((search::created_ms.desc(), search::id.asc()))
        .select((
            search::id,
            search::kind,
            search::alg,
            search::encryption_key_id,
            search::encrypted_key,
            search::created_ms,
        ))
        .load(c))
}

pub(super) fn newest_public(conn: &mut Conn, group_id: &str) -> QueryResult<Option<PublicRow>> {
    keys::table
        .filter(keys::group_id.eq(group_id))
        .order((keys::created_ms.desc(), keys::id.asc()))
        .select(PUBLIC_COLUMNS)
        .first(conn)
        .optional()
}

/// The newest public key of each of these groups, with the group's id.
pub(super) fn newest_publics(conn: &mut Conn, group_ids: &[&str]) -> QueryResult<Vec<(String, PublicRow)>> {
    // At one time, ids ascend: as in `newest_public`.
    let newer = diesel::alias!(keys as newer);
    let (group_id, created_ms, id) =
        (newer.field(keys::group_id), newer.field(keys::created_ms), newer.field(keys::id));
    let is_newer = created_ms.gt(keys::created_ms).or(created_ms.eq(keys::created_ms).and(id.lt(keys::id)));
    keys::table
        .filter(keys::group_id.eq_any(group_ids))
        .filter(diesel::dsl::not(diesel::dsl::exists(newer.filter(group_id.eq(keys::group_id).and(is_newer)))))
        .select((keys::group_id, PUBLIC_COLUMNS))
        .load(conn)
}

/// When the newest generation of a group was made.
pub(super) fn newest_ms(conn: &mut Conn, group_id: &str) -> QueryResult<Option<i64>> {
    keys::table
        .filter(keys::group_id.eq(group_id))
        .order(keys::created_ms.desc())
        .limit(1)
        .select(keys::created_ms)
        .get_result(conn)
        .optional()
}

pub(super) fn public(conn: &mut Conn, group_id: &str, key_id: &str) -> QueryResult<Option<PublicRow>> {
    keys::table.find(key_id).filter(keys::group_id.eq(group_id)).select(PUBLIC_COLUMNS).get_result(conn).optional()
}

pub(super) fn ids(conn: &mut Conn, group_id: &str) -> QueryResult<Vec<String>> {
    keys::table.filter(keys::group_id.eq(group_id)).order((keys::created_ms, keys::id)).select(keys::id).load(conn)
}

/// Those of the ids that are keys of the group, with their times of creation.
pub(super) fn known(conn: &mut Conn, group_id: &str, ids: &[&str]) -> QueryResult<Vec<(String, i64)>> {
    keys::table
        .filter(keys::group_id.eq(group_id).and(keys::id.eq_any(ids)))
        .select((keys::id, keys::created_ms))
        .load(conn)
}

/// Key ids for which a member has a wrapped key, each with the id of the public key that wraps it.
pub(super) fn wrapped_ids(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<Vec<(String, String)>> {
    wrapped::table
        .filter(wrapped::member_id.eq(member_id).and(wrapped::group_id.eq(group_id)))
        .select((wrapped::key_id, wrapped::user_public_key_id))
        .load(conn)
}

pub(super) fn delete_wrapped(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    diesel::delete(wrapped::table)
        .filter(wrapped::member_id.eq(member_id).and(wrapped::group_id.eq(group_id)))
        .execute(tx)
        .map(drop)
}

pub(super) fn delete_wrapped_everywhere(tx: &mut Conn, member_ids: &[String]) -> QueryResult<()> {
    diesel::delete(wrapped::table).filter(wrapped::member_id.eq_any(member_ids)).execute(tx).map(drop)
}
