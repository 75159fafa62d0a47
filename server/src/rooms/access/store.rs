//! `apps`, `key_devices`, `groups` and `group_members` in one statement. The bodies are per backend: a statement whose type is
//! known is prepared once and found again without building its SQL.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{apps, group_members as members, groups, key_devices as devices};
use crate::db::{Conn, each};

/// `groups.kind` of groups that people make.
const KIND_GROUP: i32 = 0;

/// A device of an app.
#[derive(Debug, Queryable)]
pub(super) struct DeviceRow {
    /// Version of the app's row.
    pub(super) app_version: i64,
    pub(super) user_id: String,
    pub(super) user_group_id: String,
    pub(super) generation: i32,
    pub(super) valid_from_ms: i64,
    pub(super) identifier_hash: String,
    pub(super) sessions_ended_ms: i64,
}

/// A direct membership.
#[derive(Debug, Queryable)]
pub(super) struct GroupRow {
    pub(super) parent_id: Option<String>,
    pub(super) is_connected: bool,
    pub(super) created_ms: i64,
    pub(super) rank: i32,
    pub(super) joined_ms: i64,
}

pub(super) fn device(conn: &mut Conn, app_id: &str, device_id: &str) -> QueryResult<Option<DeviceRow>> {
    each!(conn, |c| devices::table
        .inner_join(apps::table.on(apps::id.eq(devices::app_id)))
        .filter(devices::id.eq(device_id).and(devices::app_id.eq(app_id)))
        .select((
            apps::version,
            devices::user_id,
            devices::user_group_id,
            devices::generation,
            devices::valid_from_ms,
            devices::identifier_hash,
            devices::sessions_ended_ms,
        ))
        .get_result(c)
        .optional())
}

pub(super) fn device_in_group(
    conn: &mut Conn,
    app_id: &str,
    device_id: &str,
    group_id: &str,
) -> QueryResult<Option<(DeviceRow, GroupRow)>> {
    each!(conn, |c| devices::table
        .inner_join(apps::table.on(apps::id.eq(devices::app_id)))
        .inner_join(members::table.on(members::member_id.eq(devices::user_id)))
        .inner_join(groups::table.on(groups::id.eq(members::group_id)))
        .filter(devices::id.eq(device_id).and(devices::app_id.eq(app_id)))
        .filter(members::group_id.eq(group_id))
        .filter(groups::app_id.eq(app_id).and(groups::kind.eq(KIND_GROUP)))
        .select((
            (
                apps::version,
                devices::user_id,
                devices::user_group_id,
                devices::generation,
                devices::valid_from_ms,
                devices::identifier_hash,
                devices::sessions_ended_ms,
            ),
            (groups::parent_id, groups::is_connected, groups::created_ms, members::rank, members::joined_ms),
        ))
        .get_result(c)
        .optional())
}
