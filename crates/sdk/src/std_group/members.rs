//! Members, invites, join requests, ranks.

use keystead_sdk_core::group::{self, NewMemberPages, done_invite, prepare_group_keys_for_new_member};
use keystead_sdk_core::rng;
use keystead_sdk_core::user::{UserPublicKey, done_success};

use super::StdGroup;
use crate::Result;
use crate::client::id;
use crate::group::{GroupListItem, GroupUserListItem, InviteListItem, JoinRequestListItem};

impl StdGroup {
    /// The bodies of an invite: all group keys wrapped for the user, his public key checked.
    pub async fn prepare_keys_for_new_member(&self, user_id: &str, rank: Option<i32>) -> Result<NewMemberPages> {
        let key = self.user().client().public_key(user_id).await?;
        self.wrap_keys(&key, rank)
    }

    /// Invites a user, who must accept. `rank` 1 to 4, default 4. Needs rank 2.
    pub async fn invite(&self, user_id: &str, rank: Option<i32>) -> Result<()> {
        let pages = self.prepare_keys_for_new_member(user_id, rank).await?;
        self.send_keys(&format!("invite/{}", id(user_id)?), "invite", pages).await
    }

    /// Makes a user a member at once. `rank` 1 to 4, default 4. Needs rank 2.
    pub async fn invite_auto(&self, user_id: &str, rank: Option<i32>) -> Result<()> {
        let pages = self.prepare_keys_for_new_member(user_id, rank).await?;
        self.send_keys(&format!("invite_auto/{}", id(user_id)?), "join_req", pages).await
    }

    /// Gives a member all keys again, as after a reset of his account. He keeps his rank. Errors: `Sdk(Server)` 320.
    pub async fn re_invite_user(&self, user_id: &str) -> Result<()> {
        let pages = self.prepare_keys_for_new_member(user_id, None).await?;
        self.send_keys(&format!("re_invite/{}", id(user_id)?), "join_req", pages).await
    }

    /// The bodies of an invite of a group: all keys of this group wrapped for its newest public key.
    pub async fn prepare_keys_for_new_group(&self, group_id: &str, rank: Option<i32>) -> Result<NewMemberPages> {
        let key = self.user().client().group_public_key(group_id).await?;
        self.wrap_keys(&key, rank)
    }

    /// Invites a group into this connected group; an admin of that group must accept. Errors: `Sdk(Server)` 319 unless
    /// this group is connected and that one is not.
    pub async fn invite_group(&self, group_id: &str, rank: Option<i32>) -> Result<()> {
        let pages = self.prepare_keys_for_new_group(group_id, rank).await?;
        self.send_keys(&format!("invite_group/{}", id(group_id)?), "invite", pages).await
    }

    /// Makes a group a member of this connected group at once. Errors: as [`invite_group`](Self::invite_group).
    pub async fn invite_group_auto(&self, group_id: &str, rank: Option<i32>) -> Result<()> {
        let pages = self.prepare_keys_for_new_group(group_id, rank).await?;
        self.send_keys(&format!("invite_group_auto/{}", id(group_id)?), "join_req", pages).await
    }

    /// Gives a group that is a member all keys again. It keeps its rank. Errors: `Sdk(Server)` 320.
    pub async fn re_invite_group(&self, group_id: &str) -> Result<()> {
        let pages = self.prepare_keys_for_new_group(group_id, None).await?;
        self.send_keys(&format!("re_invite_group/{}", id(group_id)?), "join_req", pages).await
    }

    /// Stops invites and join requests, or allows them again.
    pub async fn stop_group_invites(&self) -> Result<()> {
        Ok(done_success(&self.patch("change_invite").await?)?)
    }

    /// A page of the members without the caller, oldest first; `last` is the last item of the page before. The list is what
    /// the server says; errors: `Sdk(MemberList)`, `Sdk(Paging)` when it contradicts itself.
    pub async fn get_members(&self, last: Option<&GroupUserListItem>) -> Result<Vec<GroupUserListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |m| (m.joined_time, m.user_id.as_str()));
        let page = group::done_get_members(&self.get(&format!("member/{time}/{}", id(last_id)?)).await?)?;
        group::check_member_page(&page, last, &self.access_by(), self.rank())?;
        Ok(page)
    }

    /// Removes a member of the same or a lower rank. Needs rank 2. Errors: `Sdk(Server)` 300, 301, 315, 316.
    pub async fn kick(&self, user_id: &str) -> Result<()> {
        Ok(done_success(&self.delete(&format!("kick/{}", id(user_id)?)).await?)?)
    }

    /// Sets a member's rank, 1 to 4. Needs rank 1. Errors: `Sdk(Rank)` before anything is sent; `Sdk(Server)` 300, 314.
    pub async fn change_rank(&self, user_id: &str, new_rank: i32) -> Result<()> {
        let body = group::prepare_change_rank(user_id, new_rank, self.rank())?;
        Ok(done_success(&self.put("change_rank", Some(body)).await?)?)
    }

    /// Leaves the group; entered through another group, that group leaves, which needs rank 1 in it.
    /// Errors: `Sdk(Server)` 308 for the last admin, 300 for a member of a parent group.
    pub async fn leave(&self) -> Result<()> {
        Ok(done_success(&self.delete("leave").await?)?)
    }

    /// A page of the connected groups that this group is a member of, oldest first; `last` is the last item of the page
    /// before.
    pub async fn get_groups(&self, last: Option<&GroupListItem>) -> Result<Vec<GroupListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |g| (g.time, g.group_id.as_str()));
        Ok(group::done_get_groups(&self.get(&format!("all/{time}/{}", id(last_id)?)).await?)?)
    }

    /// A page of the invites of this group (into connected groups), newest first. Needs rank 1.
    pub async fn get_group_invites(&self, last: Option<&InviteListItem>) -> Result<Vec<InviteListItem>> {
        self.invite_page("invite", last).await
    }

    /// Accepts an invite as this group. Needs rank 1.
    pub async fn accept_group_invite(&self, group_id: &str) -> Result<()> {
        Ok(done_success(&self.patch(&format!("invite/{}", id(group_id)?)).await?)?)
    }

    /// Turns an invite of this group down. Needs rank 1.
    pub async fn reject_group_invite(&self, group_id: &str) -> Result<()> {
        Ok(done_success(&self.delete(&format!("invite/{}", id(group_id)?)).await?)?)
    }

    /// Asks to join a connected group as this group. Needs rank 1.
    pub async fn group_join_request(&self, group_id: &str) -> Result<()> {
        Ok(done_success(&self.patch(&format!("join_req/{}", id(group_id)?)).await?)?)
    }

    /// A page of the join requests this group sent, newest first. Needs rank 1.
    pub async fn get_sent_join_req(&self, last: Option<&InviteListItem>) -> Result<Vec<InviteListItem>> {
        self.invite_page("joins", last).await
    }

    /// Takes a join request of this group back. Needs rank 1.
    pub async fn delete_join_req(&self, group_id: &str) -> Result<()> {
        Ok(done_success(&self.delete(&format!("joins/{}", id(group_id)?)).await?)?)
    }

    /// A page of the join requests to this group, oldest first. Needs rank 2.
    pub async fn get_join_requests(&self, last: Option<&JoinRequestListItem>) -> Result<Vec<JoinRequestListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |j| (j.time, j.user_id.as_str()));
        Ok(group::done_get_join_requests(&self.get(&format!("join_req/{time}/{}", id(last_id)?)).await?)?)
    }

    /// Lets a user in who asked. `rank` 1 to 4, default 4. Needs rank 2.
    pub async fn accept_join_request(&self, user_id: &str, rank: Option<i32>) -> Result<()> {
        let pages = self.prepare_keys_for_new_member(user_id, rank).await?;
        self.send_keys(&format!("join_req/{}", id(user_id)?), "join_req", pages).await
    }

    /// Lets a group in that asked. `rank` 1 to 4, default 4. Needs rank 2.
    pub async fn accept_group_join_request(&self, group_id: &str, rank: Option<i32>) -> Result<()> {
        let pages = self.prepare_keys_for_new_group(group_id, rank).await?;
        self.send_keys(&format!("join_req/{}", id(group_id)?), "join_req", pages).await
    }

    /// Turns a user or group down that asked to join. Needs rank 2.
    pub async fn reject_join_request(&self, user_id: &str) -> Result<()> {
        Ok(done_success(&self.delete(&format!("join_req/{}", id(user_id)?)).await?)?)
    }

    async fn invite_page(&self, list: &str, last: Option<&InviteListItem>) -> Result<Vec<InviteListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |i| (i.time, i.group_id.as_str()));
        Ok(group::done_get_invites(&self.get(&format!("{list}/{time}/{}", id(last_id)?)).await?)?)
    }

    fn wrap_keys(&self, member: &UserPublicKey, rank: Option<i32>) -> Result<NewMemberPages> {
        let data = self.data();
        Ok(prepare_group_keys_for_new_member(&mut rng::os(), data.keys(), member, rank, data.rank)?)
    }

    /// Sends the first page, and the others into the upload session of this kind of invite.
    async fn send_keys(&self, path: &str, kind: &str, pages: NewMemberPages) -> Result<()> {
        let Some(session) = done_invite(&self.put(path, Some(pages.first)).await?)? else { return Ok(()) };
        for page in pages.further {
            let out = self.put(&format!("{kind}/session/{}", id(&session)?), Some(page)).await?;
            done_success(&out)?;
        }
        Ok(())
    }
}
