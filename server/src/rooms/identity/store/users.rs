//! Table `iam_users`.

use diesel::QueryResult;
use diesel::prelude::*;

use super::super::model::{Role, User};
use crate::db::schema::iam_users as users;
use crate::db::{Conn, each};

/// An account that is being made.
#[derive(Debug, Insertable)]
#[diesel(table_name = users)]
pub(crate) struct NewUser<'a> {
    pub(crate) uuid: &'a str,
    pub(crate) app_id: &'a str,
    pub(crate) email: &'a str,
    pub(crate) email_key: &'a str,
    pub(crate) password_hash: &'a str,
    pub(crate) avatar: Option<&'a str>,
    pub(crate) permissions: Option<&'a str>,
    pub(crate) first_name: &'a str,
    pub(crate) last_name: &'a str,
    pub(crate) role: &'a str,
    pub(crate) email_verified: bool,
    pub(crate) is_active: bool,
    pub(crate) last_login_ms: Option<i64>,
    pub(crate) created_ms: i64,
}

/// Columns that an update may write; `None` leaves one as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = users)]
pub(crate) struct Changes {
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) avatar: Option<Option<String>>,
    pub(crate) permissions: Option<Option<String>>,
    pub(crate) role: Option<String>,
    pub(crate) is_active: Option<bool>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) updated_ms: Option<i64>,
}

pub(crate) fn insert(conn: &mut Conn, user: &NewUser<'_>) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(users::table).values(user).execute(c).map(drop))
}

pub(crate) fn by_email(conn: &mut Conn, app_id: &str, email_key: &str) -> QueryResult<Option<User>> {
    each!(conn, |c| users::table
        .filter(users::app_id.eq(app_id).and(users::email_key.eq(email_key)))
        .select(User::as_select())
        .get_result(c)
        .optional())
}

pub(crate) fn by_uuid(conn: &mut Conn, app_id: &str, uuid: &str) -> QueryResult<Option<User>> {
    each!(conn, |c| users::table
        .filter(users::uuid.eq(uuid).and(users::app_id.eq(app_id)))
        .select(User::as_select())
        .get_result(c)
        .optional())
}

pub(crate) fn page(conn: &mut Conn, app_id: &str, skip: i64, take: i64) -> QueryResult<Vec<User>> {
    each!(conn, |c| users::table
        .filter(users::app_id.eq(app_id))
        .order(users::id.asc())
        .offset(skip)
        .limit(take)
        .select(User::as_select())
        .load(c))
}

pub(crate) fn change(conn: &mut Conn, uuid: &str, changes: &Changes) -> QueryResult<usize> {
    each!(conn, |c| diesel::update(users::table.filter(users::uuid.eq(uuid))).set(changes).execute(c))
}

pub(crate) fn set_password(
    conn: &mut Conn,
    uuid: &str,
    hash: &str,
    expires_ms: Option<i64>,
    now_ms: i64,
) -> QueryResult<usize> {
    each!(conn, |c| diesel::update(users::table.filter(users::uuid.eq(uuid)))
        .set((
            users::password_hash.eq(hash),
            users::password_expires_ms.eq(expires_ms),
            users::updated_ms.eq(Some(now_ms)),
        ))
        .execute(c))
}

/// The same password, hashed at another cost.
pub(crate) fn rehash(conn: &mut Conn, uuid: &str, hash: &str) -> QueryResult<usize> {
    each!(conn, |c| diesel::update(users::table.filter(users::uuid.eq(uuid)))
        .set(users::password_hash.eq(hash))
        .execute(c))
}

pub(crate) fn set_last_login(conn: &mut Conn, uuid: &str, now_ms: i64) -> QueryResult<usize> {
    each!(conn, |c| diesel::update(users::table.filter(users::uuid.eq(uuid)))
        .set(users::last_login_ms.eq(Some(now_ms)))
        .execute(c))
}

/// Active administrators with a verified address, without one user.
pub(crate) fn count_other_admins(conn: &mut Conn, app_id: &str, uuid: &str) -> QueryResult<i64> {
    users::table
        .filter(users::app_id.eq(app_id).and(users::role.eq(Role::SuperAdmin.name())))
        .filter(users::email_verified.eq(true).and(users::is_active.eq(true)))
        .filter(users::uuid.ne(uuid))
        .count()
        .get_result(conn)
}
