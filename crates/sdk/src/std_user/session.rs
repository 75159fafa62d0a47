//! Login, JWT and keys of a user.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use keystead_sdk_core::group::{PageCursor, Pages, next_page};
use keystead_sdk_core::user::{self, LoginStart, LoginStep, UserData};
use keystead_sdk_core::{SdkError, jwt};

use super::StdUser;
use crate::client::{Call, Client, blocking, default_client, id};
use crate::group::InviteListItem;
use crate::{Error, Result};

pub(crate) struct Session {
    pub(crate) client: Client,
    user_id: String,
    device_id: String,
    user_group_id: String,
    refresh_token: String,
    identifier: RwLock<String>,
    jwt: RwLock<String>,
    data: RwLock<Arc<UserData>>,
}

/// Where a login stands after the password.
#[derive(Debug)]
pub enum Login {
    /// Complete.
    Done(Box<StdUser>),
    /// The account has a second factor.
    SecondFactor(PendingLogin),
}

/// A login that waits for the second factor.
pub struct PendingLogin {
    client: Client,
    start: Box<LoginStart>,
}

impl PendingLogin {
    /// Goes on with the six digits of the authenticator. After a wrong code (`Sdk(Server)` 902) it may be tried again.
    pub async fn validate_totp(&self, code: &str) -> Result<StdUser> {
        self.validate("/validate_mfa", code).await
    }

    /// Goes on with a recovery key, which is used up by that.
    pub async fn validate_recovery_key(&self, key: &str) -> Result<StdUser> {
        self.validate("/validate_recovery_otp", key).await
    }

    async fn validate(&self, path: &str, token: &str) -> Result<StdUser> {
        let body = Some(user::prepare_validate_mfa(&self.start, token));
        let out = self.client.post(path, Call { body, ..Call::default() }).await?;
        let login = user::done_validate_mfa(&self.start, &out)?;
        verify_login(&self.client, &self.start, login).await
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingLogin(..)")
    }
}

/// Which generation of clients registered the device that logs in: they derive at another cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    Today,
    /// npm 0.3.1 of 2022.
    G03,
}

pub(crate) async fn begin_login(
    client: &Client,
    identifier: &str,
    password: &str,
    generation: Generation,
) -> Result<Login> {
    let (body, start) = derive_as(client, identifier, password, generation).await?;
    let client = client.clone();
    let out = client.post("/done_login", Call { body: Some(body), ..Call::default() }).await?;
    Ok(match user::done_login(&start, &out)? {
        LoginStep::Otp => Login::SecondFactor(PendingLogin { client, start: Box::new(start) }),
        LoginStep::Direct(login) => Login::Done(Box::new(verify_login(&client, &start, *login).await?)),
        LoginStep::Done(data) => Login::Done(Box::new(finish(&client, start.identifier(), *data).await?)),
    })
}

/// The first two calls of a login: the body of `done_login` and the derived keys.
pub(super) async fn derive(client: &Client, identifier: &str, password: &str) -> Result<(String, LoginStart)> {
    derive_as(client, identifier, password, Generation::Today).await
}

async fn derive_as(
    client: &Client,
    identifier: &str,
    password: &str,
    generation: Generation,
) -> Result<(String, LoginStart)> {
    let body = Some(user::prepare_login_start(identifier));
    let salt = client.post("/prepare_login", Call { body, ..Call::default() }).await?;
    let (identifier, password, policy) = (identifier.to_owned(), password.to_owned(), *client.policy());
    blocking(move || match generation {
        Generation::Today => user::prepare_login_with(policy, &identifier, &password, &salt),
        Generation::G03 => user::prepare_login_g03_with(policy, &identifier, &password, &salt),
    })
    .await
}

async fn verify_login(client: &Client, start: &LoginStart, login: user::DirectLogin) -> Result<StdUser> {
    client.answer_challenge(&login)?;
    let body = Some(user::prepare_verify_login(start, &login));
    let out = client.post("/verify_login", Call { body, ..Call::default() }).await?;
    finish(client, start.identifier(), user::done_verify_login(login, &out)?).await
}

async fn finish(client: &Client, identifier: &str, data: UserData) -> Result<StdUser> {
    let user = StdUser {
        inner: Arc::new(Session {
            client: client.clone(),
            user_id: data.user_id().to_owned(),
            device_id: data.device().device_id().to_owned(),
            user_group_id: data.user_group_id().to_owned(),
            refresh_token: data.refresh_token().to_owned(),
            identifier: RwLock::new(identifier.to_owned()),
            jwt: RwLock::new(data.jwt().to_owned()),
            data: RwLock::new(Arc::new(data)),
        }),
    };
    user.load_further_keys().await?;
    user.pin_own_keys()?;
    Ok(user)
}

impl StdUser {
    /// Registers a user with the process-wide client and gives the new user id. See [`Client::register`].
    pub async fn register(identifier: &str, password: &str) -> Result<String> {
        default_client()?.register(identifier, password).await
    }

    /// As [`register`](Self::register), with a client.
    pub async fn register_with(client: &Client, identifier: &str, password: &str) -> Result<String> {
        client.register(identifier, password).await
    }

    /// Logs in with the process-wide client. See [`Client::login`].
    pub async fn login(identifier: &str, password: &str) -> Result<Self> {
        default_client()?.login(identifier, password).await
    }

    /// As [`login`](Self::login), with a client.
    pub async fn login_with(client: &Client, identifier: &str, password: &str) -> Result<Self> {
        client.login(identifier, password).await
    }

    /// Logs in as far as the password goes, with the process-wide client: for accounts with a second factor.
    pub async fn begin_login(identifier: &str, password: &str) -> Result<Login> {
        default_client()?.begin_login(identifier, password).await
    }

    /// True when nobody uses the identifier, with the process-wide client.
    pub async fn check_identifier(identifier: &str) -> Result<bool> {
        default_client()?.check_identifier(identifier).await
    }

    /// User id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.inner.user_id
    }

    /// Id of this device.
    #[must_use]
    pub fn device_id(&self) -> &str {
        &self.inner.device_id
    }

    /// Id of the user group (the group of the user's devices).
    #[must_use]
    pub fn user_group_id(&self) -> &str {
        &self.inner.user_group_id
    }

    /// The identifier of this device.
    #[must_use]
    pub fn identifier(&self) -> String {
        self.inner.identifier.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The client this user came by.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The current JWT, for calls of your own. Secret for its five minutes.
    #[must_use]
    pub fn jwt(&self) -> String {
        self.inner.jwt.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the current JWT expires, seconds since 1970. Errors: `Sdk(Jwt)`.
    pub fn jwt_expires(&self) -> Result<i64> {
        Ok(jwt::claims(&self.jwt())?.exp)
    }

    /// The refresh token of this login, for a backend that keeps it in a cookie. Secret.
    #[must_use]
    pub fn refresh_token(&self) -> &str {
        &self.inner.refresh_token
    }

    /// The keys as they are now.
    #[must_use]
    pub fn data(&self) -> Arc<UserData> {
        Arc::clone(&self.inner.data.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gets a new JWT with the refresh token; it is not fresh. Errors: `Sdk(Server)` 114 when the session was ended.
    pub async fn refresh_jwt(&self) -> Result<()> {
        let body = Some(user::prepare_refresh(self.refresh_token()));
        let jwt = self.jwt();
        let out = self.client().put("/refresh", Call { jwt: Some(&jwt), body, via: None }).await?;
        let out = user::done_refresh(&out)?;
        if out.user_id != self.user_id() || out.device_id != self.device_id() {
            return Err(SdkError::WrongId.into());
        }
        self.set_jwt(out.jwt);
        Ok(())
    }

    /// Puts a JWT in place that the app's backend fetched (the strategies `cookie` and `cookie_fn`).
    pub fn set_jwt(&self, jwt: String) {
        *self.inner.jwt.write().unwrap_or_else(PoisonError::into_inner) = jwt;
    }

    /// As [`refresh_jwt`](Self::refresh_jwt), and gives the first page of invites with it: the call of an app's start.
    pub async fn init(&self) -> Result<Vec<InviteListItem>> {
        let body = Some(user::prepare_init(self.refresh_token()));
        let jwt = self.jwt();
        let out = self.client().post("/init", Call { jwt: Some(&jwt), body, via: None }).await?;
        let out = user::done_init(&out)?;
        self.set_jwt(out.jwt);
        Ok(out.invites)
    }

    /// Ends this session: the refresh token is worth nothing afterwards; the JWT lives on until it expires. A call of
    /// Keystead's own server; others answer with code 404.
    pub async fn logout(&self) -> Result<()> {
        let body = Some(user::prepare_refresh(self.refresh_token()));
        let jwt = self.jwt();
        let out = self.client().delete("/refresh", Call { jwt: Some(&jwt), body, via: None }).await?;
        Ok(user::done_success(&out)?)
    }

    /// Logs in again in the background for calls that want a fresh JWT. Errors: as [`Client::login`].
    pub async fn fresh_jwt(&self, password: &str) -> Result<()> {
        let again = self.client().login(&self.identifier(), password).await?;
        self.set_jwt(again.jwt());
        Ok(())
    }

    /// Fetches user keys that came up since the login, as after a rotation on another device.
    pub async fn reload_keys(&self) -> Result<()> {
        let cursor = PageCursor::first();
        self.load_keys_from(Some(cursor)).await?;
        self.pin_own_keys()
    }

    async fn load_further_keys(&self) -> Result<()> {
        let keys: Vec<_> = self.data().keys().iter().map(|k| k.group_key().clone()).collect();
        self.load_keys_from(next_page(&keys)).await
    }

    async fn load_keys_from(&self, cursor: Option<PageCursor>) -> Result<()> {
        let mut pages = Pages::new();
        let mut cursor = pages.next(cursor)?;
        while let Some(at) = cursor {
            let path = format!("/user/user_keys/keys/{}/{}", at.time, id(&at.id)?);
            let out = self.get(&path).await?;
            let page = user::done_fetch_user_keys(&out, self.data().device())?;
            let keys: Vec<_> = page.iter().map(|k| k.group_key().clone()).collect();
            cursor = pages.next(next_page(&keys))?;
            self.update(|data| data.add_keys(page))?;
        }
        Ok(())
    }

    fn pin_own_keys(&self) -> Result<()> {
        let data = self.data();
        Ok(self.client().pins().pin_own(&data)?)
    }

    fn update(&self, change: impl FnOnce(&mut UserData) -> Result<(), SdkError>) -> Result<()> {
        let mut data = self.inner.data.write().unwrap_or_else(PoisonError::into_inner);
        Ok(change(Arc::make_mut(&mut data))?)
    }

    pub(super) fn set_identifier(&self, identifier: &str) {
        identifier.clone_into(&mut self.inner.identifier.write().unwrap_or_else(PoisonError::into_inner));
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

// Users and groups travel between tasks.
const _: fn() = || {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<StdUser>();
    send_and_sync::<Error>();
};
