//! A user's groups with keys. Lists, invites and light groups are [`Account`](crate::Account)'s.

use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::rng;

use super::StdUser;
use crate::Result;
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
}
