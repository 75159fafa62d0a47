//! A failure of the data API: what the client is told, and the cause, which only the log sees.

use keystead_instaql::{Error, Kind};
use keystead_protocol::ErrorCode;
use serde_json::Value;

use crate::db::{DbError, RetryHint};
use crate::error::KeyError;
use crate::rooms::identity::error::IamError;

/// The answer of a rule or handler of the data API.
pub type DataResult<T> = Result<T, DataError>;

/// What the client is told, and why.
#[derive(Debug)]
pub struct DataError {
    /// Type, message and hint of the answer.
    pub told: Error,
    /// The HTTP status where the kind's own does not fit (dashboard routes).
    pub status: Option<u16>,
    /// What happened inside. Logged once with the request id, never sent.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl DataError {
    /// A failure inside the server.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let told = Error::new(Kind::Unknown, "Something went wrong inside the server", Value::Null);
        Self { told, status: None, cause: Some(cause.into()) }
    }

    /// 401 with a message: what dashboard routes answer to a wrong token.
    #[must_use]
    pub fn unauthorized(record_type: &str) -> Self {
        Self { told: Error::not_found(record_type), status: Some(401), cause: None }
    }

    /// The HTTP status.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.status.unwrap_or_else(|| self.told.kind.http_status())
    }
}

impl From<Error> for DataError {
    fn from(told: Error) -> Self {
        Self { told, status: None, cause: None }
    }
}

impl From<diesel::result::Error> for DataError {
    fn from(e: diesel::result::Error) -> Self {
        Self::internal(e)
    }
}

impl From<DbError> for DataError {
    fn from(e: DbError) -> Self {
        Self::internal(e)
    }
}

impl From<KeyError> for DataError {
    fn from(e: KeyError) -> Self {
        let text = e.message.unwrap_or_else(|| e.code.text().to_owned());
        match e.cause {
            Some(cause) => Self::internal(cause),
            None => Error::new(Kind::ValidationFailed, text, Value::Null).into(),
        }
    }
}

impl From<DataError> for KeyError {
    fn from(e: DataError) -> Self {
        match e.cause {
            Some(cause) => Self { cause: Some(cause), ..Self::new(ErrorCode::DbQuery) },
            None => Self::input(e.told.message),
        }
    }
}

impl From<DataError> for IamError {
    fn from(e: DataError) -> Self {
        match e.cause {
            Some(cause) => Self::internal(cause),
            None => Self::bad(e.told.message),
        }
    }
}

impl RetryHint for DataError {
    fn is_retryable(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| {
            cause.downcast_ref::<diesel::result::Error>().is_some_and(RetryHint::is_retryable)
                || cause.downcast_ref::<DbError>().is_some_and(RetryHint::is_retryable)
        })
    }
}
