//! Whether a caller is plainly right.

use keystead_protocol::groups::AccessBy;
use keystead_protocol::jwt::Claims;

use super::store::{self, DeviceRow};
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::apps::Tenant;
use crate::rooms::groups::rules::GroupAccess;
use crate::rooms::groups::validate::is_id;
use crate::rooms::keys::rules::Session;

/// The session of checked claims in an app that has not changed since `tenant` was loaded.
///
/// # Errors
/// What the database says.
pub fn session(conn: &mut Conn, tenant: &Tenant, claims: &Claims) -> KeyResult<Option<Session>> {
    if !is_id(&claims.sub) {
        return Ok(None);
    }
    let row = store::device(conn, &tenant.id, &claims.sub)?;
    Ok(row.and_then(|row| to_session(row, tenant, claims)))
}

/// As [`session`], with the user's direct membership in a group.
///
/// # Errors
/// What the database says.
pub fn in_group(
    conn: &mut Conn,
    tenant: &Tenant,
    claims: &Claims,
    group_id: &str,
) -> KeyResult<Option<(Session, GroupAccess)>> {
    if !is_id(&claims.sub) || !is_id(group_id) {
        return Ok(None);
    }
    let Some((device, group)) = store::device_in_group(conn, &tenant.id, &claims.sub, group_id)? else {
        return Ok(None);
    };
    let access = GroupAccess {
        group_id: group_id.to_owned(),
        app_id: tenant.id.clone(),
        parent_group_id: group.parent_id,
        is_connected: group.is_connected,
        created_ms: group.created_ms,
        rank: group.rank,
        joined_ms: group.joined_ms,
        access_by: AccessBy::User,
        member_id: device.user_id.clone(),
    };
    Ok(to_session(device, tenant, claims).map(|session| (session, access)))
}

fn to_session(row: DeviceRow, tenant: &Tenant, claims: &Claims) -> Option<Session> {
    let unchanged = row.app_version == tenant.version && !tenant.disabled && row.user_id == claims.aud;
    let issued_ms = claims.iat.saturating_mul(1000);
    // Older than the end of some session of the device: whether of this one, the room knows.
    let plain = unchanged && issued_ms >= row.sessions_ended_ms;
    plain.then(|| Session {
        user_id: row.user_id,
        device_id: claims.sub.clone(),
        user_group_id: row.user_group_id,
        generation: row.generation,
        identifier_hash: row.identifier_hash,
        revoked: issued_ms < row.valid_from_ms,
        valid_from_ms: row.valid_from_ms,
        fresh: claims.fresh,
        session_id: claims.sid.clone(),
    })
}
