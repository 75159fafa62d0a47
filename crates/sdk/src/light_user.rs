//! A user without user keys: an account with devices, second factor and light groups.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use keystead_sdk_core::user::{self, DeviceKeys, DirectLogin, LoginStart, LoginStep};

use crate::account::{Account, NewAccount};
use crate::client::{Call, Client};
use crate::std_user::{Generation, answer_second_factor, derive};
use crate::{Result, SdkError, SecondFactor};

/// A logged-in light user. Cloning is cheap; all clones share the JWT. Holds the device's keys in memory.
#[derive(Clone)]
pub struct LightUser {
    inner: Arc<Inner>,
}

struct Inner {
    account: Account,
    device: DeviceKeys,
}

/// Where the login of a light user stands after the password.
#[derive(Debug)]
pub enum LightLogin {
    /// Complete.
    Done(Box<LightUser>),
    /// The account has a second factor.
    SecondFactor(PendingLightLogin),
}

/// A light user's login that waits for the second factor.
pub struct PendingLightLogin {
    client: Client,
    start: Box<LoginStart>,
}

impl PendingLightLogin {
    /// As [`PendingLogin::mfa_login`](crate::PendingLogin::mfa_login).
    pub async fn mfa_login(&self, code: &str) -> Result<LightUser> {
        self.validate(SecondFactor::Code(code)).await
    }

    /// As [`PendingLogin::mfa_recovery_login`](crate::PendingLogin::mfa_recovery_login).
    pub async fn mfa_recovery_login(&self, key: &str) -> Result<LightUser> {
        self.validate(SecondFactor::RecoveryKey(key)).await
    }

    async fn validate(&self, factor: SecondFactor<'_>) -> Result<LightUser> {
        let login = answer_second_factor(&self.client, &self.start, factor).await?;
        verify(&self.client, &self.start, login).await
    }
}

impl fmt::Debug for PendingLightLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingLightLogin(..)")
    }
}

pub(crate) async fn begin_login(client: &Client, identifier: &str, password: &str) -> Result<LightLogin> {
    let (body, start) = derive(client, identifier, password, Generation::Today).await?;
    let out = client.post("/done_login", Call { body: Some(body), ..Call::default() }).await?;
    match user::done_login(&start, &out)? {
        LoginStep::Otp => {
            Ok(LightLogin::SecondFactor(PendingLightLogin { client: client.clone(), start: Box::new(start) }))
        }
        LoginStep::Direct(login) => Ok(LightLogin::Done(Box::new(verify(client, &start, *login).await?))),
        // Clients of 2022 had no light users.
        LoginStep::Done(_) => Err(SdkError::ServerOutput.into()),
    }
}

async fn verify(client: &Client, start: &LoginStart, login: DirectLogin) -> Result<LightUser> {
    client.answer_challenge(&login)?;
    let body = Some(user::prepare_verify_login(start, &login));
    let out = client.post("/verify_login_light", Call { body, ..Call::default() }).await?;
    let data = user::done_verify_login_light(login, &out)?;
    let account = Account::new(&NewAccount {
        client,
        identifier: start.identifier(),
        device: data.device(),
        user_id: data.user_id(),
        user_group_id: data.user_group_id(),
        jwt: data.jwt(),
        refresh_token: data.refresh_token(),
        light: true,
        generation: Generation::Today,
    });
    Ok(LightUser { inner: Arc::new(Inner { account, device: data.device().clone() }) })
}

impl Deref for LightUser {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.inner.account
    }
}

impl LightUser {
    /// Lets a new device in. `server_output`: the text that `Client::register_device_start` gave on the new device.
    pub async fn register_device(&self, server_output: &str) -> Result<()> {
        let body = user::prepare_register_device_light(server_output)?;
        let out = self.put("/user/done_register_device_light", Some(body)).await?;
        Ok(user::done_success(&out)?)
    }

    /// Sets a new password for this device. Errors: `Sdk(Server)` 113 when the login is older than five minutes and the
    /// server wants a fresh one.
    pub async fn reset_password(&self, new_password: &str) -> Result<()> {
        self.reset_password_of(self.inner.device.clone(), new_password).await
    }
}

impl fmt::Debug for LightUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LightUser").field("user_id", &self.user_id()).finish_non_exhaustive()
    }
}
