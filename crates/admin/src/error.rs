//! Why a call failed.

use keystead_protocol::data::ErrorBody;

/// What every call gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused.
    #[error("{0}")]
    Api(#[from] Box<ApiError>),
    /// The server could not be reached, or the connection broke.
    #[error("the server cannot be reached")]
    Network(#[from] reqwest::Error),
    /// The answer is not what the call promises.
    #[error("the answer of the server cannot be read")]
    Answer(#[source] serde_json::Error),
    /// The answer is larger than 256 MiB.
    #[error("the answer of the server is too large")]
    TooLarge,
    /// What was given cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    Value(#[source] serde_json::Error),
    /// The call needs an admin token, and the client has none.
    #[error("admin token required: give one to init, or use as_user with a token or as guest")]
    AdminTokenRequired,
    /// The base URL is no http(s) URL, or a token, path or content type cannot stand in a header.
    #[error("{0} cannot be used")]
    Config(&'static str),
}

/// A refusal of the server.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} ({}, status {status})", body.message, body.kind)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Kind, message, hint.
    pub body: ErrorBody,
}

impl Error {
    /// The refusal's `type`, such as `record-not-found`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Api(e) => Some(&e.body.kind),
            _ => None,
        }
    }

    /// True when the server refused because of a permission rule.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        self.kind() == Some("permission-denied")
    }
}
