//! JWTs of the identity API (iam.md section 4.1): HS256 and nothing else, a secret for each kind, expiry without leeway.
//!
//! `sid` names the session, so that a token dies with it; `kind` says what the token is for a second time.

use keystead_crypto::encoding::{b64url_decode, b64url_encode};
use keystead_crypto::hash;
use serde::{Deserialize, Serialize};

use super::secrets::Secrets;

/// Who issues.
pub const ISSUER: &str = "NuxtIam";
/// A longer one is none of ours.
const MAX_TOKEN: usize = 4_000;
/// b64url of `{"alg":"HS256","typ":"JWT"}`, the one header there is.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Proves who is calling.
    Access,
    /// Gives new tokens, once.
    Refresh,
    /// A link that gives a temporary password.
    Reset,
    /// A link that shows that an address is the user's.
    Verify,
}

/// What stands in a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// User id; a verification token has the address alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Address of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Time of issue, seconds.
    pub iat: i64,
    /// The first second at which it is refused.
    pub exp: i64,
    /// [`ISSUER`]
    pub iss: String,
    /// Id of the token, UUID.
    pub jti: String,
    /// What it is for.
    pub kind: Kind,
    /// Id of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// What a signed text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Good now.
    Good(Claims),
    /// Ours, but its time is over.
    Expired(Claims),
    /// Anything else.
    Invalid,
}

/// Signs.
#[must_use]
pub fn sign(secrets: &Secrets, claims: &Claims) -> String {
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let mut token = format!("{HEADER}.{}", b64url_encode(&payload));
    let signature = hash::hmac_sha256(secrets.of(claims.kind), token.as_bytes());
    token.push('.');
    token.push_str(&b64url_encode(&signature));
    token
}

/// Checks form, signature, issuer, kind and expiry.
#[must_use]
pub fn check(secrets: &Secrets, kind: Kind, token: &str, now_ms: i64) -> Checked {
    match parse(secrets, kind, token) {
        Some(claims) if now_ms.div_euclid(1000) >= claims.exp => Checked::Expired(claims),
        Some(claims) => Checked::Good(claims),
        None => Checked::Invalid,
    }
}

fn parse(secrets: &Secrets, kind: Kind, token: &str) -> Option<Claims> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let (message, signature) = token.rsplit_once('.')?;
    let payload = message.strip_prefix(HEADER)?.strip_prefix('.')?;
    let signature = b64url_decode(signature).ok()?;
    if !hash::ct_eq(&signature, &hash::hmac_sha256(secrets.of(kind), message.as_bytes())) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&b64url_decode(payload).ok()?).ok()?;
    (claims.iss == ISSUER && claims.kind == kind && !claims.jti.is_empty()).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{TestDb, db_test};

    fn claims(kind: Kind) -> Claims {
        let (uuid, email) = (Some("u".to_owned()), Some("a@example.com".to_owned()));
        Claims { uuid, email, iat: 100, exp: 1_000, iss: ISSUER.into(), jti: "j".into(), kind, sid: None }
    }

    fn secrets(db: &mut TestDb) -> Secrets {
        let app = std::sync::Arc::clone(&db.app);
        Secrets::load(&mut db.conn, &app.root_key).expect("made")
    }

    #[test]
    fn the_header_is_what_it_says() {
        assert_eq!(b64url_decode(HEADER).expect("decodes"), br#"{"alg":"HS256","typ":"JWT"}"#);
    }

    db_test! {
        /// better-than 18: any HMAC algorithm, no issuer, no expiry.
        fn pinned_in_every_respect(mut db) {
            let secrets = secrets(&mut db);
            let token = sign(&secrets, &claims(Kind::Access));
            let at = |token: &str, ms| check(&secrets, Kind::Access, token, ms);
            assert_eq!(at(&token, 999_999), Checked::Good(claims(Kind::Access)));
            assert_eq!(at(&token, 1_000_000), Checked::Expired(claims(Kind::Access)), "refused from exp on");
            for kind in [Kind::Refresh, Kind::Reset, Kind::Verify] {
                assert_eq!(check(&secrets, kind, &token, 0), Checked::Invalid, "{kind:?}");
            }
            let signed = |header: &str, payload: &str| {
                let message = format!("{}.{}", b64url_encode(header.as_bytes()), b64url_encode(payload.as_bytes()));
                let signature = hash::hmac_sha256(secrets.of(Kind::Access), message.as_bytes());
                format!("{message}.{}", b64url_encode(&signature))
            };
            let hs256 = r#"{"alg":"HS256","typ":"JWT"}"#;
            let good = r#"{"uuid":"u","iat":1,"exp":9,"iss":"NuxtIam","jti":"j","kind":"access"}"#;
            assert!(matches!(at(&signed(hs256, good), 0), Checked::Good(_)));
            for (header, payload) in [
                (r#"{"alg":"HS512","typ":"JWT"}"#, good.to_owned()),
                (r#"{"alg":"none","typ":"JWT"}"#, good.to_owned()),
                (hs256, good.replace("NuxtIam", "other")),
                (hs256, good.replace(r#""exp":9,"#, "")),
                (hs256, good.replace(r#""iss":"NuxtIam","#, "")),
                (hs256, good.replace(r#","jti":"j""#, "")),
                (hs256, good.replace("access", "refresh")),
            ] {
                assert_eq!(at(&signed(header, &payload), 0), Checked::Invalid, "{header} {payload}");
            }
        }

        /// Row 63: one changed character anywhere.
        fn a_changed_character_spoils_it(mut db) {
            let secrets = secrets(&mut db);
            let token = sign(&secrets, &claims(Kind::Refresh));
            for at in 0..token.len() {
                let mut changed = token.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).expect("ASCII");
                assert_eq!(check(&secrets, Kind::Refresh, &changed, 0), Checked::Invalid, "{at}");
            }
            for bad in ["", ".", "..", "a.b.c", HEADER, &"x".repeat(5_000), &format!("{token}.{token}")] {
                assert_eq!(check(&secrets, Kind::Refresh, bad, 0), Checked::Invalid, "{bad}");
            }
        }
    }
}
