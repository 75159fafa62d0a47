//! The one error type of the flows: for programs a stable number and name, for people a sentence without any secret.

use keystead_crypto::CryptoError;
use keystead_protocol::ServerOutput;

/// Why a flow stops.
///
/// Numbers are stable and never used again: 10 to 39 come from the crypto crate, 100 and above are listed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdkError {
    /// The server refused. `code` is its `err_code`; see `keystead_protocol::ErrorCode`.
    #[error("server error {code}: {message}")]
    Server {
        /// `err_code` of the answer.
        code: u32,
        /// `err_msg` of the answer.
        message: String,
    },
    /// A cryptographic operation failed: wrong key or password, changed data, unknown algorithm, bad encoding.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The answer is no envelope, or its result has another shape.
    #[error("the server's answer cannot be read")]
    ServerOutput,
    /// The answer is larger than any honest one.
    #[error("the server's answer is too large")]
    TooLarge,
    /// The text is not the JSON that this function takes.
    #[error("the input cannot be read")]
    Input,
    /// A JWT has not the form of a JWT.
    #[error("the JWT cannot be read")]
    Jwt,
    /// The key that is needed was not supplied, or the server did not send it.
    #[error("the key was not found")]
    KeyNotFound,
    /// A list of keys that must have at least one entry is empty.
    #[error("no keys")]
    NoKeys,
    /// The algorithm is not on the allow-list.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// Encrypted content has not the form `head 0x00 body`.
    #[error("the encrypted content cannot be read")]
    Content,
    /// A signature is demanded, and the content has none.
    #[error("the content is not signed")]
    NotSigned,
    /// The signature of a public key is missing or wrong: do not use the key.
    #[error("the signature of the public key is not valid")]
    PublicKeySignature,
    /// The signature of a group key is wrong, or one is demanded and missing: do not use the key.
    #[error("the signature of the group key is not valid")]
    GroupKeySignature,
    /// A verify key differs from the one seen before under the same id.
    #[error("the verify key has changed")]
    PinnedKey,
    /// A public key that the server shows as the user's own does not belong to his secret key.
    #[error("the public key does not belong to the secret key")]
    ForeignKey,
    /// The caller's rank does not allow this.
    #[error("the rank does not allow this")]
    Rank,
}

impl SdkError {
    /// Stable number. For a refusal of the server its own code.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Server { code, .. } => *code,
            Self::Crypto(e) => u32::from(e.code()),
            Self::ServerOutput => 100,
            Self::TooLarge => 101,
            Self::Input => 102,
            Self::Jwt => 103,
            Self::KeyNotFound => 110,
            Self::NoKeys => 111,
            Self::Algorithm => 112,
            Self::Content => 120,
            Self::NotSigned => 121,
            Self::PublicKeySignature => 130,
            Self::GroupKeySignature => 131,
            Self::PinnedKey => 132,
            Self::ForeignKey => 133,
            Self::Rank => 200,
        }
    }

    /// Stable name such as `key_not_found`; `server` for a refusal of the server.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Server { .. } => "server",
            Self::Crypto(e) => e.name(),
            Self::ServerOutput => "server_output",
            Self::TooLarge => "too_large",
            Self::Input => "input_text",
            Self::Jwt => "jwt",
            Self::KeyNotFound => "key_not_found",
            Self::NoKeys => "no_keys",
            Self::Algorithm => "algorithm",
            Self::Content => "content",
            Self::NotSigned => "not_signed",
            Self::PublicKeySignature => "public_key_signature",
            Self::GroupKeySignature => "group_key_signature",
            Self::PinnedKey => "pinned_key",
            Self::ForeignKey => "foreign_key",
            Self::Rank => "rank",
        }
    }

    /// The status that clients show: `server_<err_code>` for a refusal of the server, else `client_<number>`.
    ///
    /// ```
    /// # use keystead_sdk_core::SdkError;
    /// assert_eq!(SdkError::Server { code: 310, message: "no access".into() }.status(), "server_310");
    /// assert_eq!(SdkError::Rank.status(), "client_200");
    /// ```
    #[must_use]
    pub fn status(&self) -> String {
        match self {
            Self::Server { code, .. } => format!("server_{code}"),
            other => format!("client_{}", other.code()),
        }
    }

    /// The error as bindings show it: JSON `{"status":s,"error_message":s}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(serde::Serialize)]
        struct Shown {
            status: String,
            error_message: String,
        }
        crate::wire::to_json(&Shown { status: self.status(), error_message: self.to_string() })
    }
}

impl From<ServerOutput> for SdkError {
    fn from(e: ServerOutput) -> Self {
        match e {
            ServerOutput::Refused { code, message } => Self::Server { code, message },
            ServerOutput::Unreadable => Self::ServerOutput,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SdkError::{self, *};

    #[test]
    fn numbers_and_names_are_frozen() {
        let all: Vec<SdkError> = vec![
            Server { code: 310, message: "no".into() },
            Crypto(keystead_crypto::CryptoError::Decrypt),
            ServerOutput,
            TooLarge,
            Input,
            Jwt,
            KeyNotFound,
            NoKeys,
            Algorithm,
            Content,
            NotSigned,
            PublicKeySignature,
            GroupKeySignature,
            PinnedKey,
            ForeignKey,
            Rank,
        ];
        let table: Vec<String> = all.iter().map(|e| format!("{} {} {}", e.status(), e.name(), e.to_json())).collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
