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
    /// The algorithm is none that this crate knows.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// The algorithm is known, but weaker than this client's allow-list has it.
    #[error("the algorithm is weaker than this client allows")]
    WeakAlgorithm,
    /// The salt of a login has not the shape of a salt.
    #[error("the salt of the login is not usable")]
    Salt,
    /// The server answers a login of today in the protocol of 2022, which proves less.
    #[error("the server answers in an older protocol")]
    Downgrade,
    /// The login challenge is not one for this device.
    #[error("the login challenge is not for this device")]
    Challenge,
    /// The login challenge was answered before.
    #[error("the login challenge was answered before")]
    ReplayedChallenge,
    /// Encrypted content has not the form `head 0x00 body`.
    #[error("the encrypted content cannot be read")]
    Content,
    /// A signature is demanded, and the content has none.
    #[error("the content is not signed")]
    NotSigned,
    /// A value that must be sealed is not: it was never, or somebody put another one in its place.
    #[error("the value is not sealed")]
    NotSealed,
    /// A value is too large to be sealed.
    #[error("the value is too large to be sealed")]
    ValueTooLarge,
    /// The signature of a public key is missing or wrong: do not use the key.
    #[error("the signature of the public key is not valid")]
    PublicKeySignature,
    /// The signature of a group key is wrong, or one is demanded and missing: do not use the key.
    #[error("the signature of the group key is not valid")]
    GroupKeySignature,
    /// A verify key differs from the one seen before under the same id.
    #[error("the verify key has changed")]
    PinnedKey,
    /// The public half that the server shows does not belong to the secret half.
    #[error("the public key does not belong to the secret key")]
    ForeignKey,
    /// A known user (or group) shows another key than before, and nothing proves that it is his.
    #[error("the key of a known user has changed")]
    ChangedKey,
    /// A key that was replaced long ago is shown as the newest one.
    #[error("an old key is shown as the newest one")]
    OldKey,
    /// The group key must be signed by somebody known, and is not.
    #[error("the group key is not signed")]
    UnsignedGroupKey,
    /// The user's public key must be signed, and is not.
    #[error("the public key is not signed")]
    UnsignedPublicKey,
    /// A wrapped key stands in the place of another one.
    #[error("a wrapped key stands in a wrong place")]
    SwappedWrap,
    /// The account shows user keys that this device does not know and that no known key vouches for.
    #[error("the account shows foreign user keys")]
    ForeignUserKeys,
    /// The answer is about another user, group or key than the question.
    #[error("the answer is about something else")]
    WrongId,
    /// The list of members contradicts itself.
    #[error("the list of members contradicts itself")]
    MemberList,
    /// A page of a list repeats what was sent before.
    #[error("the pages of the list do not go on")]
    Paging,
    /// The list of keys lacks a key that was there before.
    #[error("the list of keys is not complete")]
    MissingKeys,
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
            Self::WeakAlgorithm => 113,
            Self::Salt => 114,
            Self::Downgrade => 115,
            Self::Challenge => 116,
            Self::ReplayedChallenge => 117,
            Self::Content => 120,
            Self::NotSigned => 121,
            Self::NotSealed => 122,
            Self::ValueTooLarge => 123,
            Self::PublicKeySignature => 130,
            Self::GroupKeySignature => 131,
            Self::PinnedKey => 132,
            Self::ForeignKey => 133,
            Self::ChangedKey => 134,
            Self::OldKey => 135,
            Self::UnsignedGroupKey => 136,
            Self::UnsignedPublicKey => 137,
            Self::SwappedWrap => 138,
            Self::ForeignUserKeys => 139,
            Self::WrongId => 140,
            Self::MemberList => 141,
            Self::Paging => 142,
            Self::MissingKeys => 143,
            Self::Rank => 200,
        }
    }

    /// Stable name such as `key_not_found`; `server` for a refusal of the server.
    ///
    /// ```
    /// # use keystead_sdk_core::SdkError;
    /// assert_eq!((SdkError::ChangedKey.name(), SdkError::ChangedKey.code()), ("changed_key", 134));
    /// assert_eq!(SdkError::Rank.to_json(), r#"{"status":"client_200","error_message":"the rank does not allow this"}"#);
    /// ```
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
            Self::WeakAlgorithm => "weak_algorithm",
            Self::Salt => "salt",
            Self::Downgrade => "downgrade",
            Self::Challenge => "challenge",
            Self::ReplayedChallenge => "replayed_challenge",
            Self::Content => "content",
            Self::NotSigned => "not_signed",
            Self::NotSealed => "not_sealed",
            Self::ValueTooLarge => "value_too_large",
            Self::PublicKeySignature => "public_key_signature",
            Self::GroupKeySignature => "group_key_signature",
            Self::PinnedKey => "pinned_key",
            Self::ForeignKey => "foreign_key",
            Self::ChangedKey => "changed_key",
            Self::OldKey => "old_key",
            Self::UnsignedGroupKey => "unsigned_group_key",
            Self::UnsignedPublicKey => "unsigned_public_key",
            Self::SwappedWrap => "swapped_wrap",
            Self::ForeignUserKeys => "foreign_user_keys",
            Self::WrongId => "wrong_id",
            Self::MemberList => "member_list",
            Self::Paging => "paging",
            Self::MissingKeys => "missing_keys",
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
            WeakAlgorithm,
            Salt,
            Downgrade,
            Challenge,
            ReplayedChallenge,
            Content,
            NotSigned,
            NotSealed,
            ValueTooLarge,
            PublicKeySignature,
            GroupKeySignature,
            PinnedKey,
            ForeignKey,
            ChangedKey,
            OldKey,
            UnsignedGroupKey,
            UnsignedPublicKey,
            SwappedWrap,
            ForeignUserKeys,
            WrongId,
            MemberList,
            Paging,
            MissingKeys,
            Rank,
        ];
        let table: Vec<String> = all.iter().map(|e| format!("{} {} {}", e.status(), e.name(), e.to_json())).collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
