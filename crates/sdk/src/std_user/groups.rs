//! A user's groups and invites.

use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::{rng, user};

use super::StdUser;
use crate::Result;
use crate::client::id;
use crate::group::{GroupListItem, InviteListItem};
use crate::keys::StdGroup;

impl StdUser {
    /// The body of `POST /group`. The answer goes to [`done_create_group`](crate::group::done_create_group).
    pub fn prepare_create_group(&self) -> Result<String> {
        self.prepare_create_group_with(CreateGroup::default())
    }

    /// As [`prepare_create_group`](Self::prepare_create_group), with options.
    pub fn prepare_create_group_with(&self, options: CreateGroup) -> Result<String> {
        Ok(group::prepare_create_group(&mut rng::os(), &self.data(), options)?)
    }

    /// Creates a group and gives its id. This user is its creator (rank 0); the group key is signed.
    pub async fn create_group(&self) -> Result<String> {
        self.create_group_with(CreateGroup::default()).await
    }

    /// As [`create_group`](Self::create_group), with options.
    pub async fn create_group_with(&self, options: CreateGroup) -> Result<String> {
        let body = self.prepare_create_group_with(options)?;
        Ok(group::done_create_group(&self.post("/group", Some(body)).await?)?)
    }

    /// Fetches a group with all its keys; also a child group of a group the user is in.
    /// Errors: `Sdk(Server)` 310 without access; `Sdk(GroupKeySignature)` for a forged key.
    pub async fn get_group(&self, group_id: &str) -> Result<StdGroup> {
        StdGroup::fetch(self, group_id, None).await
    }

    /// Fetches a connected group through a group of the user that is its member.
    pub async fn get_group_through(&self, group_id: &str, member_group_id: &str) -> Result<StdGroup> {
        StdGroup::fetch(self, group_id, Some(member_group_id)).await
    }

    /// A page of the user's groups; `last` is the last item of the page before.
    pub async fn get_groups(&self, last: Option<&GroupListItem>) -> Result<Vec<GroupListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |g| (g.time, g.group_id.as_str()));
        let out = self.get(&format!("/group/all/{time}/{}", id(last_id)?)).await?;
        Ok(group::done_get_groups(&out)?)
    }

    /// A page of the user's invites, newest first; `last` is the last item of the page before.
    pub async fn get_group_invites(&self, last: Option<&InviteListItem>) -> Result<Vec<InviteListItem>> {
        self.invite_page("invite", last).await
    }

    /// Joins a group after an invite.
    pub async fn accept_group_invite(&self, group_id: &str) -> Result<()> {
        Ok(user::done_success(&self.patch(&format!("/group/{}/invite", id(group_id)?)).await?)?)
    }

    /// Turns an invite down.
    pub async fn reject_group_invite(&self, group_id: &str) -> Result<()> {
        Ok(user::done_success(&self.delete(&format!("/group/{}/invite", id(group_id)?)).await?)?)
    }

    /// Asks to join a group.
    pub async fn group_join_request(&self, group_id: &str) -> Result<()> {
        Ok(user::done_success(&self.patch(&format!("/group/{}/join_req", id(group_id)?)).await?)?)
    }

    /// A page of the join requests this user sent, newest first.
    pub async fn get_sent_join_req(&self, last: Option<&InviteListItem>) -> Result<Vec<InviteListItem>> {
        self.invite_page("joins", last).await
    }

    /// Withdraws a join request.
    pub async fn delete_join_req(&self, group_id: &str) -> Result<()> {
        Ok(user::done_success(&self.delete(&format!("/group/joins/{}", id(group_id)?)).await?)?)
    }

    async fn invite_page(&self, list: &str, last: Option<&InviteListItem>) -> Result<Vec<InviteListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |i| (i.time, i.group_id.as_str()));
        let out = self.get(&format!("/group/{list}/{time}/{}", id(last_id)?)).await?;
        Ok(group::done_get_invites(&out)?)
    }
}
