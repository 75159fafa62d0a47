//! Which error type for whom.
//!
//! - [`KeyError`]: what a client of the key API is told, by the wire's own code, plus the cause, which only the log sees.
//! - [`crate::db::DbError`]: the database itself, before a room says what it means.
//! - [`StartError`]: why the server or an operator command does not start.

use std::fmt;

use keystead_protocol::ErrorCode;

use crate::db::{DbError, RetryHint};

/// A failure of the key API: the code the client gets, and the cause for the log.
#[derive(Debug)]
pub struct KeyError {
    /// The wire's code; its HTTP status goes with it.
    pub code: ErrorCode,
    /// `err_msg`, when the place knows better than the code's own text.
    pub message: Option<String>,
    /// Seconds until the call may be tried again (code 429).
    pub retry_after_s: Option<u64>,
    /// What happened inside. Logged once with the request id, never sent.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The answer of a rule or handler of the key API.
pub type KeyResult<T> = Result<T, KeyError>;

impl KeyError {
    /// A failure with the code's own text.
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, message: None, retry_after_s: None, cause: None }
    }

    /// A failure with a text of its own. The text must not carry user data.
    pub fn with(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::new(code) }
    }

    /// Bad input: code 11, the text begins with `Wrong input`.
    pub fn input(what: impl fmt::Display) -> Self {
        Self::with(ErrorCode::JsonParse, format!("Wrong input: {what}"))
    }

    /// A failure inside the server.
    pub fn caused(code: ErrorCode, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Box::new(cause)), ..Self::new(code) }
    }

    /// Too many calls: code 429 with the seconds to wait.
    #[must_use]
    pub fn limited(retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(ErrorCode::TooManyRequests) }
    }
}

impl From<ErrorCode> for KeyError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<diesel::result::Error> for KeyError {
    fn from(e: diesel::result::Error) -> Self {
        Self::caused(ErrorCode::DbQuery, e)
    }
}

impl From<DbError> for KeyError {
    fn from(e: DbError) -> Self {
        let code = match &e {
            DbError::Query(_) => ErrorCode::DbQuery,
            DbError::Writer => ErrorCode::DbTransaction,
            DbError::Open(_) | DbError::Pool(_) | DbError::Migrate(_) | DbError::Thread(_) | DbError::Url => {
                ErrorCode::DbConnect
            }
        };
        Self::caused(code, e)
    }
}

impl RetryHint for KeyError {
    fn is_retryable(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| {
            cause.downcast_ref::<diesel::result::Error>().is_some_and(RetryHint::is_retryable)
                || cause.downcast_ref::<DbError>().is_some_and(RetryHint::is_retryable)
        })
    }
}

/// Why the server, or an operator command, does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The database cannot be used.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The root key is missing, unreadable or not the one of this database.
    #[error(transparent)]
    RootKey(#[from] crate::root_key::RootKeyError),
    /// A file or socket.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something an operator asked for cannot be done; the text says why.
    #[error("{0}")]
    Refused(String),
}

impl StartError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<diesel::result::Error> for StartError {
    fn from(e: diesel::result::Error) -> Self {
        Self::Db(DbError::Query(e))
    }
}

impl From<KeyError> for StartError {
    fn from(e: KeyError) -> Self {
        Self::Refused(match (e.message, e.cause) {
            (Some(message), _) => message,
            (None, Some(cause)) => format!("{}: {cause}", e.code.text()),
            (None, None) => e.code.text().to_owned(),
        })
    }
}

impl RetryHint for StartError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Db(e) if e.is_retryable())
    }
}
