//! Table `iam_provider_users`: who somebody is elsewhere.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::iam_provider_users as links;

/// User id of a person of a provider.
pub(crate) fn find(conn: &mut Conn, app_id: &str, provider: &str, subject: &str) -> QueryResult<Option<String>> {
    links::table
        .filter(links::app_id.eq(app_id).and(links::provider.eq(provider)))
        .filter(links::provider_user_id.eq(subject))
        .select(links::user_uuid)
        .get_result(conn)
        .optional()
}

pub(crate) fn insert(
    conn: &mut Conn,
    app_id: &str,
    provider: &str,
    subject: &str,
    user_uuid: &str,
    now_ms: i64,
) -> QueryResult<()> {
    diesel::insert_into(links::table)
        .values((
            links::app_id.eq(app_id),
            links::provider.eq(provider),
            links::provider_user_id.eq(subject),
            links::user_uuid.eq(user_uuid),
            links::created_ms.eq(now_ms),
        ))
        .execute(conn)
        .map(drop)
}
