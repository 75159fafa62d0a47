//! Password derivation (sentc.md 4.1).
//!
//! | algorithm name | how | output |
//! |---|---|---|
//! | `ARGON-2-SHA256` | Argon2id 1.3, 19456 KiB, t = 2, p = 1; salt by SHA-256 | 32 bytes wrapping key ‖ 32 bytes auth key |
//! | the same, clients of 2022 (npm 0.3.1) | Argon2id 1.3, 4096 KiB, t = 3, p = 1 | the same |
//!
//! The old clients used the same name with another cost, so the name alone does not tell which one a device needs:
//! [`derive_g03`].
//!
//! The client keeps the wrapping key, the server sees the auth key at login and rests only its short hash.

use core::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::encoding::{b64_decode, b64_encode};
use crate::rng::{self, CryptoRng};
use crate::secret::SecretKey32;
use crate::sym::SymKey;
use crate::{CryptoError, Result, hash};

/// Name of the only algorithm so far.
pub const ARGON_2_SHA256: &str = "ARGON-2-SHA256";

/// Memory in KiB, passes, lanes.
type Cost = (u32, u32, u32);

const COST: Cost = (19_456, 2, 1);
const COST_G03: Cost = (4_096, 3, 1);

const LABEL: &[u8] = b"sentc";
const LABEL_LEN: usize = 200;
const PAD: u8 = b'P';

/// A fresh client random value, the public seed of the salt.
pub fn client_random_value(rng: &mut dyn CryptoRng) -> [u8; 16] {
    rng::bytes(rng)
}

/// Argon2 salt of a device: SHA-256(`"sentc"` padded with `P` to 200 bytes ‖ client random value).
pub fn salt(client_random_value: &[u8; 16]) -> [u8; 32] {
    salt_from_label(b"", client_random_value)
}

/// Salt with a text behind the `"sentc"` label, before the padding; [`salt`] is the case of no text.
///
/// A server answers unknown identifiers with `salt_from_label(identifier, secret)`: the same answer each time, shaped
/// like a true one. `secret` must be the server's own, else the answer tells who is unknown.
pub fn salt_from_label(text: &[u8], tail: &[u8; 16]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(LABEL);
    hasher.update(text);
    let padding = [PAD; LABEL_LEN];
    let used = LABEL.len().saturating_add(text.len()).min(LABEL_LEN);
    hasher.update(padding.get(used..).unwrap_or_default());
    hasher.update(tail);
    hasher.finalize().into()
}

/// What a password gives.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Wraps the master key; never leaves the client.
    pub enc: SymKey,
    /// Proves the password to the server.
    pub auth: AuthKey,
}

/// Runs Argon2id, which takes 19 MiB and some ten milliseconds. Errors: `Input` for a password of 4 GiB and more.
pub fn derive(password: &str, salt: &[u8; 32]) -> Result<Derived> {
    derive_at(COST, password, salt)
}

/// As [`derive()`], at the lower cost of the clients of 2022 (npm 0.3.1), which went under the same algorithm name.
/// Only to open what such a client made: a new password takes [`derive()`]. Errors: as there.
pub fn derive_g03(password: &str, salt: &[u8; 32]) -> Result<Derived> {
    derive_at(COST_G03, password, salt)
}

/// As [`derive()`], under the algorithm name that the server sent. Errors: `UnknownAlgorithm`, `Input`.
pub fn derive_alg(alg: &str, password: &str, salt: &[u8; 32]) -> Result<Derived> {
    if alg == ARGON_2_SHA256 { derive(password, salt) } else { Err(CryptoError::UnknownAlgorithm) }
}

/// The 32 bytes with which a client proves its password. A secret of the user: never store it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthKey(SecretKey32);

impl AuthKey {
    /// A key from its 32 bytes. Errors: `Length`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        SecretKey32::from_slice(bytes).map(Self)
    }

    /// Parses the base64 of a login request. Errors: `Encoding`, `Length`.
    pub fn from_b64(text: &str) -> Result<Self> {
        Self::from_bytes(&Zeroizing::new(b64_decode(text)?))
    }

    /// Base64 for a login request, 44 characters. Secret.
    pub fn to_b64(&self) -> String {
        b64_encode(self.0.as_bytes())
    }

    /// The 32 secret bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What the server rests: the first 16 bytes of SHA-256(key).
    pub fn hash(&self) -> [u8; 16] {
        let full = hash::sha256(self.0.as_bytes());
        let mut out = [0; 16];
        out.copy_from_slice(full.split_at(16).0);
        out
    }

    /// Whether this key belongs to the rested hash, in constant time.
    pub fn verify(&self, stored: &[u8; 16]) -> bool {
        hash::ct_eq(&self.hash(), stored)
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(..)")
    }
}

fn derive_at((memory, passes, lanes): Cost, password: &str, salt: &[u8; 32]) -> Result<Derived> {
    let params = Params::new(memory, passes, lanes, Some(64)).or(Err(CryptoError::Input))?;
    let mut out = Zeroizing::new([0; 64]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, out.as_mut_slice())
        .or(Err(CryptoError::Input))?;
    let (enc, auth) = out.split_at(32);
    Ok(Derived { enc: SymKey::from_bytes(enc)?, auth: AuthKey(SecretKey32::from_slice(auth)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::AssociatedData;
    use argon2::ParamsBuilder;

    #[test]
    fn argon2id_rfc_9106() {
        // Section 5.3: secret and associated data are set there, so the crate is called directly.
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .output_len(32)
            .data(AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let argon = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut out = [0; 32];
        argon.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
        assert_eq!(hex::encode(out), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    #[test]
    fn salt_is_the_hash_of_the_padded_label() {
        let mut input = b"sentc".to_vec();
        input.resize(200, b'P');
        input.extend_from_slice(&[9; 16]);
        assert_eq!(salt(&[9; 16]), hash::sha256(&input));

        let mut input = b"sentcalice".to_vec();
        input.resize(200, b'P');
        input.extend_from_slice(&[9; 16]);
        assert_eq!(salt_from_label(b"alice", &[9; 16]), hash::sha256(&input));

        let mut input = b"sentc".to_vec();
        input.extend_from_slice(&[b'x'; 300]);
        input.extend_from_slice(&[9; 16]);
        assert_eq!(salt_from_label(&[b'x'; 300], &[9; 16]), hash::sha256(&input));
    }

    #[test]
    fn derivation_is_frozen() {
        let derived = derive("password", &salt(&[7; 16])).unwrap();
        insta::assert_snapshot!(format!(
            "{}\n{}",
            hex::encode(derived.enc.as_bytes()),
            hex::encode(derived.auth.as_bytes())
        ));
        assert_ne!(derive_g03("password", &salt(&[7; 16])).unwrap().auth, derived.auth);
        assert!(derive_alg("ARGON-2-SHA512", "password", &[0; 32]).is_err());
        assert_eq!(derive_alg(ARGON_2_SHA256, "password", &salt(&[7; 16])).unwrap().auth, derived.auth);
    }

    #[test]
    fn auth_key() {
        let key = AuthKey::from_bytes(&[5; 32]).unwrap();
        let stored = key.hash();
        assert!(key.verify(&stored));
        for bit in 0..128 {
            let mut other = stored;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&other));
        }
        assert_eq!(AuthKey::from_b64(&key.to_b64()), Ok(key));
        assert_eq!(AuthKey::from_b64("AAAA"), Err(CryptoError::Length));
        assert_eq!(AuthKey::from_b64("AAA"), Err(CryptoError::Encoding));
    }

    #[test]
    fn debug_shows_nothing() {
        let auth = AuthKey::from_bytes(&[65; 32]).unwrap();
        insta::assert_snapshot!(format!("{auth:?}"), @"AuthKey(..)");
        let derived = Derived { enc: SymKey::from_bytes(&[65; 32]).unwrap(), auth };
        insta::assert_snapshot!(format!("{derived:?}"), @"Derived { enc: SymKey(..), auth: AuthKey(..) }");
    }
}
