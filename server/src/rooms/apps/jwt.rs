//! ES384 JWTs of the key API (RFC 7519, RFC 7518 section 3.4; sentc.md section 3).
//!
//! Signing and verifying run on parsed keys of aws-lc-rs: a JWT library parses the key at every call, which costs more
//! than the signature itself (docs/adr/0002). One algorithm, named by us, never by the token.

use std::collections::HashMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use keystead_crypto::encoding::{b64_encode, b64url_decode, b64url_encode};
use keystead_crypto::rng;
use keystead_protocol::ErrorCode;
use keystead_protocol::jwt::{Claims, JWT_ALG};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A longer token is no token of ours; ours have about 700 characters.
const MAX_TOKEN: usize = 4096;

/// The keys of one app: signs with the newest, verifies with any by `kid`. Keys of other apps are never in here
/// (better-than.md 20a).
pub struct JwtKeys {
    signer: Option<Signer>,
    verifiers: HashMap<String, ParsedPublicKey>,
}

struct Signer {
    header: String,
    key: EcdsaKeyPair,
}

/// A new key pair: PKCS#8 DER and the 97 byte uncompressed point.
pub struct NewKeyPair {
    /// PKCS#8 DER.
    pub sign_key: Zeroizing<Vec<u8>>,
    /// SEC1, uncompressed, starts with 0x04.
    pub verify_key: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

impl JwtKeys {
    /// No keys.
    #[must_use]
    pub fn empty() -> Self {
        Self { signer: None, verifiers: HashMap::new() }
    }

    /// Adds a key pair; the one that is added last signs.
    ///
    /// # Errors
    /// When the bytes are no P-384 key pair.
    pub fn add(&mut self, kid: &str, sign_key: &[u8]) -> Result<(), aws_lc_rs::error::KeyRejected> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, sign_key)?;
        let verifier = ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key.public_key().as_ref())?;
        let header = format!(r#"{{"typ":"JWT","alg":"{JWT_ALG}","kid":"{kid}"}}"#);
        self.verifiers.insert(kid.to_owned(), verifier);
        self.signer = Some(Signer { header: b64url_encode(header.as_bytes()), key });
        Ok(())
    }

    /// Signs the claims with the newest key.
    ///
    /// # Errors
    /// `JwtKeyNotFound` without a key, `JwtCreate` when signing fails.
    pub fn sign(&self, claims: &Claims) -> Result<String, ErrorCode> {
        let signer = self.signer.as_ref().ok_or(ErrorCode::JwtKeyNotFound)?;
        let payload = serde_json::to_vec(claims).map_err(|_source| ErrorCode::JwtCreate)?;
        let mut token = format!("{}.{}", signer.header, b64url_encode(&payload));
        let signature =
            signer.key.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_source| ErrorCode::JwtCreate)?;
        token.push('.');
        token.push_str(&b64url_encode(signature.as_ref()));
        Ok(token)
    }

    /// Checks form and signature. The caller checks expiry and what the claims mean.
    ///
    /// # Errors
    /// `JwtDecode` when it cannot be read, `JwtKeyNotFound` for an unknown `kid`, `JwtInvalid` for another algorithm or
    /// a wrong signature.
    pub fn verify(&self, token: &str) -> Result<Claims, ErrorCode> {
        if token.len() > MAX_TOKEN {
            return Err(ErrorCode::JwtDecode);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(ErrorCode::JwtDecode)?;
        let (header, payload) = message.split_once('.').ok_or(ErrorCode::JwtDecode)?;
        let decode = |part: &str| b64url_decode(part).map_err(|_source| ErrorCode::JwtDecode);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_source| ErrorCode::JwtDecode)?;
        let claims: Claims = serde_json::from_slice(&decode(payload)?).map_err(|_source| ErrorCode::JwtDecode)?;
        let signature = decode(signature)?;
        if header.alg != JWT_ALG {
            return Err(ErrorCode::JwtInvalid);
        }
        let key = self.verifiers.get(&header.kid).ok_or(ErrorCode::JwtKeyNotFound)?;
        key.verify_sig(message.as_bytes(), &signature).map_err(|_source| ErrorCode::JwtInvalid)?;
        Ok(claims)
    }
}

/// Makes a key pair: the private scalar is 48 random bytes of ours. aws-lc would make one too, but its first use of its own
/// generator costs a tenth of a second, which is the start of a new server.
///
/// # Errors
/// `JwtKeyCreate` when the library refuses.
pub fn make_key_pair() -> Result<NewKeyPair, ErrorCode> {
    // A scalar is refused when it is zero or not below the order of the curve: once in 2^190 tries.
    for _ in 0..4 {
        let scalar = Zeroizing::new(rng::bytes::<48>(&mut rng::os()));
        let private = Zeroizing::new([PRIVATE_ONLY.as_slice(), scalar.as_slice()].concat());
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &private) {
            let verify_key = key.public_key().as_ref().to_vec();
            let whole = [WITH_PUBLIC.as_slice(), scalar.as_slice(), PUBLIC.as_slice(), &verify_key].concat();
            return Ok(NewKeyPair { sign_key: Zeroizing::new(whole), verify_key });
        }
    }
    Err(ErrorCode::JwtKeyCreate)
}

/// PKCS#8 (RFC 5958) of a P-384 private key (RFC 5915) without its public half, up to the scalar.
const PRIVATE_ONLY: [u8; 32] = [
    0x30, 0x4e, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x04, 0x37, 0x30, 0x35, 0x02, 0x01, 0x01, 0x04, 0x30,
];
/// The same with the public half, which other libraries insist on: up to the scalar, and between scalar and point.
const WITH_PUBLIC: [u8; 35] = [
    0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
    0x2b, 0x81, 0x04, 0x00, 0x22, 0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01, 0x01, 0x04, 0x30,
];
const PUBLIC: [u8; 5] = [0xa1, 0x64, 0x03, 0x62, 0x00];

impl NewKeyPair {
    /// b64 of the verify key, as the owner of the app gets it.
    #[must_use]
    pub fn verify_key_b64(&self) -> String {
        b64_encode(&self.verify_key)
    }

    /// b64 of the sign key, as the owner of the app gets it.
    #[must_use]
    pub fn sign_key_b64(&self) -> String {
        b64_encode(&self.sign_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            aud: "user".into(),
            sub: "device".into(),
            exp: 400,
            iat: 100,
            fresh: true,
            internal_user_id: "user".into(),
            group_id: "group".into(),
            device_id: "device".into(),
            device_identifier: "hash".into(),
            sid: "session".into(),
        }
    }

    fn keys(kid: &str) -> JwtKeys {
        let mut keys = JwtKeys::empty();
        keys.add(kid, &make_key_pair().expect("made").sign_key).expect("added");
        keys
    }

    #[test]
    fn signs_and_verifies_with_the_right_app_only() {
        let (a, b) = (keys("k"), keys("k"));
        let token = a.sign(&claims()).expect("signs");
        assert_eq!(a.verify(&token), Ok(claims()));
        assert_eq!(b.verify(&token), Err(ErrorCode::JwtInvalid));
        assert_eq!(keys("other").verify(&token), Err(ErrorCode::JwtKeyNotFound));
        assert_eq!(make_key_pair().expect("made").verify_key.len(), 97);
    }

    /// What we write is what aws-lc writes for the same key, byte for byte.
    #[test]
    fn exported_keys_have_the_usual_form() {
        let theirs = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("made");
        let der = theirs.to_pkcs8v1().expect("encodes");
        let scalar = &der.as_ref()[35..83];
        let ours = [&WITH_PUBLIC, scalar, &PUBLIC, theirs.public_key().as_ref()].concat();
        assert_eq!(ours, der.as_ref());
        let made = make_key_pair().expect("made");
        assert_eq!(made.sign_key.len(), 185);
        let again = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &made.sign_key).expect("reads");
        assert_eq!(again.public_key().as_ref(), made.verify_key);
    }

    #[test]
    fn refuses_other_algorithms_and_broken_tokens() {
        let a = keys("k");
        let token = a.sign(&claims()).expect("signs");
        let payload = token.split('.').nth(1).expect("payload");
        let none = b64url_encode(br#"{"alg":"none","kid":"k"}"#);
        assert_eq!(a.verify(&format!("{none}.{payload}.")), Err(ErrorCode::JwtInvalid));
        for bad in ["", "a", "a.b", "a.b.c", "..", &"x".repeat(5000), token.get(..token.len() - 2).expect("ASCII")] {
            assert!(a.verify(bad).is_err(), "{bad}");
        }
        let other = b64url_encode(&serde_json::to_vec(&Claims { aud: "x".into(), ..claims() }).expect("json"));
        assert_eq!(a.verify(&token.replace(payload, &other)), Err(ErrorCode::JwtInvalid));
    }
}
