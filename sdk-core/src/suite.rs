//! Which algorithms new keys get, and which names are accepted from a server.
//!
//! The allow-lists are fixed: a server cannot talk a client into an algorithm that is not listed here. The lower layer
//! knows the same names; the check here is on purpose a second one, so that an algorithm added there does not become
//! acceptable by itself.

use keystead_crypto::{asym, password, search, sign, sort, sym};

use crate::{Result, SdkError};

/// Accepted key pair algorithms for encryption.
pub const ASYM: &[&str] = &[asym::ECIES_ED25519_KYBER_768, asym::ECIES_ED25519, asym::KYBER_768];
/// Accepted key pair algorithms for signatures.
pub const SIGN: &[&str] = &[sign::ED25519_DILITHIUM_3, sign::ED25519, sign::DILITHIUM_3];
/// Accepted symmetric algorithms.
pub const SYM: &[&str] = &[sym::AES_GCM_256];
/// Accepted password derivations.
pub const PASSWORD: &[&str] = &[password::ARGON_2_SHA256];
/// Accepted search key algorithms.
pub const SEARCH: &[&str] = &[search::HMAC_SHA256];
/// Accepted sort key algorithms.
pub const SORT: &[&str] = &[sort::OPE_16];

/// Algorithms of newly made keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Key pairs for encryption.
    pub asym: &'static str,
    /// Key pairs for signatures.
    pub sign: &'static str,
    /// True: the shape of a registration of 2022 (npm 0.3.1), without search key, sort key and public key signature.
    pub g03: bool,
}

impl Suite {
    /// X25519 + Kyber-768 and Ed25519 + Dilithium3: what every current client makes.
    pub const HYBRID: Self = Self { asym: asym::ECIES_ED25519_KYBER_768, sign: sign::ED25519_DILITHIUM_3, g03: false };
    /// X25519 and Ed25519: small keys, no protection against quantum computers.
    pub const CLASSIC: Self = Self { asym: asym::ECIES_ED25519, sign: sign::ED25519, g03: false };
    /// The classic algorithms in the shape of the clients of 2022. For compatibility tests.
    pub const G03: Self = Self { g03: true, ..Self::CLASSIC };

    /// A suite by algorithm names. Errors: `Algorithm` for a name that is not on the allow-list.
    ///
    /// ```
    /// # use keystead_sdk_core::Suite;
    /// assert_eq!(Suite::of("ECIES-ed25519", "ED25519")?, Suite::CLASSIC);
    /// assert!(Suite::of("ROT13", "ED25519").is_err());
    /// # Ok::<(), keystead_sdk_core::SdkError>(())
    /// ```
    pub fn of(asym: &str, sign: &str) -> Result<Self> {
        let find = |list: &[&'static str], name| list.iter().copied().find(|n| *n == name).ok_or(SdkError::Algorithm);
        Ok(Self { asym: find(ASYM, asym)?, sign: find(SIGN, sign)?, g03: false })
    }
}

impl Default for Suite {
    fn default() -> Self {
        Self::HYBRID
    }
}

/// Refuses a name that is not on `list`. Errors: `Algorithm`.
pub(crate) fn check(list: &[&str], name: &str) -> Result<()> {
    if list.contains(&name) { Ok(()) } else { Err(SdkError::Algorithm) }
}
