//! Members: group keys for new ones, ranks.

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::rng::CryptoRng;
use keystead_protocol::groups::{
    ChangeRankInput, InviteOutput, LightInvite, MemberKey, NewMemberKeys, RANK_ADMIN, RANK_DEFAULT, RANK_MEMBER_MANAGER,
};

use super::keys::GroupKey;
use crate::user::UserPublicKey;
use crate::{Result, SdkError, wire};

/// Keys in one call; what is more goes into the upload session, page by page.
pub const SESSION_PAGE: usize = 50;

/// The bodies that give a new member all group keys.
#[derive(Debug, Clone)]
pub struct NewMemberPages {
    /// Body of the invite, the auto invite, the re-invite or the accepted join request (`NewMemberKeys`).
    pub first: String,
    /// Bodies for the upload session (`[MemberKey]`), in this order. Empty for up to [`SESSION_PAGE`] keys.
    pub further: Vec<String>,
}

/// Wraps all group keys for a new member, newest first, in pages of [`SESSION_PAGE`].
///
/// `rank` 1 to 4, not better than `own_rank`; `None` lets the server take 4. When there are more keys than one page, the
/// first body asks for an upload session; the server's answer to it ([`done_invite`]) gives the session id.
///
/// # Errors
/// `Rank` before anything is sent when the caller may not do this; `NoKeys`; `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let group_data = group(&alice);
/// # let member = keystead_sdk_core::user::done_fetch_public_key(&frozen("public_key"))?;
/// # let member = member.check(alice.newest_key()?.verify_key())?;
/// use keystead_sdk_core::{SdkError, group, rng};
///
/// let pages = group::prepare_group_keys_for_new_member(&mut rng::os(), group_data.keys(), &member, Some(4), 0)?;
/// let answer = r#"{"status":true,"result":{"session_id":null,"message":"done"}}"#; // to `pages.first`
/// assert_eq!((group::done_invite(answer)?, pages.further.len()), (None, 0));
/// let wrapped = group::wrap_member_keys(&mut rng::os(), group_data.keys(), &member)?;
/// assert_eq!(wrapped[0].user_public_key_id, member.id());
/// // Without keys, for a light group; a plain member may not invite.
/// assert_eq!(group::prepare_light_invite(Some(3), 1)?, r#"{"rank":3}"#);
/// assert_eq!(group::prepare_light_invite(None, 4), Err(SdkError::Rank));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_group_keys_for_new_member(
    rng: &mut dyn CryptoRng,
    keys: &[GroupKey],
    member: &UserPublicKey,
    rank: Option<i32>,
    own_rank: i32,
) -> Result<NewMemberPages> {
    check_new_rank(rank, own_rank)?;
    if keys.is_empty() {
        return Err(SdkError::NoKeys);
    }
    let (first, rest) = keys.split_at(keys.len().min(SESSION_PAGE));
    let first =
        NewMemberKeys { keys: wrap_member_keys(rng, first, member)?, rank, key_session: keys.len() > SESSION_PAGE };
    let mut further = Vec::new();
    for page in rest.chunks(SESSION_PAGE) {
        further.push(wire::to_json(&wrap_member_keys(rng, page, member)?));
    }
    Ok(NewMemberPages { first: wire::to_json(&first), further })
}

/// Each key wrapped for `member`. Errors: `Crypto`.
pub fn wrap_member_keys(rng: &mut dyn CryptoRng, keys: &[GroupKey], member: &UserPublicKey) -> Result<Vec<MemberKey>> {
    let mut out = Vec::with_capacity(keys.len());
    for k in keys {
        out.push(MemberKey {
            encrypted_group_key: b64_encode(&member.key().encrypt(rng, k.key.as_bytes())?),
            alg: k.key.alg().to_owned(),
            encrypted_alg: member.key().alg().to_owned(),
            key_id: k.id.clone(),
            user_public_key_id: member.id().to_owned(),
        });
    }
    Ok(out)
}

/// The body of an invite without keys (`/light`). Errors: `Rank`.
pub fn prepare_light_invite(rank: Option<i32>, own_rank: i32) -> Result<String> {
    check_new_rank(rank, own_rank)?;
    Ok(wire::to_json(&LightInvite { rank }))
}

/// Reads the answer of an invite: the id of the upload session, if one was opened (an empty id means none).
/// Errors: `Server`, `ServerOutput`.
pub fn done_invite(server_output: &str) -> Result<Option<String>> {
    let out: InviteOutput = wire::answer(server_output)?;
    Ok(out.session_id.filter(|id| !id.is_empty()))
}

/// The body of `PUT /group/:g/change_rank`. Errors: `Rank` when `new_rank` is not 1 to 4 or the caller is no admin.
///
/// ```
/// # use keystead_sdk_core::{SdkError, group::prepare_change_rank};
/// assert_eq!(prepare_change_rank("u1", 2, 0)?, r#"{"changed_user_id":"u1","new_rank":2}"#);
/// assert_eq!(prepare_change_rank("u1", 0, 0), Err(SdkError::Rank));
/// assert_eq!(prepare_change_rank("u1", 2, 2), Err(SdkError::Rank));
/// # Ok::<(), SdkError>(())
/// ```
pub fn prepare_change_rank(user_id: &str, new_rank: i32, own_rank: i32) -> Result<String> {
    if own_rank > RANK_ADMIN || !(RANK_ADMIN..=RANK_DEFAULT).contains(&new_rank) {
        return Err(SdkError::Rank);
    }
    Ok(wire::to_json(&ChangeRankInput { changed_user_id: user_id.to_owned(), new_rank }))
}

fn check_new_rank(rank: Option<i32>, own_rank: i32) -> Result<()> {
    let fits = rank.is_none_or(|r| (RANK_ADMIN.max(own_rank)..=RANK_DEFAULT).contains(&r));
    if own_rank <= RANK_MEMBER_MANAGER && fits { Ok(()) } else { Err(SdkError::Rank) }
}
