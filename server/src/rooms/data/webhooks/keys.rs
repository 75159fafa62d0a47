//! The key that signs deliveries and the tokens that open their records: Ed25519, one of this server.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use keystead_crypto::encoding::{b64url_decode, b64url_encode, hex_encode};
use keystead_crypto::hash;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A longer token is none of ours.
const MAX_TOKEN: usize = 2_048;

/// The key pair.
pub(super) struct Keys {
    pair: Ed25519KeyPair,
    verify: ParsedPublicKey,
    kid: String,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    /// The app.
    pub(super) sub: String,
    #[serde(rename = "app-id")]
    pub(super) app_id: String,
    #[serde(rename = "webhook-id")]
    pub(super) webhook_id: String,
    pub(super) isn: String,
    /// Seconds since 1970.
    pub(super) exp: i64,
}

impl Keys {
    pub(super) fn new(seed: &[u8; 32]) -> Result<Self, KeyRejected> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)?;
        let verify = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())?;
        let mut kid = hex_encode(&hash::sha256(pair.public_key().as_ref()));
        kid.truncate(16);
        Ok(Self { pair, verify, kid })
    }

    /// The public key as a JWK (RFC 8037).
    pub(super) fn jwk(&self) -> Value {
        let x = b64url_encode(self.pair.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x})
    }

    /// The header `Instant-Signature` of a body; `now_s`: seconds since 1970.
    pub(super) fn header(&self, now_s: i64, body: &str) -> String {
        let signature = self.pair.sign(format!("{now_s}.{body}").as_bytes());
        format!("t={now_s},kid={},v1={}", self.kid, hex_encode(signature.as_ref()))
    }

    /// A token (RFC 7519).
    pub(super) fn token(&self, claims: &Claims) -> serde_json::Result<String> {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid}).to_string();
        let claims = serde_json::to_vec(claims)?;
        let signed = format!("{}.{}", b64url_encode(header.as_bytes()), b64url_encode(&claims));
        let signature = self.pair.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", b64url_encode(signature.as_ref())))
    }

    /// What a token says, if it is ours and still good. Its header is not asked: there is one key and one algorithm.
    pub(super) fn open(&self, token: &str, now_s: i64) -> Option<Claims> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        self.verify.verify_sig(signed.as_bytes(), &b64url_decode(signature).ok()?).ok()?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&b64url_decode(claims).ok()?).ok()?;
        (now_s < claims.exp).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_ours_whole_and_fresh() {
        let (keys, others) = (Keys::new(&[7; 32]).unwrap(), Keys::new(&[8; 32]).unwrap());
        let claims = Claims {
            iss: "https://x".into(),
            sub: "a".into(),
            app_id: "a".into(),
            webhook_id: "w".into(),
            isn: "0/0/1".into(),
            exp: 100,
        };
        let token = keys.token(&claims).unwrap();
        assert_eq!(keys.open(&token, 99), Some(claims));
        assert_eq!((keys.open(&token, 100), others.open(&token, 1)), (None, None));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let changed = format!("{}.{signature}", signed.replacen('e', "f", 1));
        assert_eq!((keys.open(&changed, 1), keys.open("a.b.c", 1), keys.open("", 1)), (None, None, None));
    }

    #[test]
    fn the_header_is_frozen() {
        let keys = Keys::new(&[7; 32]).unwrap();
        insta::assert_snapshot!(keys.header(1_700_000_000, "{}"));
        insta::assert_snapshot!(keys.jwk().to_string());
    }
}
