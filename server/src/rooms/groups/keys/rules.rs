//! Reading and writing the keys of a group. The server never opens one; it keeps order, owners and ids.

use std::collections::HashMap;

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{GroupCreateData, GroupKey, HmacKey, MemberKey, SortableKey};
use keystead_protocol::keys::{PublicKeyData, VerifyKeyData, VerifyKeyProof};
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData};

use super::store::{self, KeyRow, NewKey, NewWrappedKey, PublicRow, SearchRow};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::rotation::rules as rotation;
use crate::rooms::groups::validate::is_id;
use crate::web::call::Page;

/// Which end of a key list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// What clients of today want: they encrypt with the first key.
    NewestFirst,
    /// What clients of the npm 0.3.1 kind want for groups: they encrypt with the last key.
    OldestFirst,
}

/// A page of at most 50 generations, as the member sees them. At one time, ids ascend in either order.
///
/// # Errors
/// What the database says.
pub fn page(conn: &mut Conn, group_id: &str, member_id: &str, page: &Page, order: Order) -> KeyResult<Vec<GroupKey>> {
    let rows = match order {
        Order::NewestFirst => store::newest_first(conn, group_id, member_id, page)?,
        Order::OldestFirst => store::oldest_first(conn, group_id, member_id, page)?,
    };
    Ok(rows.into_iter().map(group_key).collect())
}

/// One generation, as the member sees it.
///
/// # Errors
/// 304 when the group has no such key, or the member has no part in it.
pub fn one(conn: &mut Conn, group_id: &str, member_id: &str, key_id: &str) -> KeyResult<GroupKey> {
    let row = if is_id(key_id) { store::one(conn, group_id, member_id, key_id)? } else { None };
    Ok(group_key(row.ok_or(ErrorCode::GroupKeyNotFound)?))
}

/// The search and sort keys of a group, newest first.
///
/// # Errors
/// What the database says.
pub fn search_keys(conn: &mut Conn, group_id: &str) -> KeyResult<(Vec<HmacKey>, Vec<SortableKey>)> {
    let (mut hmac, mut sortable) = (Vec::new(), Vec::new());
    for row in store::search_keys(conn, group_id)? {
        match row.kind {
            store::KIND_HMAC => hmac.push(HmacKey {
                id: row.id,
                encrypted_hmac_key: row.encrypted_key,
                encrypted_hmac_alg: row.alg,
                encrypted_hmac_encryption_key_id: row.encryption_key_id,
                time: row.created_ms,
            }),
            _ => sortable.push(SortableKey {
                id: row.id,
                encrypted_sortable_key: row.encrypted_key,
                encrypted_sortable_alg: row.alg,
                encrypted_sortable_encryption_key_id: row.encryption_key_id,
                time: row.created_ms,
            }),
        }
    }
    Ok((hmac, sortable))
}

/// The newest public key of a group.
///
/// # Errors
/// What the database says.
pub fn newest_public_key(conn: &mut Conn, group_id: &str) -> KeyResult<Option<PublicKeyData>> {
    Ok(store::newest_public(conn, group_id)?.map(public_key_data))
}

/// The newest public key of each of these groups, by the group's id. A group without keys is not in it.
///
/// # Errors
/// What the database says.
pub fn newest_public_keys(conn: &mut Conn, group_ids: &[&str]) -> KeyResult<HashMap<String, PublicKeyData>> {
    let rows = store::newest_publics(conn, group_ids)?;
    Ok(rows.into_iter().map(|(group_id, row)| (group_id, public_key_data(row))).collect())
}

/// The public key with this id, if it is one of the group.
///
/// # Errors
/// What the database says.
pub fn public_key(conn: &mut Conn, group_id: &str, key_id: &str) -> KeyResult<Option<PublicKeyData>> {
    Ok(public(conn, group_id, key_id)?.map(public_key_data))
}

/// The newest verify key of a user group.
///
/// # Errors
/// What the database says.
pub fn newest_verify_key(conn: &mut Conn, group_id: &str) -> KeyResult<Option<VerifyKeyData>> {
    Ok(store::newest_public(conn, group_id)?.and_then(verify_key_data))
}

/// The verify key with this id, if it is one of the user group, and the word of an older one for it.
///
/// # Errors
/// What the database says.
pub fn verify_key(
    conn: &mut Conn,
    group_id: &str,
    key_id: &str,
) -> KeyResult<Option<(VerifyKeyData, Option<VerifyKeyProof>)>> {
    let Some(mut row) = public(conn, group_id, key_id)? else { return Ok(None) };
    let proof = match (row.signed_by_user_sign_key_id.take(), row.group_key_sig.take()) {
        (Some(signed_by_key_id), Some(sig)) => Some(VerifyKeyProof { signed_by_key_id, sig }),
        _ => None,
    };
    Ok(verify_key_data(row).map(|key| (key, proof)))
}

/// The ids of all generations of a group, oldest first.
///
/// # Errors
/// What the database says.
pub fn key_ids(conn: &mut Conn, group_id: &str) -> KeyResult<Vec<String>> {
    Ok(store::ids(conn, group_id)?)
}

/// The first generation of a new group, wrapped for one member by his key `wrapped_by`, and the search keys.
pub(in crate::rooms::groups) fn insert_first(
    app: &App,
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    wrapped_by: &str,
    data: &GroupCreateData,
    now_ms: i64,
) -> KeyResult<()> {
    let id = app.row_id();
    store::insert(
        tx,
        &NewKey {
            id: &id,
            group_id,
            created_ms: now_ms,
            group_key_alg: &data.group_key_alg,
            keypair_encrypt_alg: &data.keypair_encrypt_alg,
            keypair_sign_alg: data.keypair_sign_alg.as_deref(),
            signed_by_user_id: data.signed_by_user_id.as_deref(),
            signed_by_user_sign_key_id: data.signed_by_user_sign_key_id.as_deref(),
            public_group_key: &data.public_group_key,
            encrypted_private_group_key: &data.encrypted_private_group_key,
            verify_key: data.verify_key.as_deref(),
            encrypted_sign_key: data.encrypted_sign_key.as_deref(),
            public_key_sig: data.public_key_sig.as_deref(),
            group_key_sig: data.group_key_sig.as_deref(),
        },
    )?;
    let wrapped = NewWrappedKey {
        member_id,
        group_id,
        key_created_ms: now_ms,
        key_id: &id,
        encrypted_group_key_alg: &data.encrypted_group_key_alg,
        user_public_key_id: wrapped_by,
        encrypted_group_key: &data.encrypted_group_key,
    };
    store::insert_wrapped(tx, &[wrapped])?;
    let search_keys = [
        (store::KIND_HMAC, &data.encrypted_hmac_key, &data.encrypted_hmac_alg),
        (store::KIND_SORTABLE, &data.encrypted_sortable_key, &data.encrypted_sortable_alg),
    ];
    for (kind, key, alg) in search_keys {
        if let (Some(key), Some(alg)) = (key, alg) {
            let (alg, encrypted_key, encryption_key_id) = (alg.clone(), key.clone(), id.clone());
            let row = SearchRow { id: app.row_id(), kind, alg, encryption_key_id, encrypted_key, created_ms: now_ms };
            store::insert_search_key(tx, group_id, &row)?;
        }
    }
    Ok(())
}

/// A further generation, wrapped for the member who made it by his key `wrapped_by`. Gives its id and its time, which is
/// after that of all others, whatever the clock says: the newest key is found by it.
pub(in crate::rooms::groups) fn insert_next(
    app: &App,
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    wrapped_by: &str,
    data: &KeyRotationData,
) -> KeyResult<(String, i64)> {
    let newest_ms = store::newest_ms(tx, group_id)?.ok_or(ErrorCode::GroupKeyNotFound)?;
    let (id, created_ms) = (app.row_id(), app.clock.now_ms().max(newest_ms + 1));
    store::insert(
        tx,
        &NewKey {
            id: &id,
            group_id,
            created_ms,
            group_key_alg: &data.group_key_alg,
            keypair_encrypt_alg: &data.keypair_encrypt_alg,
            keypair_sign_alg: data.keypair_sign_alg.as_deref(),
            signed_by_user_id: data.signed_by_user_id.as_deref(),
            signed_by_user_sign_key_id: data.signed_by_user_sign_key_id.as_deref(),
            public_group_key: &data.public_group_key,
            encrypted_private_group_key: &data.encrypted_private_group_key,
            verify_key: data.verify_key.as_deref(),
            encrypted_sign_key: data.encrypted_sign_key.as_deref(),
            public_key_sig: data.public_key_sig.as_deref(),
            group_key_sig: data.group_key_sig.as_deref(),
        },
    )?;
    let wrapped = NewWrappedKey {
        member_id,
        group_id,
        key_created_ms: created_ms,
        key_id: &id,
        encrypted_group_key_alg: &data.encrypted_group_key_alg,
        user_public_key_id: wrapped_by,
        encrypted_group_key: &data.encrypted_group_key_by_user,
    };
    store::insert_wrapped(tx, &[wrapped])?;
    Ok((id, created_ms))
}

/// A generation that a member takes over from a rotation. The caller knows that he has not got it yet.
pub(in crate::rooms::groups) fn insert_taken(
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    wrapped_by: &str,
    (key_id, created_ms): (&str, i64),
    data: &DoneKeyRotationData,
) -> KeyResult<()> {
    let wrapped = NewWrappedKey {
        member_id,
        group_id,
        key_created_ms: created_ms,
        key_id,
        encrypted_group_key_alg: &data.encrypted_alg,
        user_public_key_id: wrapped_by,
        encrypted_group_key: &data.encrypted_new_group_key,
    };
    Ok(store::insert_wrapped(tx, &[wrapped])?)
}

/// True when the member has a share in this generation.
pub(in crate::rooms::groups) fn has(conn: &mut Conn, group_id: &str, member_id: &str, key_id: &str) -> KeyResult<bool> {
    Ok(store::one(conn, group_id, member_id, key_id)?.is_some())
}

/// What a member gets when keys are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rooms::groups) enum Existing {
    /// All his wrapped keys go, the new ones take their place.
    Replace,
    /// A key that he has stays as it is: a later upload must not spoil it.
    Keep,
}

/// Stores group keys wrapped for a member.
///
/// # Errors
/// 304 for a `key_id` that is no key of the group, or a `user_public_key_id` that is no key of the member.
pub(in crate::rooms::groups) fn insert_for_member(
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    member_group_id: &str,
    new: &[MemberKey],
    existing: Existing,
) -> KeyResult<()> {
    known(tx, member_group_id, new.iter().map(|k| k.user_public_key_id.as_str()))?;
    insert_wrapped(tx, group_id, member_id, None, new, existing)?;
    match existing {
        Existing::Replace => rotation::forget_closed(tx, group_id, member_id, member_group_id),
        Existing::Keep => Ok(()),
    }
}

/// Stores user keys wrapped for a device, by the device's own key: its id is the device id.
///
/// # Errors
/// 304 for a `key_id` that is no key of the user group.
pub(in crate::rooms::groups) fn insert_for_device(
    tx: &mut Conn,
    user_group_id: &str,
    device_id: &str,
    new: &[MemberKey],
    existing: Existing,
) -> KeyResult<()> {
    insert_wrapped(tx, user_group_id, device_id, Some(device_id), new, existing)
}

/// `wrapped_by` stands for the `user_public_key_id` of all keys where there is only one it could be.
fn insert_wrapped(
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    wrapped_by: Option<&str>,
    new: &[MemberKey],
    existing: Existing,
) -> KeyResult<()> {
    let times = known(tx, group_id, new.iter().map(|k| k.key_id.as_str()))?;
    let kept = match existing {
        Existing::Replace => {
            store::delete_wrapped(tx, group_id, member_id)?;
            HashMap::new()
        }
        Existing::Keep => store::wrapped_ids(tx, group_id, member_id)?.into_iter().collect(),
    };
    let mut rows = Vec::with_capacity(new.len());
    for key in new.iter().filter(|k| !kept.contains_key(&k.key_id)) {
        rows.push(NewWrappedKey {
            member_id,
            group_id,
            key_created_ms: *times.get(&key.key_id).ok_or(ErrorCode::GroupKeyNotFound)?,
            key_id: &key.key_id,
            encrypted_group_key_alg: &key.encrypted_alg,
            user_public_key_id: wrapped_by.unwrap_or(&key.user_public_key_id),
            encrypted_group_key: &key.encrypted_group_key,
        });
    }
    if !rows.is_empty() {
        store::insert_wrapped(tx, &rows)?;
    }
    rotation::forget_held(tx, group_id, member_id)
}

/// True when none of the member's wrapped keys can be opened with a key that he has now: he has made his account anew.
pub(in crate::rooms::groups) fn are_stale(
    conn: &mut Conn,
    group_id: &str,
    member_id: &str,
    member_group_id: &str,
) -> KeyResult<bool> {
    let mut used: Vec<String> =
        store::wrapped_ids(conn, group_id, member_id)?.into_iter().map(|(_key, wrapped_by)| wrapped_by).collect();
    used.sort_unstable();
    used.dedup();
    let used: Vec<&str> = used.iter().map(String::as_str).collect();
    Ok(store::known(conn, member_group_id, &used)?.is_empty())
}

/// The wrapped keys of a member who leaves a group, and the new ones that wait for him.
pub(in crate::rooms::groups) fn delete_of_member(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    rotation::delete_of_member(tx, group_id, member_id)?;
    Ok(store::delete_wrapped(tx, group_id, member_id)?)
}

/// The wrapped keys of members who are gone for good, and the new ones that wait for them.
pub(in crate::rooms::groups) fn delete_everywhere(tx: &mut Conn, member_ids: &[String]) -> KeyResult<()> {
    rotation::delete_everywhere(tx, member_ids)?;
    Ok(store::delete_wrapped_everywhere(tx, member_ids)?)
}

/// The times of these keys of a group.
///
/// # Errors
/// 304 when one of them is no key of the group.
pub(in crate::rooms::groups) fn known<'a>(
    conn: &mut Conn,
    group_id: &str,
    ids: impl Iterator<Item = &'a str>,
) -> KeyResult<HashMap<String, i64>> {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let found: HashMap<String, i64> = store::known(conn, group_id, &ids)?.into_iter().collect();
    if found.len() == ids.len() { Ok(found) } else { Err(ErrorCode::GroupKeyNotFound.into()) }
}

fn public(conn: &mut Conn, group_id: &str, key_id: &str) -> KeyResult<Option<PublicRow>> {
    Ok(if is_id(key_id) { store::public(conn, group_id, key_id)? } else { None })
}

fn group_key(row: KeyRow) -> GroupKey {
    GroupKey {
        key_pair_id: row.id.clone(),
        encrypted_group_key: row.encrypted_group_key,
        group_key_alg: row.group_key_alg,
        encrypted_private_group_key: row.encrypted_private_group_key,
        public_group_key: row.public_group_key,
        keypair_encrypt_alg: row.keypair_encrypt_alg,
        user_public_key_id: row.user_public_key_id,
        time: row.created_ms,
        signed_by_user_id: row.signed_by_user_id,
        signed_by_user_sign_key_id: row.signed_by_user_sign_key_id,
        group_key_sig: row.group_key_sig,
        encrypted_sign_key: row.encrypted_sign_key,
        keypair_sign_id: row.verify_key.is_some().then(|| row.id.clone()),
        verify_key: row.verify_key,
        keypair_sign_alg: row.keypair_sign_alg,
        public_key_sig_key_id: row.public_key_sig.is_some().then(|| row.id.clone()),
        public_key_sig: row.public_key_sig,
        group_key_id: row.id,
    }
}

fn public_key_data(row: PublicRow) -> PublicKeyData {
    PublicKeyData {
        public_key_sig_key_id: row.public_key_sig.is_some().then(|| row.id.clone()),
        public_key_id: row.id,
        public_key: row.public_group_key,
        public_key_alg: row.keypair_encrypt_alg,
        public_key_sig: row.public_key_sig,
    }
}

fn verify_key_data(row: PublicRow) -> Option<VerifyKeyData> {
    Some(VerifyKeyData { verify_key_id: row.id, verify_key: row.verify_key?, verify_key_alg: row.keypair_sign_alg? })
}
