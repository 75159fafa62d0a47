//! Tables `key_mfa` and `key_mfa_recovery`: second factors, sealed under the root key.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{key_mfa as mfa, key_mfa_recovery as recovery};

/// `state`: asked for at each login.
pub(in crate::rooms::keys) const IN_FORCE: i32 = 0;
/// `state`: waits for its first code.
pub(in crate::rooms::keys) const UNCONFIRMED: i32 = 1;

/// A recovery key before it is stored.
#[derive(Debug)]
pub(in crate::rooms::keys) struct RecoveryRow {
    pub(in crate::rooms::keys) key_hash: String,
    pub(in crate::rooms::keys) key_sealed: String,
}

pub(in crate::rooms::keys) fn insert(
    conn: &mut Conn,
    user_id: &str,
    state: i32,
    secret_sealed: &str,
    recovery_keys: &[RecoveryRow],
    now_ms: i64,
) -> QueryResult<()> {
    diesel::insert_into(mfa::table)
        .values((
            mfa::user_id.eq(user_id),
            mfa::state.eq(state),
            mfa::last_step.eq(0_i64),
            mfa::created_ms.eq(now_ms),
            mfa::secret_sealed.eq(secret_sealed),
        ))
        .execute(conn)?;
    for (number, key) in (0_i32..).zip(recovery_keys) {
        diesel::insert_into(recovery::table)
            .values((
                recovery::user_id.eq(user_id),
                recovery::state.eq(state),
                recovery::number.eq(number),
                recovery::key_hash.eq(&key.key_hash),
                recovery::key_sealed.eq(&key.key_sealed),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// The sealed secret of a user.
pub(in crate::rooms::keys) fn secret(conn: &mut Conn, user_id: &str, state: i32) -> QueryResult<Option<String>> {
    mfa::table.find((user_id, state)).select(mfa::secret_sealed).get_result(conn).optional()
}

/// Uses the code of a time step up: true for exactly one of any number of callers, and never for an older step.
pub(in crate::rooms::keys) fn take_step(conn: &mut Conn, user_id: &str, state: i32, step: i64) -> QueryResult<bool> {
    let newer = mfa::table.find((user_id, state)).filter(mfa::last_step.lt(step));
    Ok(diesel::update(newer).set(mfa::last_step.eq(step)).execute(conn)? == 1)
}

/// Uses a recovery key up: true for exactly one of any number of callers.
pub(in crate::rooms::keys) fn take_recovery_key(conn: &mut Conn, user_id: &str, hash: &str) -> QueryResult<bool> {
    let key = recovery::user_id.eq(user_id).and(recovery::state.eq(IN_FORCE)).and(recovery::key_hash.eq(hash));
    Ok(diesel::delete(recovery::table.filter(key)).execute(conn)? == 1)
}

/// The sealed recovery keys that are left.
pub(in crate::rooms::keys) fn recovery_keys(conn: &mut Conn, user_id: &str) -> QueryResult<Vec<String>> {
    recovery::table
        .filter(recovery::user_id.eq(user_id).and(recovery::state.eq(IN_FORCE)))
        .order(recovery::number)
        .select(recovery::key_sealed)
        .load(conn)
}

/// Puts the secret that waited in force.
pub(in crate::rooms::keys) fn confirm(conn: &mut Conn, user_id: &str) -> QueryResult<()> {
    diesel::update(mfa::table.find((user_id, UNCONFIRMED))).set(mfa::state.eq(IN_FORCE)).execute(conn)?;
    diesel::update(recovery::table)
        .filter(recovery::user_id.eq(user_id).and(recovery::state.eq(UNCONFIRMED)))
        .set(recovery::state.eq(IN_FORCE))
        .execute(conn)
        .map(drop)
}

/// Removes a second factor; true when there was one.
pub(in crate::rooms::keys) fn delete(conn: &mut Conn, user_id: &str, state: i32) -> QueryResult<bool> {
    diesel::delete(recovery::table)
        .filter(recovery::user_id.eq(user_id).and(recovery::state.eq(state)))
        .execute(conn)?;
    Ok(diesel::delete(mfa::table.find((user_id, state))).execute(conn)? == 1)
}
