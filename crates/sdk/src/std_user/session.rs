//! Login, JWT and keys of a user.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use keystead_sdk_core::SdkError;
use keystead_sdk_core::group::{PageCursor, Pages, next_page};
use keystead_sdk_core::user::{self, LoginStart, LoginStep, UserData};

use super::StdUser;
use crate::account::{Account, NewAccount, SecondFactor};
use crate::client::{Call, Client, blocking, default_client, id};
use crate::{Error, Result};

pub(crate) struct Session {
    pub(crate) account: Account,
    data: RwLock<Arc<UserData>>,
}

/// Where a login stands after the password.
#[derive(Debug)]
pub enum Login {
    /// Complete.
    Done(Box<StdUser>),
    /// The account has a second factor.
    SecondFactor(Box<PendingLogin>),
}

/// A login that waits for the second factor.
pub struct PendingLogin {
    client: Client,
    start: Box<LoginStart>,
    generation: Generation,
}

impl PendingLogin {
    /// Goes on with the six digits of the authenticator. After a wrong code (`Sdk(Server)` 902) it may be tried again.
    pub async fn mfa_login(&self, code: &str) -> Result<StdUser> {
        self.validate(SecondFactor::Code(code)).await
    }

    /// Goes on with a recovery key, which is used up by that.
    pub async fn mfa_recovery_login(&self, key: &str) -> Result<StdUser> {
        self.validate(SecondFactor::RecoveryKey(key)).await
    }

    async fn validate(&self, factor: SecondFactor<'_>) -> Result<StdUser> {
        let login = answer_second_factor(&self.client, &self.start, factor).await?;
        verify_login(&self.client, &self.start, login, self.generation).await
    }
}

/// Gives the second factor of a begun login; the challenge comes after it.
pub(crate) async fn answer_second_factor(
    client: &Client,
    start: &LoginStart,
    factor: SecondFactor<'_>,
) -> Result<user::DirectLogin> {
    let (path, token) = match factor {
        SecondFactor::Code(code) => ("/validate_mfa", code),
        SecondFactor::RecoveryKey(key) => ("/validate_recovery_otp", key),
    };
    let body = Some(user::prepare_validate_mfa(start, token));
    let out = client.post(path, Call { body, ..Call::default() }).await?;
    Ok(user::done_validate_mfa(start, &out)?)
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
    let (body, start) = derive(client, identifier, password, generation).await?;
    let client = client.clone();
    let out = client.post("/done_login", Call { body: Some(body), ..Call::default() }).await?;
    Ok(match user::done_login(&start, &out)? {
        LoginStep::Otp => Login::SecondFactor(Box::new(PendingLogin { client, start: Box::new(start), generation })),
        LoginStep::Direct(login) => Login::Done(Box::new(verify_login(&client, &start, *login, generation).await?)),
        LoginStep::Done(data) => Login::Done(Box::new(finish(&client, start.identifier(), *data, generation).await?)),
    })
}

/// The first two calls of a login: the body of `done_login` and the derived keys.
pub(crate) async fn derive(
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

async fn verify_login(
    client: &Client,
    start: &LoginStart,
    login: user::DirectLogin,
    generation: Generation,
) -> Result<StdUser> {
    client.answer_challenge(&login)?;
    let body = Some(user::prepare_verify_login(start, &login));
    let out = client.post("/verify_login", Call { body, ..Call::default() }).await?;
    finish(client, start.identifier(), user::done_verify_login(login, &out)?, generation).await
}

async fn finish(client: &Client, identifier: &str, data: UserData, generation: Generation) -> Result<StdUser> {
    let account = Account::new(&NewAccount {
        client,
        identifier,
        device: data.device(),
        user_id: data.user_id(),
        user_group_id: data.user_group_id(),
        jwt: data.jwt(),
        refresh_token: data.refresh_token(),
        light: false,
        generation,
    });
    let user = StdUser { inner: Arc::new(Session { account, data: RwLock::new(Arc::new(data)) }) };
    user.load_further_keys().await?;
    user.pin_own_keys()?;
    Ok(user)
}

impl Deref for StdUser {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.inner.account
    }
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

    /// The keys as they are now.
    #[must_use]
    pub fn data(&self) -> Arc<UserData> {
        Arc::clone(&self.inner.data.read().unwrap_or_else(PoisonError::into_inner))
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
}

// Users and groups travel between tasks.
const _: fn() = || {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<StdUser>();
    send_and_sync::<Error>();
};
