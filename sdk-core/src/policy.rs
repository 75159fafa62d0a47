//! What a client believes of a server: which algorithms, which unsigned keys, which changes.
//!
//! A policy travels with the [`VerifyKeys`](crate::user::VerifyKeys) into everything that opens keys of others, and with
//! the begun login ([`prepare_login_with`](crate::user::prepare_login_with)) into everything that opens the user's own.
//!
//! ```
//! use keystead_sdk_core::{Policy, SdkError, policy::Unsigned, user, user::VerifyKeys};
//!
//! // The default opens what honest clients of all generations made; the strictest one wants today's best of everybody.
//! let policy = Policy { group_keys: Unsigned::Require, ..Policy::default() };
//! let pins = VerifyKeys::with_policy(policy);
//! assert_eq!(pins.policy().group_keys, Unsigned::Require);
//!
//! let salt = r#"{"status":true,"result":{"salt_string":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
//!     "derived_encryption_key_alg":"MD5"}}"#;
//! let refused = user::prepare_login_with(Policy::STRICT, "alice", "password", salt).unwrap_err();
//! assert_eq!(refused, SdkError::Algorithm);
//! ```

use crate::suite::Algorithms;

/// What a client believes. Copied freely; `Policy::default()` and struct update keep callers working when a field comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Algorithms of keys that the server shows.
    pub algorithms: Algorithms,
    /// Group keys without a checked signature.
    pub group_keys: Unsigned,
    /// Public keys of users without a signature: accounts made by clients of 2022. `Accept` and `Warn` are the same here
    /// ([`UserPublicKey::verified`](crate::user::UserPublicKey::verified) tells), and neither lets a user who signed
    /// once go back to an unsigned key.
    pub public_keys: Unsigned,
    /// Another key of a known user, for which no known key vouches.
    pub changed_keys: Changed,
}

impl Policy {
    /// Nothing unsigned, nothing weaker than the hybrids, no change without proof.
    pub const STRICT: Self = Self {
        algorithms: Algorithms::HYBRID,
        group_keys: Unsigned::Require,
        public_keys: Unsigned::Require,
        changed_keys: Changed::Refuse,
    };
}

/// What happens with a key that should be signed and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unsigned {
    /// It is taken.
    Accept,
    /// It is taken and told ([`GroupData::warnings`](crate::group::GroupData::warnings)), but a group that has signed
    /// keys must not get an unsigned newest one: that is how a server would inject its own.
    #[default]
    Warn,
    /// It is refused.
    Require,
}

/// What happens with another key of a known user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Changed {
    /// It is refused until it is accepted explicitly ([`VerifyKeys::accept`](crate::user::VerifyKeys::accept)).
    #[default]
    Refuse,
    /// It is taken and reported ([`Pin::Additional`](crate::user::Pin::Additional),
    /// [`VerifyKeys::changed`](crate::user::VerifyKeys::changed)).
    Report,
}
