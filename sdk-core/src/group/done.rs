//! Reading the server's answers about groups.

use core::fmt;
use std::collections::BTreeSet;

use keystead_protocol::groups::{
    self as w, AccessBy, GroupChildListItem, GroupCreateOutput, GroupLightData, GroupListItem, GroupUpdateCheck,
    GroupUserListItem, InviteListItem, JoinRequestListItem, PAGE_SIZE,
};

use super::keys::{
    GroupKey, KeySignature, PrivateKeys, SearchKeyEntry, SortKeyEntry, open_group_key, open_search_keys, open_sort_keys,
};
use crate::policy::{Policy, Unsigned};
use crate::user::VerifyKeys;
use crate::{Result, SdkError, wire};

/// A group as one member holds it. Secret: the keys.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let (pins, mut group) = (pins(&alice), group(&alice));
/// use keystead_sdk_core::group::{done_get_group_keys, next_page};
///
/// assert_eq!(group.key(group.newest_key()?.id())?.id(), group.keys()[0].id());
/// assert_eq!((group.search_keys().len(), group.sort_keys().len()), (1, 1));
/// // Further keys come in pages of 50, or one by one.
/// assert_eq!(next_page(group.keys()), None, "this was all");
/// let page = done_get_group_keys(&frozen("group_keys"), &alice, &pins)?;
/// group.add_key(page[0].clone())?;
/// group.add_keys(page)?;
/// // Everything is signed by somebody known.
/// assert!(group.warnings().is_empty());
/// group.require_signed_keys()?;
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Clone)]
pub struct GroupData {
    /// Group id.
    pub group_id: String,
    /// Parent group.
    pub parent_group_id: Option<String>,
    /// True when a key rotation waits for this member.
    pub key_update: bool,
    /// Rank of the caller.
    pub rank: i32,
    /// Creation of the group, milliseconds.
    pub created_time: i64,
    /// When the caller joined, milliseconds.
    pub joined_time: i64,
    /// How the caller enters.
    pub access_by: AccessBy,
    /// True for a connected group.
    pub is_connected_group: bool,
    keys: Vec<GroupKey>,
    search_keys: Vec<SearchKeyEntry>,
    sort_keys: Vec<SortKeyEntry>,
    // Wrapped by a group key of a page that is not fetched yet.
    wire_search_keys: Vec<w::HmacKey>,
    wire_sort_keys: Vec<w::SortableKey>,
    policy: Policy,
}

impl fmt::Debug for GroupData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupData")
            .field("group_id", &self.group_id)
            .field("rank", &self.rank)
            .field("keys", &self.keys)
            .field("search_keys", &self.search_keys)
            .field("sort_keys", &self.sort_keys)
            .finish_non_exhaustive()
    }
}

impl PrivateKeys for GroupData {
    fn private_key(&self, key_id: &str) -> Option<&keystead_crypto::asym::SecretKey> {
        self.keys.private_key(key_id)
    }
}

impl GroupData {
    /// All fetched keys, newest first.
    #[must_use]
    pub fn keys(&self) -> &[GroupKey] {
        &self.keys
    }

    /// The key that encrypts new content. Errors: `NoKeys`.
    pub fn newest_key(&self) -> Result<&GroupKey> {
        self.keys.first().ok_or(SdkError::NoKeys)
    }

    /// The key with this id. Errors: `KeyNotFound`; then fetch further pages ([`next_page`]).
    pub fn key(&self, id: &str) -> Result<&GroupKey> {
        self.keys.iter().find(|k| k.id == id).ok_or(SdkError::KeyNotFound)
    }

    /// The search keys, newest first.
    #[must_use]
    pub fn search_keys(&self) -> &[SearchKeyEntry] {
        &self.search_keys
    }

    /// The sort keys, newest first.
    #[must_use]
    pub fn sort_keys(&self) -> &[SortKeyEntry] {
        &self.sort_keys
    }

    /// Adds a further page of keys; ids that are already there are skipped, and nothing is added on an error.
    ///
    /// # Errors
    /// `PinnedKey` when an id that is there comes with another key; `UnsignedGroupKey` when the page brings a newest key
    /// that the [`Policy`] refuses; `Crypto`, `SwappedWrap` for a bad search key.
    pub fn add_keys(&mut self, page: Vec<GroupKey>) -> Result<()> {
        let mut keys = self.keys.clone();
        for key in page {
            match keys.iter().find(|k| k.id == key.id) {
                None => keys.push(key),
                Some(known) if known.key == key.key && known.public == key.public => {}
                Some(_) => return Err(SdkError::PinnedKey),
            }
        }
        sort_newest_first(&mut keys);
        check_signed(&keys, self.policy.group_keys)?;
        let before = std::mem::replace(&mut self.keys, keys);
        self.open_side_keys().inspect_err(|_| self.keys = before)
    }

    /// Puts a key that was fetched alone (after a rotation) in its place. Errors: as [`add_keys`](Self::add_keys).
    pub fn add_key(&mut self, key: GroupKey) -> Result<()> {
        self.add_keys(vec![key])
    }

    /// Demands that every key was signed and checked. Errors: `UnsignedGroupKey`.
    pub fn require_signed_keys(&self) -> Result<()> {
        check_signed(&self.keys, Unsigned::Require)
    }

    /// What a careful application shows: keys that nobody known vouches for. The server might have made them.
    #[must_use]
    pub fn warnings(&self) -> Vec<KeyWarning> {
        self.keys.iter().filter_map(KeyWarning::of).collect()
    }

    /// Refuses the answer when it is about another group than the one that was asked for. Errors: `WrongId`.
    pub fn expect_id(self, group_id: &str) -> Result<Self> {
        if self.group_id == group_id { Ok(self) } else { Err(SdkError::WrongId) }
    }

    fn open_side_keys(&mut self) -> Result<()> {
        let find = |id: &str| self.keys.iter().find(|k| k.id == id);
        let search_keys = open_search_keys(&self.wire_search_keys, &self.policy.algorithms, find)?;
        let sort_keys = open_sort_keys(&self.wire_sort_keys, &self.policy.algorithms, find)?;
        self.search_keys = search_keys;
        self.sort_keys = sort_keys;
        Ok(())
    }
}

/// A group key that nobody known vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyWarning {
    /// The key carries no signature: made by an original client, or by the server.
    Unsigned {
        /// Key id.
        key_id: String,
    },
    /// The signature could not be checked: the signer's account is gone, or his verify key changed.
    Unchecked {
        /// Key id.
        key_id: String,
        /// Who is said to have signed.
        user_id: String,
    },
}

impl KeyWarning {
    fn of(key: &GroupKey) -> Option<Self> {
        let key_id = key.id.clone();
        match &key.signature {
            KeySignature::None => Some(Self::Unsigned { key_id }),
            KeySignature::Unchecked { user_id, .. } => Some(Self::Unchecked { key_id, user_id: user_id.clone() }),
            KeySignature::Valid { .. } => None,
        }
    }
}

/// Where the next page of a list starts: the last two parts of the path (`…/:last_fetched_time/:last_id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageCursor {
    /// Time of the last item, milliseconds; 0 for the first page.
    pub time: i64,
    /// Id of the last item; `none` for the first page.
    pub id: String,
}

impl PageCursor {
    /// The start of a list.
    #[must_use]
    pub fn first() -> Self {
        Self { time: 0, id: "none".to_owned() }
    }
}

/// After a page of keys: where the next one starts, or `None` when this page was not full. An empty next page is no
/// error, it means that the list ended exactly at the page's border.
#[must_use]
pub fn next_page(page: &[GroupKey]) -> Option<PageCursor> {
    let full = i64::try_from(page.len()).is_ok_and(|n| n >= PAGE_SIZE);
    // The server pages by (time, id): the oldest key is the last of a page.
    page.last().filter(|_| full).map(|k| PageCursor { time: k.time, id: k.id.clone() })
}

/// Reads the answer of `POST /group` and its relatives: the new group's id. Errors: `Server`, `ServerOutput`.
///
/// ```
/// let answer = r#"{"status":true,"result":{"group_id":"g1"}}"#;
/// assert_eq!(keystead_sdk_core::group::done_create_group(answer)?, "g1");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_create_group(server_output: &str) -> Result<String> {
    Ok(wire::answer::<GroupCreateOutput>(server_output)?.group_id)
}

/// Reads the answer of `GET /group/:g` and opens the first page of keys.
///
/// `own` holds the private keys that open the group key: the user's for a direct member, the parent group's keys for a
/// child group, the entering group's for a connected one (see [`AccessBy`]). Group key signatures are checked with
/// `verify_keys`; [`group_key_signers`] says which ones are needed.
///
/// The policy of `verify_keys` holds. Compare the id with the one asked for ([`GroupData::expect_id`]), and with what was
/// seen of the group before when all pages are there ([`VerifyKeys::check_group`]).
///
/// # Errors
/// `Server`, `ServerOutput`; `KeyNotFound` when `own` has not the private key; `NoKeys`; `GroupKeySignature` for a wrong
/// signature, `UnsignedGroupKey` for one that is missing; `ForeignKey`, `SwappedWrap` for halves that do not belong
/// together; `Algorithm`, `WeakAlgorithm`, `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let mut pins = pins(&alice);
/// use keystead_sdk_core::group;
///
/// let answer = frozen("get_group");
/// for (user_id, key_id) in group::group_key_signers(&answer)? {
///     assert!(pins.get(&user_id, &key_id).is_some(), "else fetch and pin it first");
/// }
/// let group = group::done_get_group(&answer, &alice, &pins)?.expect_id("group-5")?;
/// pins.check_group(alice.user_id(), &group)?;
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_group(
    server_output: &str,
    own: &(impl PrivateKeys + ?Sized),
    verify_keys: &VerifyKeys,
) -> Result<GroupData> {
    let data: w::GroupData = wire::answer(server_output)?;
    let keys = open_all(&data.keys, own, verify_keys)?;
    if keys.is_empty() {
        return Err(SdkError::NoKeys);
    }
    check_signed(&keys, verify_keys.policy().group_keys)?;
    let mut out = GroupData {
        group_id: data.group_id,
        parent_group_id: data.parent_group_id,
        key_update: data.key_update,
        rank: data.rank,
        created_time: data.created_time,
        joined_time: data.joined_time,
        access_by: data.access_by,
        is_connected_group: data.is_connected_group,
        keys,
        search_keys: Vec::new(),
        sort_keys: Vec::new(),
        wire_search_keys: data.hmac_keys,
        wire_sort_keys: data.sortable_keys,
        policy: *verify_keys.policy(),
    };
    out.open_side_keys()?;
    Ok(out)
}

/// Reads a page of `GET /group/:g/keys/…`, or the one key of `GET /group/:g/key/:id` as a list of one. An empty page is
/// allowed. Errors: as [`done_get_group`] without `NoKeys`.
pub fn done_get_group_keys(
    server_output: &str,
    own: &(impl PrivateKeys + ?Sized),
    verify_keys: &VerifyKeys,
) -> Result<Vec<GroupKey>> {
    let page: Vec<w::GroupKey> = wire::answer_list(server_output)?;
    let keys = open_all(&page, own, verify_keys)?;
    // Which key is the newest one of the group is not known here; `GroupData::add_keys` looks at that.
    if verify_keys.policy().group_keys == Unsigned::Require {
        check_signed(&keys, Unsigned::Require)?;
    }
    Ok(keys)
}

/// Who signed the keys in an answer of `GET /group/:g`: pairs of user id and verify key id, each once, those of the newest
/// keys first. Errors: `Server`, `ServerOutput`.
pub fn group_key_signers(server_output: &str) -> Result<Vec<(String, String)>> {
    Ok(signers(&wire::answer::<w::GroupData>(server_output)?.keys))
}

/// As [`group_key_signers`], for a page of `GET /group/:g/keys/…`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// let signers = keystead_sdk_core::group::group_keys_page_signers(&frozen("group_keys"))?;
/// assert_eq!(signers, [(alice.user_id().to_owned(), alice.newest_key()?.id().to_owned())]);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn group_keys_page_signers(server_output: &str) -> Result<Vec<(String, String)>> {
    Ok(signers(&wire::answer_list::<w::GroupKey>(server_output)?))
}

/// Reads the answer of `GET /group/:g/light`, the group access check. Errors: `Server` (310: no access).
///
/// ```
/// # use keystead_sdk_core::group::done_get_group_light;
/// let answer = r#"{"status":true,"result":{"group_id":"g","parent_group_id":null,"rank":2,"created_time":1,"joined_time":1,"access_by":"User","is_connected_group":false}}"#;
/// assert_eq!(done_get_group_light(answer)?.rank, 2);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_group_light(server_output: &str) -> Result<GroupLightData> {
    wire::answer(server_output)
}

/// Who lets the caller in, without opening any key. Works on the answers of `GET /group/:g` and `GET /group/:g/light`.
/// Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::{AccessBy, get_access_by};
/// let answer = r#"{"status":true,"result":{"access_by":{"Parent":"g0"}}}"#;
/// assert_eq!(get_access_by(answer)?, AccessBy::Parent("g0".into()));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn get_access_by(server_output: &str) -> Result<AccessBy> {
    #[derive(serde::Deserialize)]
    struct OnlyAccess {
        access_by: AccessBy,
    }
    Ok(wire::answer::<OnlyAccess>(server_output)?.access_by)
}

/// Reads a page of `GET /group/:g/member/…`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::done_get_members;
/// let answer = r#"{"status":true,"result":[{"user_id":"u","rank":4,"joined_time":1,"user_type":0}]}"#;
/// assert_eq!(done_get_members(answer)?[0].user_id, "u");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_members(server_output: &str) -> Result<Vec<GroupUserListItem>> {
    wire::answer(server_output)
}

/// Reads a page of `GET /group/invite/…` (and of sent join requests). Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::done_get_invites;
/// let answer = r#"{"status":true,"result":[{"group_id":"g","time":1}]}"#;
/// assert_eq!(done_get_invites(answer)?[0].group_id, "g");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_invites(server_output: &str) -> Result<Vec<InviteListItem>> {
    wire::answer(server_output)
}

/// Reads a page of `GET /group/:g/join_req/…`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::done_get_join_requests;
/// let answer = r#"{"status":true,"result":[{"user_id":"u","time":1,"user_type":0}]}"#;
/// assert_eq!(done_get_join_requests(answer)?[0].user_id, "u");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_join_requests(server_output: &str) -> Result<Vec<JoinRequestListItem>> {
    wire::answer(server_output)
}

/// Reads a page of `GET /group/:g/children/…`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::done_get_children;
/// let answer = r#"{"status":true,"result":[{"group_id":"g","time":1}]}"#;
/// assert_eq!(done_get_children(answer)?[0].group_id, "g");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_children(server_output: &str) -> Result<Vec<GroupChildListItem>> {
    wire::answer(server_output)
}

/// Reads a page of `GET /group/all/…`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::done_get_groups;
/// let answer = r#"{"status":true,"result":[{"group_id":"g","time":1,"joined_time":2,"rank":0}]}"#;
/// assert_eq!(done_get_groups(answer)?[0].rank, 0);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_get_groups(server_output: &str) -> Result<Vec<GroupListItem>> {
    wire::answer(server_output)
}

/// Reads the answer of `GET /group/:g/update_check`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::group::done_group_update_check;
/// let answer = r#"{"status":true,"result":{"key_update":true,"rank":4}}"#;
/// assert!(done_group_update_check(answer)?.key_update);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_group_update_check(server_output: &str) -> Result<GroupUpdateCheck> {
    wire::answer(server_output)
}

fn open_all(
    wire_keys: &[w::GroupKey],
    own: &(impl PrivateKeys + ?Sized),
    verify_keys: &VerifyKeys,
) -> Result<Vec<GroupKey>> {
    let mut keys = Vec::with_capacity(wire_keys.len());
    for k in wire_keys {
        keys.push(open_group_key(k, own, verify_keys)?);
    }
    sort_newest_first(&mut keys);
    Ok(keys)
}

/// Newest first whatever order the server sent; equal times keep the server's order.
fn sort_newest_first(keys: &mut [GroupKey]) {
    keys.sort_by_key(|k| std::cmp::Reverse(k.time));
}

fn signers(keys: &[w::GroupKey]) -> Vec<(String, String)> {
    let mut newest_first: Vec<_> = keys.iter().collect();
    newest_first.sort_by_key(|k| std::cmp::Reverse(k.time));
    let mut seen = BTreeSet::new();
    newest_first
        .into_iter()
        .filter_map(|k| Some((k.signed_by_user_id.clone()?, k.signed_by_user_sign_key_id.clone()?)))
        .filter(|pair| seen.insert(pair.clone()))
        .collect()
}

/// `keys` newest first. Errors: `UnsignedGroupKey`.
fn check_signed(keys: &[GroupKey], policy: Unsigned) -> Result<()> {
    let fine = match policy {
        Unsigned::Accept => true,
        Unsigned::Warn => keys.first().is_none_or(GroupKey::is_signed) || !keys.iter().any(GroupKey::is_signed),
        Unsigned::Require => keys.iter().all(GroupKey::is_signed),
    };
    if fine { Ok(()) } else { Err(SdkError::UnsignedGroupKey) }
}
