//! A group as one member holds it.

mod content;
#[cfg(feature = "file")]
mod files;
mod members;
mod rotation;
mod sym_keys;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use keystead_sdk_core::group::{
    self, AccessBy, CreateGroup, GroupChildListItem, GroupData, GroupKey, KeyWarning, PageCursor, Pages, PrivateKeys,
    next_page,
};
use keystead_sdk_core::{SdkError, rng, user};

use crate::client::{Call, Client, id};
use crate::keys::StdUser;
use crate::{Error, Result};

/// A chain of parent groups longer than this is no honest answer.
const MAX_DEPTH: usize = 64;

/// A group with its keys. Cloning is cheap; all clones share keys and rank.
#[derive(Clone)]
pub struct StdGroup {
    inner: Arc<Inner>,
}

struct Inner {
    user: StdUser,
    // The group through which the user enters a connected group.
    via: Option<String>,
    // What opens keys of this group: the parent's or the entering group's, else the user's.
    opener: Option<StdGroup>,
    group_id: String,
    data: RwLock<Arc<GroupData>>,
}

impl StdGroup {
    pub(crate) async fn fetch(user: &StdUser, group_id: &str, via: Option<&str>) -> Result<Self> {
        Box::pin(Self::fetch_at_depth(user, group_id, via, None, 0)).await
    }

    /// `known`: a group that the caller holds already and which may open this one.
    async fn fetch_at_depth(
        user: &StdUser,
        group_id: &str,
        via: Option<&str>,
        known: Option<&Self>,
        depth: usize,
    ) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(SdkError::ServerOutput.into());
        }
        let out = call_get(user, via, &format!("/group/{}", id(group_id)?)).await?;
        let up = group::done_get_group_light(&out)?;
        let opened_by = match (up.access_by, up.parent_group_id) {
            (AccessBy::User, _) => None,
            (AccessBy::GroupAsUser(member), _) => Some((member, None)),
            // The keys are wrapped for the direct parent, wherever above the user is a member.
            (AccessBy::Parent(_) | AccessBy::GroupAsUserAsParent { .. }, Some(parent))
            | (AccessBy::Parent(parent) | AccessBy::GroupAsUserAsParent { parent, .. }, None) => Some((parent, via)),
        };
        let opener = match opened_by {
            None => None,
            Some((group_id, via)) => Some(match known.filter(|g| g.group_id() == group_id && g.via() == via) {
                Some(known) => known.clone(),
                None => Box::pin(Self::fetch_at_depth(user, &group_id, via, None, depth + 1)).await?,
            }),
        };
        pin_signers(user.client(), group::group_key_signers(&out)?).await?;
        let data =
            open_with(user, opener.as_ref(), |own| group::done_get_group(&out, own, &user.client().pins())).await?;
        let data = data.expect_id(group_id)?;
        let cursor = next_page(data.keys());
        let inner = Inner {
            user: user.clone(),
            via: via.map(str::to_owned),
            opener,
            group_id: data.group_id.clone(),
            data: RwLock::new(Arc::new(data)),
        };
        let group = Self { inner: Arc::new(inner) };
        group.load_keys_from(cursor).await?;
        Ok(group)
    }

    /// Group id.
    #[must_use]
    pub fn group_id(&self) -> &str {
        &self.inner.group_id
    }

    /// The user who holds this group.
    #[must_use]
    pub fn user(&self) -> &StdUser {
        &self.inner.user
    }

    /// Keys and facts as they are now.
    #[must_use]
    pub fn data(&self) -> Arc<GroupData> {
        Arc::clone(&self.inner.data.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The caller's rank: 0 creator, 1 admin, 2 member manager, 3 and 4 plain.
    #[must_use]
    pub fn rank(&self) -> i32 {
        self.data().rank
    }

    /// True when a key rotation waits for this member.
    #[must_use]
    pub fn key_update(&self) -> bool {
        self.data().key_update
    }

    /// How the caller enters.
    #[must_use]
    pub fn access_by(&self) -> AccessBy {
        self.data().access_by.clone()
    }

    /// Parent group.
    #[must_use]
    pub fn parent_group_id(&self) -> Option<String> {
        self.data().parent_group_id.clone()
    }

    /// The keys, newest first.
    #[must_use]
    pub fn keys(&self) -> Vec<GroupKey> {
        self.data().keys().to_vec()
    }

    /// Asks for the rank and whether a key rotation waits; both are kept. True: a rotation waits.
    pub async fn update_check(&self) -> Result<bool> {
        let out = group::done_group_update_check(&self.get("update_check").await?)?;
        self.update(|data| {
            data.rank = out.rank;
            data.key_update = out.key_update;
            Ok(())
        })?;
        Ok(out.key_update)
    }

    /// Keys that nobody known vouches for: made by a client that does not sign, or by the server. What to do with them the
    /// policy says ([`Client::with_policy`](crate::Client::with_policy)).
    #[must_use]
    pub fn warnings(&self) -> Vec<KeyWarning> {
        self.data().warnings()
    }

    /// Fetches one key, as after a rotation by another member. Content in the head of which an unknown id stands needs
    /// this. Errors: `Sdk(Server)` 304; `Sdk(WrongId)` for another key; `Sdk(GroupKeySignature)`,
    /// `Sdk(UnsignedGroupKey)`, `Sdk(PinnedKey)`, `Sdk(OldKey)`, `Sdk(SwappedWrap)` for one of the server's.
    pub async fn fetch_key(&self, key_id: &str) -> Result<()> {
        let out = self.get(&format!("key/{}", id(key_id)?)).await?;
        let page = self.open_page(&out).await?;
        if page.iter().any(|k| k.id() != key_id) || page.is_empty() {
            return Err(SdkError::WrongId.into());
        }
        let mut with = GroupData::clone(&self.data());
        with.add_keys(page.clone())?;
        self.user().client().pins().check_group(self.user().user_id(), &with)?;
        self.update(|data| data.add_keys(page))
    }

    /// The body of `POST /group/:g/child`, for a transport of your own.
    pub fn prepare_create_child_group(&self) -> Result<String> {
        let (data, user) = (self.data(), self.user().data());
        Ok(group::prepare_create_child_group(&mut rng::os(), data.keys(), &user, CreateGroup::default())?)
    }

    /// Creates a child group: every member of this group is in it. Gives its id.
    pub async fn create_child_group(&self) -> Result<String> {
        let out = self.post("child", Some(self.prepare_create_child_group()?)).await?;
        Ok(group::done_create_group(&out)?)
    }

    /// Creates a group of which this group is the first member. Gives its id; fetch it with
    /// [`get_connected_group`](Self::get_connected_group).
    pub async fn create_connected_group(&self) -> Result<String> {
        let out = self.post("connected", Some(self.prepare_create_child_group()?)).await?;
        Ok(group::done_create_group(&out)?)
    }

    /// A page of the child groups, oldest first; `last` is the last item of the page before.
    pub async fn get_children(&self, last: Option<&GroupChildListItem>) -> Result<Vec<GroupChildListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |c| (c.time, c.group_id.as_str()));
        Ok(group::done_get_children(&self.get(&format!("children/{time}/{}", id(last_id)?)).await?)?)
    }

    /// A child group of this group.
    pub async fn get_child_group(&self, group_id: &str) -> Result<Self> {
        Box::pin(Self::fetch_at_depth(self.user(), group_id, self.via(), Some(self), 0)).await
    }

    /// A connected group of which this group is a member.
    pub async fn get_connected_group(&self, group_id: &str) -> Result<Self> {
        Box::pin(Self::fetch_at_depth(self.user(), group_id, Some(self.group_id()), Some(self), 0)).await
    }

    /// The group by which the user entered this connected group, or a child of it.
    #[must_use]
    pub fn via(&self) -> Option<&str> {
        self.inner.via.as_deref()
    }

    /// Deletes the group and all its children. Needs rank 1.
    pub async fn delete_group(&self) -> Result<()> {
        let jwt = self.user().jwt();
        let call = Call { jwt: Some(&jwt), body: None, via: self.inner.via.as_deref() };
        let out = self.user().client().delete(&format!("/group/{}", self.group_id()), call).await?;
        Ok(user::done_success(&out)?)
    }

    async fn load_keys_from(&self, cursor: Option<PageCursor>) -> Result<()> {
        let mut pages = Pages::new();
        let mut cursor = pages.next(cursor)?;
        while let Some(at) = cursor {
            let out = self.get(&format!("keys/{}/{}", at.time, id(&at.id)?)).await?;
            let page = self.open_page(&out).await?;
            cursor = pages.next(next_page(&page))?;
            self.update(|data| data.add_keys(page))?;
        }
        // All keys are there now: they are held against those of earlier times.
        let data = self.data();
        Ok(self.user().client().pins().check_group(self.user().user_id(), &data)?)
    }

    async fn open_page(&self, out: &str) -> Result<Vec<GroupKey>> {
        pin_signers(self.user().client(), group::group_keys_page_signers(out)?).await?;
        open_with(self.user(), self.inner.opener.as_ref(), |own| {
            group::done_get_group_keys(out, own, &self.user().client().pins())
        })
        .await
    }

    fn update(&self, change: impl FnOnce(&mut GroupData) -> Result<(), SdkError>) -> Result<()> {
        let mut data = self.inner.data.write().unwrap_or_else(PoisonError::into_inner);
        Ok(change(Arc::make_mut(&mut data))?)
    }

    async fn get(&self, path: &str) -> Result<String> {
        call_get(self.user(), self.inner.via.as_deref(), &format!("/group/{}/{path}", self.group_id())).await
    }

    async fn post(&self, path: &str, body: Option<String>) -> Result<String> {
        let jwt = self.user().jwt();
        let call = Call { jwt: Some(&jwt), body, via: self.inner.via.as_deref() };
        self.user().client().post(&format!("/group/{}/{path}", self.group_id()), call).await
    }

    async fn put(&self, path: &str, body: Option<String>) -> Result<String> {
        let jwt = self.user().jwt();
        let call = Call { jwt: Some(&jwt), body, via: self.inner.via.as_deref() };
        self.user().client().put(&format!("/group/{}/{path}", self.group_id()), call).await
    }

    async fn patch(&self, path: &str) -> Result<String> {
        let jwt = self.user().jwt();
        let call = Call { jwt: Some(&jwt), body: None, via: self.inner.via.as_deref() };
        self.user().client().patch(&format!("/group/{}/{path}", self.group_id()), call).await
    }

    async fn delete(&self, path: &str) -> Result<String> {
        let jwt = self.user().jwt();
        let call = Call { jwt: Some(&jwt), body: None, via: self.inner.via.as_deref() };
        self.user().client().delete(&format!("/group/{}/{path}", self.group_id()), call).await
    }
}

impl fmt::Debug for StdGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdGroup").field("group_id", &self.inner.group_id).finish_non_exhaustive()
    }
}

async fn call_get(user: &StdUser, via: Option<&str>, path: &str) -> Result<String> {
    let jwt = user.jwt();
    user.client().get(path, Call { jwt: Some(&jwt), body: None, via }).await
}

/// Opens keys with those of the group that lets the user in, or with the user's own. When one is missing there (it was
/// rotated after it was fetched), they are fetched once more.
async fn open_with<T>(
    user: &StdUser,
    opener: Option<&StdGroup>,
    open: impl Fn(&dyn PrivateKeys) -> keystead_sdk_core::Result<T>,
) -> Result<T> {
    let open = || match opener {
        None => open(&*user.data()),
        Some(group) => open(group.data().as_ref()),
    };
    match open() {
        Err(SdkError::KeyNotFound) => {}
        opened => return Ok(opened?),
    }
    match opener {
        None => user.reload_keys().await?,
        Some(group) => Box::pin(group.load_keys_from(Some(PageCursor::first()))).await?,
    }
    Ok(open()?)
}

/// Fetches the verify keys of those who signed group keys, that of the newest key first. A signer whose account is gone
/// leaves his keys unchecked; so does one whose verify key of that time is not believed, unless he signed the newest key.
async fn pin_signers(client: &Client, signers: Vec<(String, String)>) -> Result<()> {
    for (at, (user_id, key_id)) in signers.into_iter().enumerate() {
        match client.pin_verify_key(&user_id, &key_id).await {
            Err(e) if e.server_code() == Some(100) => {}
            Err(Error::Sdk(SdkError::ChangedKey)) if at > 0 => {}
            other => drop(other?),
        }
    }
    Ok(())
}
