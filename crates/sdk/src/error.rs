//! The error type of the client: for the caller's program a code and a name, for people a sentence without secrets.

use keystead_sdk_core::SdkError;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused, its answer is unusable, or a cryptographic step failed.
    #[error(transparent)]
    Sdk(#[from] SdkError),
    /// The server could not be reached, or the connection broke.
    #[cfg(feature = "network")]
    #[error("the server cannot be reached")]
    Network(#[source] reqwest::Error),
    /// `keystead::init` was not called.
    #[error("keystead::init was not called")]
    NotInitialised,
    /// The base URL is not an `http` or `https` URL, or the token cannot stand in a header.
    #[error("the base url or the app token cannot be used")]
    Config,
    /// An id is empty or has other characters than letters, digits, `-` and `_`.
    #[error("the id cannot be used")]
    Id,
    /// The account has a second factor: use `begin_login`.
    #[error("a second factor is needed")]
    SecondFactor,
    /// What is uploaded cannot be read, or what is downloaded cannot be written.
    #[cfg(feature = "file")]
    #[error("the file cannot be read or written")]
    Io(#[source] std::io::Error),
    /// A task of the runtime was cancelled.
    #[error("the call was cancelled")]
    Cancelled,
}

impl Error {
    /// `err_code` of the server's refusal, if it was one.
    #[must_use]
    pub fn server_code(&self) -> Option<u32> {
        match self {
            Self::Sdk(SdkError::Server { code, .. }) => Some(*code),
            _ => None,
        }
    }

    /// Stable name. For errors of the flows see [`SdkError::name`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sdk(e) => e.name(),
            #[cfg(feature = "network")]
            Self::Network(_) => "network",
            Self::NotInitialised => "not_initialised",
            Self::Config => "config",
            Self::Id => "id",
            Self::SecondFactor => "second_factor",
            #[cfg(feature = "file")]
            Self::Io(_) => "io",
            Self::Cancelled => "cancelled",
        }
    }

    /// Stable number. For errors of the flows see [`SdkError::code`]; the client's own begin at 300.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Sdk(e) => e.code(),
            #[cfg(feature = "network")]
            Self::Network(_) => 300,
            Self::NotInitialised => 301,
            Self::Config => 302,
            Self::Id => 303,
            Self::SecondFactor => 304,
            Self::Cancelled => 305,
            #[cfg(feature = "file")]
            Self::Io(_) => 306,
        }
    }
}
