//! Which algorithms new keys get, and which names are accepted from a server.
//!
//! The allow-lists are fixed: a server cannot talk a client into an algorithm that is not listed here. A client may
//! accept fewer ([`Algorithms`], part of its [`Policy`](crate::Policy)). The lower layer
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

/// What one client accepts: per kind a part of the lists above. A name that is not known at all is refused with
/// `Algorithm`, a known one that is not listed here with `WeakAlgorithm`.
///
/// ```
/// # use keystead_sdk_core::{SdkError, suite::Algorithms};
/// assert_eq!(Algorithms::HYBRID.asym("ECIES-ed25519_KYBER_768"), Ok(()));
/// assert_eq!(Algorithms::HYBRID.asym("ECIES-ed25519"), Err(SdkError::WeakAlgorithm));
/// assert_eq!(Algorithms::HYBRID.asym("ROT13"), Err(SdkError::Algorithm));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithms {
    /// Key pairs for encryption.
    pub asym: &'static [&'static str],
    /// Key pairs for signatures.
    pub sign: &'static [&'static str],
    /// Symmetric keys.
    pub sym: &'static [&'static str],
    /// Password derivations.
    pub password: &'static [&'static str],
    /// Search keys.
    pub search: &'static [&'static str],
    /// Sort keys.
    pub sort: &'static [&'static str],
}

impl Algorithms {
    /// The whole std family: also accounts of clients of 2022 and those that chose small keys.
    pub const ALL: Self = Self { asym: ASYM, sign: SIGN, sym: SYM, password: PASSWORD, search: SEARCH, sort: SORT };
    /// Only the hybrids, which hold against quantum computers: for apps all of whose users came with today's clients.
    pub const HYBRID: Self =
        Self { asym: &[asym::ECIES_ED25519_KYBER_768], sign: &[sign::ED25519_DILITHIUM_3], ..Self::ALL };

    /// Errors: `Algorithm`, `WeakAlgorithm` for a key pair algorithm for encryption that is not accepted.
    pub fn asym(&self, name: &str) -> Result<()> {
        check_both(ASYM, self.asym, name)
    }

    /// Errors: `Algorithm`, `WeakAlgorithm` for a signature algorithm that is not accepted.
    pub fn sign(&self, name: &str) -> Result<()> {
        check_both(SIGN, self.sign, name)
    }

    /// Errors: `Algorithm`, `WeakAlgorithm` for a symmetric algorithm that is not accepted.
    pub fn sym(&self, name: &str) -> Result<()> {
        check_both(SYM, self.sym, name)
    }

    /// Errors: `Algorithm`, `WeakAlgorithm` for a password derivation that is not accepted.
    pub fn password(&self, name: &str) -> Result<()> {
        check_both(PASSWORD, self.password, name)
    }

    /// Errors: `Algorithm`, `WeakAlgorithm` for a search key algorithm that is not accepted.
    pub fn search(&self, name: &str) -> Result<()> {
        check_both(SEARCH, self.search, name)
    }

    /// Errors: `Algorithm`, `WeakAlgorithm` for a sort key algorithm that is not accepted.
    pub fn sort(&self, name: &str) -> Result<()> {
        check_both(SORT, self.sort, name)
    }
}

impl Default for Algorithms {
    fn default() -> Self {
        Self::ALL
    }
}

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

fn check_both(known: &[&str], allowed: &[&str], name: &str) -> Result<()> {
    check(known, name)?;
    if allowed.contains(&name) { Ok(()) } else { Err(SdkError::WeakAlgorithm) }
}

/// Refuses a name that is not on `list`. Errors: `Algorithm`.
pub(crate) fn check(list: &[&str], name: &str) -> Result<()> {
    if list.contains(&name) { Ok(()) } else { Err(SdkError::Algorithm) }
}
