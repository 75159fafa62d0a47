//! A login in the background, for calls that want a JWT of a complete one.

use std::fmt;

use keystead_sdk_core::user::{self, DirectLogin, LoginStart, LoginStep};

use super::Account;
use crate::client::{Call, Client};
use crate::std_user::{answer_second_factor, derive};
use crate::{Error, Result};

/// The second factor of an account that has one.
#[derive(Clone, Copy)]
pub enum SecondFactor<'a> {
    /// The six digits of the authenticator.
    Code(&'a str),
    /// A recovery key, which is used up.
    RecoveryKey(&'a str),
}

impl fmt::Debug for SecondFactor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code(..)",
            Self::RecoveryKey(_) => "RecoveryKey(..)",
        })
    }
}

/// A session of its own, ended after use.
pub(super) struct Fresh {
    client: Client,
    jwt: String,
    refresh_token: String,
}

impl Fresh {
    /// Sends a call with the fresh JWT.
    pub(super) async fn send(&self, method: reqwest::Method, path: &str, body: Option<String>) -> Result<String> {
        self.client.send(method, path, Call { jwt: Some(&self.jwt), body, via: None }).await
    }

    /// Ends the session. A server that does not know how answers with code 404: then it stays until it expires.
    pub(super) async fn end(self) {
        let body = Some(user::prepare_refresh(&self.refresh_token));
        drop(self.client.delete("/refresh", Call { jwt: Some(&self.jwt), body, via: None }).await);
    }
}

impl Account {
    /// A fresh JWT of a login in the background, for calls of your own. Its session stays open until it expires or is ended
    /// ([`end_session`](Self::end_session)). Errors: as [`Client::login`]; `SecondFactor` when the account has one and none
    /// was given; `Sdk(Server)` 901, 902 for a wrong one.
    pub async fn fresh_jwt(&self, password: &str, second_factor: Option<SecondFactor<'_>>) -> Result<String> {
        Ok(self.log_in_again(password, second_factor).await?.jwt)
    }

    /// One call with a fresh JWT.
    pub(super) async fn with_fresh(
        &self,
        password: &str,
        second_factor: Option<SecondFactor<'_>>,
        method: reqwest::Method,
        path: &str,
        body: Option<String>,
    ) -> Result<String> {
        let fresh = self.log_in_again(password, second_factor).await?;
        let out = fresh.send(method, path, body).await;
        fresh.end().await;
        out
    }

    /// Password and second factor; never [`LoginStep::Otp`].
    pub(super) async fn prove(
        &self,
        password: &str,
        second_factor: Option<SecondFactor<'_>>,
    ) -> Result<(LoginStart, LoginStep)> {
        let client = self.client();
        let (body, start) = derive(client, &self.identifier(), password, self.generation).await?;
        let out = client.post("/done_login", Call { body: Some(body), ..Call::default() }).await?;
        let step = match (user::done_login(&start, &out)?, second_factor) {
            (LoginStep::Otp, Some(factor)) => {
                LoginStep::Direct(Box::new(answer_second_factor(client, &start, factor).await?))
            }
            (LoginStep::Otp, None) => return Err(Error::SecondFactor),
            (step, _) => step,
        };
        Ok((start, step))
    }

    /// Challenge and tokens; of a complete login, too, only the tokens are of interest here.
    pub(super) async fn finish(&self, start: &LoginStart, login: DirectLogin) -> Result<Fresh> {
        self.client().answer_challenge(&login)?;
        let path = if self.light { "/verify_login_light" } else { "/verify_login" };
        let body = Some(user::prepare_verify_login(start, &login));
        let out = self.client().post(path, Call { body, ..Call::default() }).await?;
        let tokens = user::done_verify_login_light(login, &out)?;
        Ok(self.fresh(tokens.jwt(), tokens.refresh_token()))
    }

    async fn log_in_again(&self, password: &str, second_factor: Option<SecondFactor<'_>>) -> Result<Fresh> {
        match self.prove(password, second_factor).await? {
            (start, LoginStep::Direct(login)) => self.finish(&start, *login).await,
            // A device of 2022 is logged in by one answer.
            (_start, LoginStep::Done(data)) => Ok(self.fresh(data.jwt(), data.refresh_token())),
            (_start, LoginStep::Otp) => Err(Error::SecondFactor),
        }
    }

    fn fresh(&self, jwt: &str, refresh_token: &str) -> Fresh {
        let (jwt, refresh_token) = (jwt.to_owned(), refresh_token.to_owned());
        Fresh { client: self.client().clone(), jwt, refresh_token }
    }
}
