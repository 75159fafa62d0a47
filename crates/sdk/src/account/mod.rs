//! What every logged-in user has, with user keys or without: ids, tokens, and the changes to his account.

mod changes;
mod fresh;
mod groups;
mod mfa;

use std::sync::{PoisonError, RwLock};

use keystead_sdk_core::{SdkError, jwt, user};

use crate::Result;
use crate::client::{Call, Client};
use crate::group::InviteListItem;
use crate::std_user::Generation;

pub use fresh::SecondFactor;
pub use mfa::OtpUrl;

/// A logged-in account: [`StdUser`](crate::keys::StdUser) and [`LightUser`](crate::LightUser) stand for one, and all its
/// calls are theirs.
pub struct Account {
    client: Client,
    user_id: String,
    device_id: String,
    user_group_id: String,
    refresh_token: String,
    light: bool,
    generation: Generation,
    identifier: RwLock<String>,
    jwt: RwLock<String>,
}

/// What an [`Account`] is made of.
pub(crate) struct NewAccount<'a> {
    pub(crate) client: &'a Client,
    pub(crate) identifier: &'a str,
    pub(crate) device: &'a user::DeviceKeys,
    pub(crate) user_id: &'a str,
    pub(crate) user_group_id: &'a str,
    pub(crate) jwt: &'a str,
    pub(crate) refresh_token: &'a str,
    /// True for a user without user keys.
    pub(crate) light: bool,
    pub(crate) generation: Generation,
}

impl Account {
    pub(crate) fn new(new: &NewAccount<'_>) -> Self {
        Self {
            client: new.client.clone(),
            user_id: new.user_id.to_owned(),
            device_id: new.device.device_id().to_owned(),
            user_group_id: new.user_group_id.to_owned(),
            refresh_token: new.refresh_token.to_owned(),
            light: new.light,
            generation: new.generation,
            identifier: RwLock::new(new.identifier.to_owned()),
            jwt: RwLock::new(new.jwt.to_owned()),
        }
    }

    /// User id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Id of this device.
    #[must_use]
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// Id of the user group (the group of the user's devices).
    #[must_use]
    pub fn user_group_id(&self) -> &str {
        &self.user_group_id
    }

    /// The identifier of this device.
    #[must_use]
    pub fn identifier(&self) -> String {
        self.identifier.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The client this user came by.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The current JWT, for calls of your own. Secret for its five minutes.
    #[must_use]
    pub fn jwt(&self) -> String {
        self.jwt.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the current JWT expires, seconds since 1970. Errors: `Sdk(Jwt)`.
    pub fn jwt_expires(&self) -> Result<i64> {
        Ok(jwt::claims(&self.jwt())?.exp)
    }

    /// The refresh token of this login, for a backend that keeps it in a cookie. Secret.
    #[must_use]
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// Gets a new JWT with the refresh token; it is not fresh. Errors: `Sdk(Server)` 114 when the session was ended.
    pub async fn refresh_jwt(&self) -> Result<()> {
        let body = Some(user::prepare_refresh(self.refresh_token()));
        let out = self.put("/refresh", body).await?;
        let out = user::done_refresh(&out)?;
        if out.user_id != self.user_id() || out.device_id != self.device_id() {
            return Err(SdkError::WrongId.into());
        }
        self.set_jwt(out.jwt);
        Ok(())
    }

    /// Puts a JWT in place that the app's backend fetched (the strategies `cookie` and `cookie_fn`).
    pub fn set_jwt(&self, jwt: String) {
        *self.jwt.write().unwrap_or_else(PoisonError::into_inner) = jwt;
    }

    /// As [`refresh_jwt`](Self::refresh_jwt), and gives the first page of invites with it: the call of an app's start.
    pub async fn init(&self) -> Result<Vec<InviteListItem>> {
        let out = self.post("/init", Some(user::prepare_init(self.refresh_token()))).await?;
        let out = user::done_init(&out)?;
        self.set_jwt(out.jwt);
        Ok(out.invites)
    }

    /// Ends this session, refresh token and JWT. A call of Keystead's own server; others answer with code 404.
    pub async fn logout(&self) -> Result<()> {
        let body = Some(user::prepare_refresh(self.refresh_token()));
        let jwt = self.jwt();
        let out = self.client().delete("/refresh", Call { jwt: Some(&jwt), body, via: None }).await?;
        Ok(user::done_success(&out)?)
    }

    pub(crate) fn set_identifier(&self, identifier: &str) {
        identifier.clone_into(&mut self.identifier.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) async fn get(&self, path: &str) -> Result<String> {
        let jwt = self.jwt();
        self.client().get(path, Call { jwt: Some(&jwt), ..Call::default() }).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<String>) -> Result<String> {
        let jwt = self.jwt();
        self.client().post(path, Call { jwt: Some(&jwt), body, via: None }).await
    }

    pub(crate) async fn put(&self, path: &str, body: Option<String>) -> Result<String> {
        let jwt = self.jwt();
        self.client().put(path, Call { jwt: Some(&jwt), body, via: None }).await
    }

    pub(crate) async fn patch(&self, path: &str) -> Result<String> {
        let jwt = self.jwt();
        self.client().patch(path, Call { jwt: Some(&jwt), ..Call::default() }).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<String> {
        let jwt = self.jwt();
        self.client().delete(path, Call { jwt: Some(&jwt), ..Call::default() }).await
    }
}
