//! Serving the members of a rotation, 100 at a time: read who is next, encrypt outside of the database, write. What the
//! job does stands in `jobs/key_rotation.rs`; here is what a round is.
//!
//! A round may be run twice, by two nodes or after a crash: only one of them counts, and nobody is served twice. First come
//! the members in the order of joining, from a stored position on; then, until there is none, whoever else has to have the
//! key: the invited who hold older ones, the parent group, and members whom the position has passed by.

use std::collections::{HashMap, HashSet};

use keystead_crypto::asym::PublicKey;
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::rng;
use keystead_protocol::ErrorCode;
use keystead_protocol::keys::PublicKeyData;

use super::store::{self, JobRow, MemberRow, NewWaiting, Progress};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::keys::rules as keys;
use crate::rooms::groups::members::rules::{KIND_DEVICE, KIND_GROUP, KIND_PARENT, KIND_USER};
use crate::rooms::groups::rules as groups;
use crate::rooms::keys::rules as user_rules;

/// Members of one round.
pub const ROUND: i64 = 100;

/// Who is served next.
pub struct Round {
    job: JobRow,
    members: Vec<(MemberRow, Option<PublicKeyData>)>,
    /// Position of the last member in the order of joining; none when the members were found otherwise.
    position: Option<(i64, String)>,
}

/// What a round has made.
pub struct Sealed {
    job: JobRow,
    keys: Vec<SealedKey>,
    position: Option<(i64, String)>,
}

struct SealedKey {
    member_id: String,
    member_type: i32,
    outcome: Result<(String, String), ErrorCode>,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There is more to do.
    Served,
    /// All have been served, and the ephemeral key is gone.
    Complete,
    /// Another node was faster, or the group is gone.
    Lost,
}

/// The rotations that this node has to serve: its own, and those that nobody has touched since then; all without a time.
///
/// # Errors
/// What the database says.
pub fn open(app: &App, conn: &mut Conn, untouched_since: Option<i64>) -> KeyResult<Vec<String>> {
    Ok(store::open_jobs(conn, app.rotations.node(), untouched_since)?)
}

/// Reads who is next. `None` when the rotation has been completed, or the group is gone.
///
/// # Errors
/// What the database says.
pub fn next(conn: &mut Conn, key_id: &str) -> KeyResult<Option<Round>> {
    let Some(job) = store::job(conn, key_id)? else { return Ok(None) };
    let page = store::members_after(conn, &job.group_id, (job.position_ms, &job.position_id), ROUND)?;
    let position = page.last().map(|m| (m.joined_ms, m.member_id.clone()));
    let members = if page.is_empty() { left_over(conn, &job, ROUND)? } else { page };
    let mut found = public_keys(conn, &members)?;
    let with_key = |member: MemberRow| {
        let key = found.remove(&member.member_id);
        (member, key)
    };
    Ok(Some(Round { members: members.into_iter().map(with_key).collect(), job, position }))
}

impl Round {
    /// Encrypts the ephemeral key for each. Takes up to 200 µs for a hybrid key: not for a thread that others wait for.
    #[must_use]
    pub fn seal(self) -> Sealed {
        let ephemeral_key = b64_decode(&self.job.encrypted_ephemeral_key).ok();
        let seal = |(member, key): (MemberRow, Option<PublicKeyData>)| SealedKey {
            outcome: seal_for(ephemeral_key.as_deref(), key.as_ref()),
            member_type: member.member_type,
            member_id: member.member_id,
        };
        Sealed { keys: self.members.into_iter().map(seal).collect(), job: self.job, position: self.position }
    }
}

/// Writes a round, or ends the job when there is nobody left.
///
/// # Errors
/// What the database says.
pub fn write(app: &App, tx: &mut Conn, sealed: &Sealed) -> KeyResult<Ended> {
    let job = &sealed.job;
    // The parents' too: with one of them this group would be deleted under the round.
    groups::hold_tree(tx, &job.group_id)?;
    tx.lock(&job.group_id)?;
    if sealed.keys.is_empty() {
        return complete(app, tx, job);
    }
    // Their locks too: none of them is deleted between the look at him and the end of the transaction. In one order, so
    // that two rounds do not wait for each other.
    let mut members: Vec<(&str, i32)> = sealed.keys.iter().map(|k| (k.member_id.as_str(), k.member_type)).collect();
    members.sort_unstable();
    for (id, kind) in &members {
        if *kind == KIND_GROUP { groups::hold_tree(tx, id)? } else { tx.lock(id)? }
    }
    let ids: Vec<&str> = members.iter().map(|(id, _kind)| *id).collect();
    if !advance(app, tx, job, sealed.position.as_ref())? {
        return Ok(Ended::Lost);
    }
    let present: HashSet<String> = store::present(tx, &job.group_id, &ids)?.into_iter().collect();
    let served: HashSet<String> = store::served(tx, job, &ids)?.into_iter().collect();
    let new = sealed.keys.iter().filter(|k| !served.contains(&k.member_id));
    let rows: Vec<NewWaiting<'_>> =
        new.filter(|k| k.member_type == KIND_PARENT || present.contains(&k.member_id)).map(|k| row(job, k)).collect();
    if !rows.is_empty() {
        store::insert_waiting(tx, &rows)?;
    }
    Ok(Ended::Served)
}

/// Looks once more, now under the group's lock: whoever joins from here on gets the keys of his inviter.
fn complete(app: &App, tx: &mut Conn, job: &JobRow) -> KeyResult<Ended> {
    if !left_over(tx, job, 1)?.is_empty() {
        return Ok(if advance(app, tx, job, None)? { Ended::Served } else { Ended::Lost });
    }
    Ok(if store::delete_job(tx, job)? { Ended::Complete } else { Ended::Lost })
}

fn advance(app: &App, tx: &mut Conn, job: &JobRow, position: Option<&(i64, String)>) -> KeyResult<bool> {
    let (position_ms, position_id) =
        position.map_or((job.position_ms, job.position_id.as_str()), |(ms, id)| (*ms, id.as_str()));
    let claimed_by = app.rotations.node();
    let to = Progress { position_ms, position_id, claimed_by, claimed_ms: app.clock.now_ms() };
    Ok(store::advance(tx, job, &to)?)
}

/// Who has to have the key and is not served, wherever he stands.
fn left_over(conn: &mut Conn, job: &JobRow, limit: i64) -> KeyResult<Vec<MemberRow>> {
    let members = store::unserved_members(conn, job, limit)?;
    if !members.is_empty() {
        return Ok(members);
    }
    let invited = store::unserved_invited(conn, job, limit)?;
    if !invited.is_empty() {
        return Ok(invited);
    }
    let Some(parent) = store::parent(conn, &job.group_id)? else { return Ok(Vec::new()) };
    if !store::served(conn, job, &[&parent])?.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![MemberRow { member_id: parent, member_type: KIND_PARENT, joined_ms: 0 }])
}

/// The newest public key of each.
fn public_keys(conn: &mut Conn, members: &[MemberRow]) -> KeyResult<HashMap<String, PublicKeyData>> {
    let of = |kinds: &[i32]| -> Vec<&str> {
        members.iter().filter(|m| kinds.contains(&m.member_type)).map(|m| m.member_id.as_str()).collect()
    };
    let mut found = user_rules::newest_public_keys(conn, &of(&[KIND_USER]))?;
    found.extend(user_rules::device_public_keys(conn, &of(&[KIND_DEVICE]))?);
    found.extend(keys::newest_public_keys(conn, &of(&[KIND_GROUP, KIND_PARENT]))?);
    Ok(found)
}

/// b64 of the ephemeral key's bytes, encrypted for the key, and the key's id.
fn seal_for(ephemeral_key: Option<&[u8]>, key: Option<&PublicKeyData>) -> Result<(String, String), ErrorCode> {
    let key = key.ok_or(ErrorCode::GroupRotationKeysNotFound)?;
    let failed = ErrorCode::GroupRotationEncrypt;
    let public = PublicKey::from_wire(&key.public_key_alg, &key.public_key).map_err(|_unusable| failed)?;
    let sealed = public.encrypt(&mut rng::os(), ephemeral_key.ok_or(failed)?).map_err(|_unusable| failed)?;
    Ok((b64_encode(&sealed), key.public_key_id.clone()))
}

fn row<'a>(job: &'a JobRow, key: &'a SealedKey) -> NewWaiting<'a> {
    let (encrypted_ephemeral_key, public_key_id, error) = match &key.outcome {
        Ok((sealed, key_id)) => (sealed.as_str(), key_id.as_str(), None),
        Err(code) => ("", "", Some(code.text())),
    };
    NewWaiting {
        member_id: &key.member_id,
        group_id: &job.group_id,
        key_created_ms: job.created_ms,
        key_id: &job.key_id,
        public_key_id,
        encrypted_ephemeral_key,
        error,
    }
}
