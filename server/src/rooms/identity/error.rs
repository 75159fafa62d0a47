//! What a client of the identity API is told (iam.md sections 2 and 15), plus the cause, which only the log sees.

use std::borrow::Cow;

use crate::db::{DbError, RetryHint};
use crate::error::KeyError;

/// A failure of the identity API.
#[derive(Debug)]
pub struct IamError {
    /// `statusCode`.
    pub code: u16,
    /// `message` and `statusMessage`. Never carries user data that the caller did not send himself.
    pub message: Cow<'static, str>,
    /// How it is told.
    pub manner: Manner,
    /// Seconds until the call may be tried again.
    pub retry_after_s: Option<u64>,
    /// The answer takes the caller's cookies away.
    pub clears: bool,
    /// What happened inside. Logged once with the request id, never sent.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// How a failure is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As the route tells its failures: under `authn` HTTP 200, elsewhere its own status with the union body.
    Handled,
    /// Its own HTTP status and the union body, on every route.
    Thrown,
    /// `{"status":"fail"}` and nothing else.
    Bare,
}

/// The answer of a rule or handler of the identity API.
pub type IamResult<T> = Result<T, IamError>;

impl IamError {
    /// A failure that the route tells in its own manner.
    pub fn new(code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), manner: Manner::Handled, retry_after_s: None, clears: false, cause: None }
    }

    /// 400: something is missing or makes no sense.
    pub fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, message)
    }

    /// 401 `Unauthorized`.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    /// 403 `Forbidden`.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(403, "Forbidden")
    }

    /// 403: the account has been switched off.
    #[must_use]
    pub fn deactivated() -> Self {
        Self::new(403, "Forbidden. Account has been deactivated. Please contact your administrator.")
    }

    /// 403: the csrf token is missing or not the session's.
    #[must_use]
    pub fn csrf() -> Self {
        Self::new(403, "Missing or invalid csrf token")
    }

    /// 500 with its own HTTP status, whatever the route.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { manner: Manner::Thrown, cause: Some(cause.into()), ..Self::new(500, "Server error") }
    }

    /// 429 with the seconds to wait.
    #[must_use]
    pub fn limited(retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(429, "Too many attempts. Try again later.") }
    }

    /// 503: too many passwords wait for being hashed.
    #[must_use]
    pub fn busy() -> Self {
        Self { retry_after_s: Some(2), ..Self::new(503, "Server busy. Try again later.") }
    }

    /// `{"status":"fail"}`.
    #[must_use]
    pub fn bare() -> Self {
        Self { manner: Manner::Bare, ..Self::unauthorized() }
    }

    /// Its own HTTP status, whatever the route.
    #[must_use]
    pub fn thrown(self) -> Self {
        Self { manner: Manner::Thrown, ..self }
    }

    /// The answer takes the cookies away.
    #[must_use]
    pub fn clearing(self) -> Self {
        Self { clears: true, ..self }
    }
}

impl From<diesel::result::Error> for IamError {
    fn from(e: diesel::result::Error) -> Self {
        Self::internal(e)
    }
}

impl From<DbError> for IamError {
    fn from(e: DbError) -> Self {
        Self::internal(e)
    }
}

/// What the key rooms refuse: told with their own text when it is about the input.
impl From<KeyError> for IamError {
    fn from(e: KeyError) -> Self {
        match e.code.http_status() {
            500.. => match e.cause {
                Some(cause) => Self::internal(cause),
                None => Self::internal(e.code.text()),
            },
            429 => Self::limited(e.retry_after_s.unwrap_or(1)),
            status => Self::new(status, e.message.unwrap_or_else(|| e.code.text().to_owned())),
        }
    }
}

impl RetryHint for IamError {
    fn is_retryable(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| {
            cause.downcast_ref::<diesel::result::Error>().is_some_and(RetryHint::is_retryable)
                || cause.downcast_ref::<DbError>().is_some_and(RetryHint::is_retryable)
        })
    }
}
