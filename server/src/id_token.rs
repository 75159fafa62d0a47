//! ID tokens of an OpenID provider (OpenID Connect Core 1.0, section 3.1.3.7): RS256 with the keys that the provider publishes.
//!
//! Checked with aws-lc-rs: the libraries for it bring a second RSA implementation, whose private-key side is known to leak by its
//! timing (docs/adr).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use keystead_crypto::encoding::b64url_decode;
use serde::Deserialize;

use crate::config::GoogleConfig;

/// Longest token and longest key set that are read.
const MAX_TOKEN: usize = 8_192;
const MAX_KEY_SET: usize = 256 * 1_024;
/// Keys are asked for again at the earliest after this, so that unknown key ids do not become requests.
const REFETCH_MS: i64 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a token says about its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Id at the provider.
    pub subject: String,
    /// Address, which the provider has verified.
    pub email: String,
    /// First name, if it is told.
    pub given_name: Option<String>,
    /// Last name, if it is told.
    pub family_name: Option<String>,
    /// Address of a picture.
    pub picture: Option<String>,
}

/// Why a token is refused. For the log; the client is told nothing.
#[derive(Debug, thiserror::Error)]
pub enum IdTokenError {
    /// No provider is configured.
    #[error("no client id is configured")]
    Off,
    /// Not a token, another algorithm, or a key that the provider does not have.
    #[error("{0}")]
    Invalid(&'static str),
    /// The provider's keys cannot be read.
    #[error("the provider's keys cannot be read: {0}")]
    Keys(#[from] reqwest::Error),
}

/// A provider with its keys.
pub struct Provider {
    config: GoogleConfig,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Key>,
    asked_ms: Option<i64>,
}

#[derive(Clone)]
struct Key {
    n: Vec<u8>,
    e: Vec<u8>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    kty: String,
    #[serde(default)]
    kid: String,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: serde_json::Value,
    #[serde(default)]
    azp: Option<String>,
    exp: i64,
    sub: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: serde_json::Value,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
    #[serde(default)]
    picture: Option<String>,
}

impl Provider {
    /// A provider as it is configured. Nothing is fetched before the first token.
    #[must_use]
    pub fn new(config: &GoogleConfig) -> Self {
        Self { config: config.clone(), keys: Mutex::default() }
    }

    /// Checks signature, issuer, audience and expiry, and that the provider has verified the address.
    ///
    /// # Errors
    /// [`IdTokenError`]
    pub async fn check(&self, token: &str, now_ms: i64) -> Result<Identity, IdTokenError> {
        use IdTokenError::Invalid;
        if self.config.client_id.is_empty() {
            return Err(IdTokenError::Off);
        }
        let unreadable = Invalid("this is no ID token");
        if token.len() > MAX_TOKEN {
            return Err(unreadable);
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { return Err(unreadable) };
        let decode = |part: &str| b64url_decode(part).map_err(|_source| Invalid("this is no ID token"));
        let parsed: Header = serde_json::from_slice(&decode(header)?).map_err(|_source| unreadable)?;
        if parsed.alg != "RS256" {
            return Err(Invalid("the token's algorithm is not RS256"));
        }
        let key = self.key(&parsed.kid, now_ms).await?.ok_or(Invalid("the provider has no such key"))?;
        let message = format!("{header}.{payload}");
        RsaPublicKeyComponents { n: &key.n, e: &key.e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decode(signature)?)
            .map_err(|_source| Invalid("the signature is wrong"))?;
        let claims = serde_json::from_slice(&decode(payload)?).map_err(|_source| Invalid("a claim is missing"))?;
        self.judge(claims, now_ms)
    }

    fn judge(&self, claims: Claims, now_ms: i64) -> Result<Identity, IdTokenError> {
        use IdTokenError::Invalid;
        let own = |value: &str| value == self.config.client_id;
        let bare = self.config.issuer.trim_start_matches("https://");
        if claims.iss != self.config.issuer && claims.iss != bare {
            return Err(Invalid("another issuer"));
        }
        let for_us = match &claims.aud {
            serde_json::Value::String(audience) => own(audience),
            // Made for several: we must be the one it was handed to.
            serde_json::Value::Array(all) => {
                all.iter().any(|a| a.as_str().is_some_and(own)) && claims.azp.as_deref().is_some_and(own)
            }
            _ => false,
        };
        if !for_us {
            return Err(Invalid("made for another client"));
        }
        if now_ms.div_euclid(1_000) >= claims.exp {
            return Err(Invalid("expired"));
        }
        let verified = claims.email_verified == true || claims.email_verified == "true";
        let email = claims.email.filter(|_| verified).ok_or(Invalid("no verified address"))?;
        if claims.sub.is_empty() || claims.sub.len() > 255 || claims.sub.contains('\0') {
            return Err(Invalid("no usable subject"));
        }
        Ok(Identity {
            subject: claims.sub,
            email,
            given_name: claims.given_name,
            family_name: claims.family_name,
            picture: claims.picture,
        })
    }

    async fn key(&self, id: &str, now_ms: i64) -> Result<Option<Key>, IdTokenError> {
        {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(key) = keys.by_id.get(id) {
                return Ok(Some(key.clone()));
            }
            if keys.asked_ms.is_some_and(|asked| now_ms - asked < REFETCH_MS) {
                return Ok(None);
            }
            keys.asked_ms = Some(now_ms);
        }
        let fetched = self.fetch().await?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.by_id = fetched;
        Ok(keys.by_id.get(id).cloned())
    }

    async fn fetch(&self) -> Result<HashMap<String, Key>, IdTokenError> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let mut answer = client.get(&self.config.jwks_url).send().await?.error_for_status()?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_KEY_SET {
                return Err(IdTokenError::Invalid("the provider's key set is too large"));
            }
        }
        let set: KeySet = serde_json::from_slice(&text)
            .map_err(|_source| IdTokenError::Invalid("the provider's key set is unreadable"))?;
        let key = |published: PublishedKey| {
            let number = |text: Option<String>| b64url_decode(&text?).ok();
            let usable = published.kty == "RSA";
            let key = Key { n: number(published.n)?, e: number(published.e)? };
            usable.then_some((published.kid, key))
        };
        Ok(set.keys.into_iter().filter_map(key).collect())
    }
}
