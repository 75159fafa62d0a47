//! Users and sign-in.

use keystead_protocol::data::{SignedIn, User};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::client::send;
use crate::{Db, Error, Result};

/// Calls about users. All but [`verify_token`](Self::verify_token) need the admin token.
#[derive(Debug, Clone, Copy)]
pub struct Auth<'a>(pub(crate) &'a Db);

/// Whose record.
#[derive(Clone)]
pub enum Who {
    /// By address.
    Email(String),
    /// By id.
    Id(String),
    /// By one of his refresh tokens.
    RefreshToken(String),
}

impl Who {
    /// By address.
    pub fn email(email: impl Into<String>) -> Self {
        Self::Email(email.into())
    }

    /// By id.
    #[expect(clippy::needless_pass_by_value, reason = "takes a Uuid as well as a text")]
    pub fn id(id: impl ToString) -> Self {
        Self::Id(id.to_string())
    }

    /// By one of his refresh tokens.
    pub fn refresh_token(token: impl Into<String>) -> Self {
        Self::RefreshToken(token.into())
    }

    fn pair(&self) -> (&'static str, &str) {
        match self {
            Self::Email(email) => ("email", email),
            Self::Id(id) => ("id", id),
            Self::RefreshToken(token) => ("refresh_token", token),
        }
    }

    fn body(&self) -> Value {
        let (name, value) = self.pair();
        json!({ name: value })
    }
}

/// A magic code.
#[derive(Clone, Deserialize)]
pub struct MagicCode {
    /// Six digits.
    pub code: String,
}

impl Auth<'_> {
    /// The user; none where there is none.
    ///
    /// # Errors
    /// Refusals.
    pub async fn get_user(&self, who: &Who) -> Result<Option<User>> {
        #[derive(Deserialize)]
        struct Answer {
            user: Option<User>,
        }
        let answer: Answer = send(self.0.admin_request(Method::GET, "/admin/users", &[who.pair()])?).await?;
        Ok(answer.user)
    }

    /// Deletes a user, and what hangs on him by cascade; gives who it was.
    ///
    /// # Errors
    /// Refusals.
    pub async fn delete_user(&self, who: &Who) -> Result<Option<User>> {
        #[derive(Deserialize)]
        struct Answer {
            deleted: Option<User>,
        }
        let answer: Answer = send(self.0.admin_request(Method::DELETE, "/admin/users", &[who.pair()])?).await?;
        Ok(answer.deleted)
    }

    /// Makes refresh tokens useless: all of an address or id, or the one named.
    ///
    /// # Errors
    /// `record-not-found` for an unknown address.
    pub async fn sign_out(&self, who: &Who) -> Result<()> {
        self.0.admin_post::<Value>("/admin/sign_out", &who.body()).await.map(drop)
    }

    /// A refresh token for an address or id; the user is made when there is none.
    ///
    /// # Errors
    /// `Config` when asked by refresh token; refusals.
    pub async fn create_token(&self, who: &Who) -> Result<String> {
        if matches!(who, Who::RefreshToken(_)) {
            return Err(Error::Config("a refresh token"));
        }
        let answer: SignedIn = self.0.admin_post("/admin/refresh_tokens", &who.body()).await?;
        answer.user.refresh_token.ok_or_else(|| missing("refresh_token"))
    }

    /// A code for an address, to be sent by a mail service of your own.
    ///
    /// # Errors
    /// `rate-limited`, other refusals.
    pub async fn generate_magic_code(&self, email: &str) -> Result<MagicCode> {
        self.0.admin_post("/admin/magic_code", &json!({"email": email})).await
    }

    /// As [`generate_magic_code`](Self::generate_magic_code), and the server sends it.
    ///
    /// # Errors
    /// `rate-limited`, `email-send-failed`, other refusals.
    pub async fn send_magic_code(&self, email: &str) -> Result<MagicCode> {
        self.0.admin_post("/admin/send_magic_code", &json!({"email": email})).await
    }

    /// Uses a code up: the user, with a refresh token.
    ///
    /// # Errors
    /// `record-not-found`, `record-expired`, `rate-limited`.
    pub async fn verify_magic_code(&self, email: &str, code: &str) -> Result<User> {
        Ok(self.check_magic_code(email, code, None).await?.user)
    }

    /// As [`verify_magic_code`](Self::verify_magic_code), with values for the user's own attrs, should he be new.
    ///
    /// # Errors
    /// As there.
    pub async fn check_magic_code(
        &self,
        email: &str,
        code: &str,
        extra_fields: Option<&Map<String, Value>>,
    ) -> Result<SignedIn> {
        let mut body = json!({"email": email, "code": code});
        if let (Value::Object(body), Some(fields)) = (&mut body, extra_fields) {
            body.insert("extra-fields".into(), Value::Object(fields.clone()));
        }
        self.0.admin_post("/admin/verify_magic_code", &body).await
    }

    /// Whose refresh token this is. Needs no admin token.
    ///
    /// # Errors
    /// `record-not-found` when it is nobody's.
    pub async fn verify_token(&self, refresh_token: &str) -> Result<User> {
        #[derive(Deserialize)]
        struct Answer {
            user: User,
        }
        let body = json!({"app-id": self.0.app_id(), "refresh-token": refresh_token});
        let request = self.0.request(Method::POST, "/runtime/auth/verify_refresh_token", &[])?;
        Ok(send::<Answer>(request.json(&body)).await?.user)
    }
}

fn missing(field: &'static str) -> Error {
    Error::Answer(serde::de::Error::missing_field(field))
}
