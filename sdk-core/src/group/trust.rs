//! What a client remembers of a group, so that a server cannot take keys away, exchange them or bring back old ones.

use std::collections::{HashMap, HashSet};

use keystead_protocol::groups::{GroupUserListItem, RANK_CREATOR, RANK_DEFAULT};
use serde::{Deserialize, Serialize};

use super::{AccessBy, GroupData};
use crate::user::{UncheckedPublicKey, UserPublicKey, VerifyKeys};
use crate::{Result, SdkError};

/// Greatest number of a member's type: a group as member.
const MAX_USER_TYPE: i32 = 2;

/// The keys of a group as one member saw them last, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PinnedGroup {
    pub(crate) group_id: String,
    /// Who holds the keys: members get the keys of a rotation one after the other.
    pub(crate) seen_by: String,
    pub(crate) keys: Vec<PinnedPublicKey>,
}

/// A public key by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PinnedPublicKey {
    pub(crate) id: String,
    /// b64url of SHA-256 of the raw public key.
    pub(crate) hash: String,
}

impl VerifyKeys {
    /// Compares a group with what this user (`own_user_id`) saw of it before, and remembers it. Call it when all pages of
    /// keys are there.
    ///
    /// # Errors
    /// `MissingKeys` when the newest key of before has gone; `OldKey` when an older one is newer now; `PinnedKey` for
    /// another key under a known id; `SwappedWrap` for a key of another group. Nothing is remembered then.
    ///
    /// ```
    /// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
    /// # let alice = alice();
    /// # let (mut pins, group) = (pins(&alice), group(&alice));
    /// pins.check_group(alice.user_id(), &group)?;
    ///
    /// // Later, for an invite of this group into another one: its public key as the server shows it.
    /// # let newest = group.newest_key()?;
    /// # let shown = serde_json::json!({
    /// #     "public_key_id": newest.id(), "public_key": newest.public().to_wire(), "public_key_alg": newest.public().alg(),
    /// # });
    /// # let shown = ok(&shown.to_string());
    /// let key = keystead_sdk_core::user::done_fetch_public_key(&shown)?;
    /// assert_eq!(pins.check_group_public_key(&group.group_id, key)?.id(), newest.id());
    /// pins.forget_group(&group.group_id); // only when the application knows that it was reset
    /// # Ok::<(), keystead_sdk_core::SdkError>(())
    /// ```
    pub fn check_group(&mut self, own_user_id: &str, group: &GroupData) -> Result<()> {
        let now: Vec<_> =
            group.keys().iter().map(|k| PinnedPublicKey { id: k.id().to_owned(), hash: k.fingerprint() }).collect();
        let hashes: HashMap<&str, &str> = now.iter().map(|k| (k.hash.as_str(), k.id.as_str())).collect();
        let ids: HashMap<&str, &str> = now.iter().map(|k| (k.id.as_str(), k.hash.as_str())).collect();
        for pinned in self.groups.values() {
            let same = pinned.group_id == group.group_id;
            for old in &pinned.keys {
                if !same && hashes.contains_key(old.hash.as_str()) {
                    return Err(SdkError::SwappedWrap);
                }
                if same && ids.get(old.id.as_str()).is_some_and(|hash| *hash != old.hash) {
                    return Err(SdkError::PinnedKey);
                }
            }
        }
        let slot = (own_user_id.to_owned(), group.group_id.clone());
        if let Some((newest, older)) = self.groups.get(&slot).and_then(|g| g.keys.split_first()) {
            let at = now.iter().position(|k| k.id == newest.id).ok_or(SdkError::MissingKeys)?;
            let before = now.get(..at).unwrap_or_default();
            if before.iter().any(|k| older.iter().any(|old| old.id == k.id)) {
                return Err(SdkError::OldKey);
            }
        }
        let (seen_by, group_id) = slot.clone();
        self.groups.insert(slot, PinnedGroup { group_id, seen_by, keys: now });
        Ok(())
    }

    /// Turns the fetched public key of a group into a usable one. Groups do not sign; when the group was opened before
    /// ([`check_group`](Self::check_group)), the key must be the newest one of then, or one that came after it.
    ///
    /// # Errors
    /// `PinnedKey` for another key under a known id; `OldKey` for one that was replaced; `PublicKeySignature` when there
    /// is a signature; `Algorithm`, `WeakAlgorithm`.
    pub fn check_group_public_key(&self, group_id: &str, key: UncheckedPublicKey) -> Result<UserPublicKey> {
        self.policy().algorithms.asym(key.alg())?;
        let seen = self.groups.values().filter(|g| g.group_id == group_id).max_by_key(|g| g.keys.len());
        if let Some(seen) = seen {
            check_newest(seen.keys.first(), &seen.keys, &key.pinned())?;
        }
        key.accept_unsigned()
    }

    /// Forgets what was seen of a group: after it was reset, and the application knows why.
    pub fn forget_group(&mut self, group_id: &str) {
        self.groups.retain(|_, g| g.group_id != group_id);
    }
}

/// Holds a key that is shown as the newest one against those known. Errors: `PinnedKey`, `OldKey`.
pub(crate) fn check_newest(
    newest: Option<&PinnedPublicKey>,
    known: &[PinnedPublicKey],
    shown: &PinnedPublicKey,
) -> Result<()> {
    match known.iter().find(|k| k.id == shown.id) {
        Some(old) if old.hash != shown.hash => Err(SdkError::PinnedKey),
        Some(_) if newest.is_some_and(|n| n.id != shown.id) => Err(SdkError::OldKey),
        _ => Ok(()),
    }
}

/// Looks for what an honest list of members cannot hold. `page` comes from
/// [`done_get_members`](super::done_get_members), `before` is the last item of the page before, `group` the group as the
/// caller holds it. A server can still leave members out or invent some; a signed list is not part of the wire.
///
/// # Errors
/// `MemberList` for a rank or kind that does not exist, a second creator, or a member who is there twice; `Paging` when
/// the page does not go on where the last one ended.
///
/// ```
/// use keystead_sdk_core::group::{GroupUserListItem, check_member_page};
/// use keystead_sdk_core::{SdkError, group::AccessBy};
///
/// let item = |user_id: &str, rank| GroupUserListItem { user_id: user_id.into(), rank, joined_time: 5, user_type: 0 };
/// let check = |page: &[GroupUserListItem]| check_member_page(page, None, &AccessBy::User, 0);
/// assert_eq!(check(&[item("bob", 4), item("carol", 2)]), Ok(()));
/// assert_eq!(check(&[item("bob", -5)]), Err(SdkError::MemberList));
/// assert_eq!(check(&[item("bob", 0)]), Err(SdkError::MemberList), "the caller is the creator");
/// assert_eq!(check(&[item("bob", 4), item("bob", 1)]), Err(SdkError::MemberList));
/// ```
pub fn check_member_page(
    page: &[GroupUserListItem],
    before: Option<&GroupUserListItem>,
    access_by: &AccessBy,
    own_rank: i32,
) -> Result<()> {
    // Who enters through another group has that group's rank, and the creator is in the list.
    let caller_created = *access_by == AccessBy::User && own_rank == RANK_CREATOR;
    let mut creators = usize::from(caller_created);
    let mut seen = HashSet::new();
    for member in page {
        creators += usize::from(member.rank == RANK_CREATOR);
        if !(RANK_CREATOR..=RANK_DEFAULT).contains(&member.rank)
            || !(0..=MAX_USER_TYPE).contains(&member.user_type)
            || creators > 1
            || !seen.insert(member.user_id.as_str())
        {
            return Err(SdkError::MemberList);
        }
    }
    let mut last = before;
    for member in page {
        if last.is_some_and(|l| member.joined_time < l.joined_time || member.user_id == l.user_id) {
            return Err(SdkError::Paging);
        }
        last = Some(member);
    }
    Ok(())
}
