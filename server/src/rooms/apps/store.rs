//! Tables `apps` and `app_jwt_keys`, and the server's own settings about apps.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{app_jwt_keys, apps, settings};
use crate::db::{Conn, each};

/// A row of `apps`.
#[derive(Debug, Clone, Queryable, Identifiable, Insertable)]
#[diesel(table_name = apps)]
pub(super) struct AppRow {
    pub(super) id: String,
    /// Counts up with every change, so that caches notice.
    pub(super) version: i64,
    pub(super) disabled_ms: Option<i64>,
    pub(super) name: String,
    pub(super) public_token_hash: String,
    pub(super) secret_token_hash: String,
    pub(super) admin_token_hash: String,
    /// JSON of `EndpointOptions`.
    pub(super) options: String,
    /// JSON of `FileOptions`.
    pub(super) file_options: String,
    /// JSON of `GroupOptions`.
    pub(super) group_options: String,
    pub(super) created_ms: i64,
}

/// A row of `app_jwt_keys`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = app_jwt_keys)]
pub(super) struct JwtKeyRow {
    pub(super) kid: String,
    pub(super) app_id: String,
    pub(super) alg: String,
    pub(super) verify_key: String,
    pub(super) sign_key_sealed: String,
    pub(super) created_ms: i64,
}

pub(super) fn insert(conn: &mut Conn, app: &AppRow) -> QueryResult<()> {
    diesel::insert_into(apps::table)
        .values((
            apps::id.eq(&app.id),
            apps::version.eq(app.version),
            apps::name.eq(&app.name),
            apps::public_token_hash.eq(&app.public_token_hash),
            apps::secret_token_hash.eq(&app.secret_token_hash),
            apps::admin_token_hash.eq(&app.admin_token_hash),
            apps::options.eq(&app.options),
            apps::file_options.eq(&app.file_options),
            apps::group_options.eq(&app.group_options),
            apps::created_ms.eq(app.created_ms),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_jwt_key(conn: &mut Conn, key: &JwtKeyRow) -> QueryResult<()> {
    diesel::insert_into(app_jwt_keys::table)
        .values((
            app_jwt_keys::kid.eq(&key.kid),
            app_jwt_keys::app_id.eq(&key.app_id),
            app_jwt_keys::alg.eq(&key.alg),
            app_jwt_keys::verify_key.eq(&key.verify_key),
            app_jwt_keys::sign_key_sealed.eq(&key.sign_key_sealed),
            app_jwt_keys::created_ms.eq(key.created_ms),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn by_token_hash(conn: &mut Conn, hash: &str) -> QueryResult<Option<AppRow>> {
    apps::table
        .filter(apps::public_token_hash.eq(hash).or(apps::secret_token_hash.eq(hash)))
        .get_result(conn)
        .optional()
}

pub(super) fn by_id(conn: &mut Conn, id: &str) -> QueryResult<Option<AppRow>> {
    apps::table.find(id).get_result(conn).optional()
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Vec<AppRow>> {
    apps::table.filter(apps::name.eq(name)).order((apps::created_ms, apps::id)).load(conn)
}

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<AppRow>> {
    apps::table.order((apps::created_ms, apps::id)).load(conn)
}

pub(super) fn any(conn: &mut Conn) -> QueryResult<bool> {
    Ok(apps::table.select(apps::id).first::<String>(conn).optional()?.is_some())
}

pub(super) fn is_enabled(conn: &mut Conn, id: &str) -> QueryResult<bool> {
    let found: Option<Option<i64>> =
        each!(conn, |c| apps::table.find(id).select(apps::disabled_ms).get_result(c).optional())?;
    Ok(found == Some(None))
}

pub(super) fn version(conn: &mut Conn, id: &str) -> QueryResult<Option<i64>> {
    // Asked at every call: typed statements are found again without building their SQL.
    each!(conn, |c| apps::table.find(id).select(apps::version).get_result(c).optional())
}

/// The keys of an app, the newest last.
pub(super) fn jwt_keys(conn: &mut Conn, app_id: &str) -> QueryResult<Vec<JwtKeyRow>> {
    app_jwt_keys::table
        .filter(app_jwt_keys::app_id.eq(app_id))
        .order((app_jwt_keys::created_ms, app_jwt_keys::kid))
        .load(conn)
}

pub(super) fn delete_jwt_key(conn: &mut Conn, app_id: &str, kid: &str) -> QueryResult<usize> {
    diesel::delete(app_jwt_keys::table.find(kid).filter(app_jwt_keys::app_id.eq(app_id))).execute(conn)
}

/// Makes caches load the app again.
pub(super) fn touch(conn: &mut Conn, id: &str) -> QueryResult<usize> {
    diesel::update(apps::table.find(id)).set(apps::version.eq(apps::version + 1)).execute(conn)
}

/// A setting of the whole server.
pub(super) fn setting(conn: &mut Conn, name: &str) -> QueryResult<Option<String>> {
    settings::table.find(name).select(settings::value).get_result(conn).optional()
}

pub(super) fn set_setting(conn: &mut Conn, name: &str, value: &str) -> QueryResult<()> {
    let row = (settings::name.eq(name), settings::value.eq(value));
    diesel::insert_into(settings::table).values(row).execute(conn).map(drop)
}

pub(super) fn set_name(conn: &mut Conn, id: &str, name: &str) -> QueryResult<usize> {
    diesel::update(apps::table.find(id)).set(apps::name.eq(name)).execute(conn)
}

pub(super) fn delete(conn: &mut Conn, id: &str) -> QueryResult<usize> {
    diesel::delete(apps::table.find(id)).execute(conn)
}

pub(super) fn set_tokens(conn: &mut Conn, id: &str, public: &str, secret: &str, admin: &str) -> QueryResult<usize> {
    diesel::update(apps::table.find(id))
        .set((
            apps::version.eq(apps::version + 1),
            apps::public_token_hash.eq(public),
            apps::secret_token_hash.eq(secret),
            apps::admin_token_hash.eq(admin),
        ))
        .execute(conn)
}

pub(super) fn set_settings(
    conn: &mut Conn,
    id: &str,
    options: &str,
    file_options: &str,
    group_options: &str,
    disabled_ms: Option<i64>,
) -> QueryResult<usize> {
    diesel::update(apps::table.find(id))
        .set((
            apps::version.eq(apps::version + 1),
            apps::options.eq(options),
            apps::file_options.eq(file_options),
            apps::group_options.eq(group_options),
            apps::disabled_ms.eq(disabled_ms),
        ))
        .execute(conn)
}

pub(super) fn admin_token_hash(conn: &mut Conn, id: &str) -> QueryResult<Option<String>> {
    each!(conn, |c| apps::table.find(id).select(apps::admin_token_hash).first(c).optional())
}
