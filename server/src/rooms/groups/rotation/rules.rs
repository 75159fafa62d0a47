//! Starting a rotation, what waits for whom, taking the new key.

use keystead_protocol::ErrorCode;
use keystead_protocol::apps::GroupOptions;
use keystead_protocol::groups::AccessBy;
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData, KeyRotationInput, KeyRotationOutput};

use super::store::{self, NewRotation};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::keys::rules as keys;
use crate::rooms::groups::members::rules as members;
use crate::rooms::groups::rank;
use crate::rooms::groups::rules::{Actor, GroupAccess};
use crate::rooms::groups::validate::is_id;
use crate::rooms::keys::rules::{self as user_rules, Session};

/// Starts the rotation of a group's key. `data` has passed [`crate::rooms::groups::validate::rotation`].
///
/// # Errors
/// 301 when the app's option wants a better rank; 304 when the previous key is none of the group, or the starter's public
/// key none of his; 321 when the app's option allows no more this month.
pub fn start(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    options: &GroupOptions,
    data: &KeyRotationData,
) -> KeyResult<KeyRotationOutput> {
    let access = actor.enter(tx)?;
    rank::may_rotate(access.rank, options.min_rank_key_rotation)?;
    let wrapped_by = data.invoker_public_key_id.as_str();
    own_key(tx, actor, &access, wrapped_by)?;
    let starter = Starter { group_id: &access.group_id, member_id: &access.member_id, wrapped_by };
    begin(app, tx, &starter, options, &without_sign_keys(data))
}

/// Starts the rotation of a user's keys on one of his devices. The new key is wrapped for the device's own key, whatever
/// `invoker_public_key_id` says. `data` has passed [`crate::rooms::groups::validate::user_rotation`].
///
/// # Errors
/// 100 when the device is gone; 304 when the previous key, or the one that signs, is none of the user; 321 as [`start`].
pub fn start_user(
    app: &App,
    tx: &mut Conn,
    session: &Session,
    options: &GroupOptions,
    data: &KeyRotationData,
) -> KeyResult<KeyRotationOutput> {
    let (group_id, device_id) = (session.user_group_id.as_str(), session.device_id.as_str());
    enter_user_group(tx, session)?;
    let own = data.signed_by_user_id.as_ref().is_none_or(|id| *id == session.user_id);
    if let (true, Some(id)) = (own, &data.signed_by_user_sign_key_id) {
        keys::known(tx, group_id, std::iter::once(id.as_str()))?;
    }
    // Only the user himself can vouch for his keys.
    let data = if own { data.clone() } else { without_signer(data) };
    begin(app, tx, &Starter { group_id, member_id: device_id, wrapped_by: device_id }, options, &data)
}

/// The new keys that wait for a member, oldest first, at most 50. `with_errors`: also those that could not be encrypted
/// for him; clients of 2022 know no such thing.
///
/// # Errors
/// What the database says.
pub fn waiting(
    conn: &mut Conn,
    group_id: &str,
    member_id: &str,
    with_errors: bool,
) -> KeyResult<Vec<KeyRotationInput>> {
    let item = |row: store::WaitingRow| KeyRotationInput {
        new_group_key_id: row.key_id,
        error: row.error,
        encrypted_ephemeral_key_by_group_key_and_public_key: row.encrypted_ephemeral_key,
        encrypted_eph_key_key_id: row.public_key_id,
        encrypted_group_key_by_ephemeral: row.encrypted_group_key_by_ephemeral,
        previous_group_key_id: row.previous_group_key_id,
        ephemeral_alg: row.ephemeral_alg,
        time: row.created_ms,
    };
    Ok(store::waiting(conn, group_id, member_id, with_errors)?.into_iter().map(item).collect())
}

/// `key_update`: a new key waits that the member can take.
///
/// # Errors
/// What the database says.
pub fn is_waiting(conn: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<bool> {
    Ok(store::is_waiting(conn, group_id, member_id)?)
}

/// The member takes a new key. Who has it already hears that it is well: his first answer may have been lost.
///
/// # Errors
/// 311 when no such key waits for him; 304 when it is not wrapped by a key of his.
pub fn finish(tx: &mut Conn, actor: &Actor, key_id: &str, data: &DoneKeyRotationData) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    own_key(tx, actor, &access, &data.public_key_id)?;
    take(tx, &access.group_id, &access.member_id, &data.public_key_id, key_id, data)
}

/// A device takes a new user key, wrapped by the device's own key.
///
/// # Errors
/// 311 as [`finish`]; 100 when the device is gone.
pub fn finish_user(tx: &mut Conn, session: &Session, key_id: &str, data: &DoneKeyRotationData) -> KeyResult<()> {
    enter_user_group(tx, session)?;
    take(tx, &session.user_group_id, &session.device_id, &session.device_id, key_id, data)
}

/// A member got keys: what he has now does not wait for him any more.
pub(in crate::rooms::groups) fn forget_held(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    Ok(store::delete_held(tx, group_id, member_id)?)
}

/// A member got keys in place of all he had, because his own keys may be others now: what waits for one that is not his
/// any more, he will never take.
pub(in crate::rooms::groups) fn forget_closed(
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    member_group_id: &str,
) -> KeyResult<()> {
    let mut gone = Vec::new();
    for id in store::public_key_ids(tx, group_id, member_id)? {
        if keys::public_key(tx, member_group_id, &id)?.is_none() {
            gone.push(id);
        }
    }
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    Ok(store::delete_for_keys(tx, group_id, member_id, &gone)?)
}

/// What waits for a member who leaves a group.
pub(in crate::rooms::groups) fn delete_of_member(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    Ok(store::delete_of_member(tx, group_id, member_id)?)
}

/// What waits for members who are gone for good.
pub(in crate::rooms::groups) fn delete_everywhere(tx: &mut Conn, member_ids: &[String]) -> KeyResult<()> {
    Ok(store::delete_everywhere(tx, member_ids)?)
}

/// Who makes a new generation of which group, and the id of the key that wraps it for him.
struct Starter<'a> {
    group_id: &'a str,
    member_id: &'a str,
    wrapped_by: &'a str,
}

fn begin(
    app: &App,
    tx: &mut Conn,
    starter: &Starter<'_>,
    options: &GroupOptions,
    data: &KeyRotationData,
) -> KeyResult<KeyRotationOutput> {
    let Starter { group_id, member_id, wrapped_by } = starter;
    keys::known(tx, group_id, std::iter::once(data.previous_group_key_id.as_str()))?;
    let now_ms = app.clock.now_ms();
    let this_month = store::count_since(tx, group_id, month_start_ms(now_ms))?;
    if this_month >= i64::from(options.max_key_rotation_month) {
        return Err(ErrorCode::GroupRotationLimit.into());
    }
    let (key_id, created_ms) = keys::insert_next(app, tx, group_id, member_id, wrapped_by, data)?;
    store::insert(
        tx,
        &NewRotation {
            key_id: &key_id,
            group_id,
            created_ms,
            previous_group_key_id: &data.previous_group_key_id,
            ephemeral_alg: &data.ephemeral_alg,
            encrypted_group_key_by_ephemeral: &data.encrypted_group_key_by_ephemeral,
            encrypted_ephemeral_key: &data.encrypted_ephemeral_key,
            claimed_by: app.rotations.node(),
            claimed_ms: now_ms,
        },
    )?;
    Ok(KeyRotationOutput { group_id: (*group_id).to_owned(), key_id })
}

fn take(
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    wrapped_by: &str,
    key_id: &str,
    data: &DoneKeyRotationData,
) -> KeyResult<()> {
    if !is_id(key_id) {
        return Err(ErrorCode::GroupRotationKeysNotFound.into());
    }
    match store::waits_since(tx, group_id, member_id, key_id)? {
        Some(created_ms) if store::take(tx, group_id, member_id, key_id, created_ms)? => {
            keys::insert_taken(tx, group_id, member_id, wrapped_by, (key_id, created_ms), data)
        }
        _ if keys::has(tx, group_id, member_id, key_id)? => Ok(()),
        _ => Err(ErrorCode::GroupRotationKeysNotFound.into()),
    }
}

/// # Errors
/// 304 when the key is none of the one for whom this group's keys are wrapped: the user, or the group through which he
/// enters.
fn own_key(tx: &mut Conn, actor: &Actor, access: &GroupAccess, key_id: &str) -> KeyResult<()> {
    let owner = match access.access_by {
        AccessBy::User => {
            user_rules::user_group_of(tx, &access.app_id, &actor.user_id)?.ok_or(ErrorCode::UserNotFound)?
        }
        _ => access.member_id.clone(),
    };
    keys::known(tx, &owner, std::iter::once(key_id)).map(drop)
}

/// Takes the lock of the user group and looks at the device again.
fn enter_user_group(tx: &mut Conn, session: &Session) -> KeyResult<()> {
    tx.lock(&session.user_group_id)?;
    match members::find(tx, &session.user_group_id, &session.device_id)? {
        Some(_rank) => Ok(()),
        None => Err(ErrorCode::UserNotFound.into()),
    }
}

fn without_signer(data: &KeyRotationData) -> KeyRotationData {
    KeyRotationData { signed_by_user_id: None, signed_by_user_sign_key_id: None, group_key_sig: None, ..data.clone() }
}

/// Only user groups have a sign key pair.
fn without_sign_keys(data: &KeyRotationData) -> KeyRotationData {
    KeyRotationData {
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
        ..data.clone()
    }
}

/// The first millisecond of the month, UTC. Days to year and month as in "days from civil", which counts years from March.
fn month_start_ms(now_ms: i64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    let day = now_ms.div_euclid(DAY_MS);
    // Days since 1 March of the year 0, and that within a cycle of 400 years.
    let in_cycle = (day + 719_468).rem_euclid(146_097);
    let year = (in_cycle - in_cycle / 1_460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * month + 2) / 5;
    (day - in_month) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::month_start_ms;

    #[test]
    fn months_begin_on_their_first_day() {
        const DAY_MS: i64 = 86_400_000;
        // From 1 March 1970 on, over leap years and the years 2000 and 2100.
        let mut day = 59;
        for year in 1970..2120_i64 {
            for month in [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] {
                let of = if month > 12 { year + 1 } else { year };
                let leap = of % 4 == 0 && (of % 100 != 0 || of % 400 == 0);
                let length = match month {
                    4 | 6 | 9 | 11 => 30,
                    14 if leap => 29,
                    14 => 28,
                    _ => 31,
                };
                for d in [0, 1, length - 1] {
                    assert_eq!(month_start_ms((day + d) * DAY_MS + 12_345), day * DAY_MS, "{year} {month} {d}");
                }
                assert_eq!(month_start_ms((day + length) * DAY_MS - 1), day * DAY_MS);
                day += length;
            }
        }
    }
}
