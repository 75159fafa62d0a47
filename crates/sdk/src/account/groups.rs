//! What needs no keys of groups: lists, invites, join requests, light groups.

use keystead_sdk_core::{group, user};

use super::Account;
use crate::Result;
use crate::client::id;
use crate::group::{GroupLightData, GroupListItem, InviteListItem};

impl Account {
    /// Creates a group without keys and gives its id.
    pub async fn create_light_group(&self) -> Result<String> {
        Ok(group::done_create_group(&self.post("/group/light", None).await?)?)
    }

    /// What the user is in a group, with or without keys. Errors: `Sdk(Server)` 310 without access.
    pub async fn get_light_group(&self, group_id: &str) -> Result<GroupLightData> {
        Ok(group::done_get_group_light(&self.get(&format!("/group/{}/light", id(group_id)?)).await?)?)
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
