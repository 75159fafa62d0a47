//! ID tokens of an OpenID provider (OpenID Connect Core 1.0, section 3.1.3.7): RS256 or ES256 with the keys that the provider publishes.
//!
//! Checked with aws-lc-rs: docs/adr/0014 says why not with a library for OpenID.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use keystead_crypto::encoding::b64url_decode;
use serde::Deserialize;

use crate::config::ProviderConfig;

/// Longest token and longest key set that are read.
const MAX_TOKEN: usize = 8_192;
const MAX_KEY_SET: usize = 256 * 1_024;
/// Keys are asked for again at the earliest after this, so that unknown key ids do not become requests.
const REFETCH_MS: i64 = 60_000;
/// They are asked for again after this in any case: a provider withdraws keys too.
const FRESH_MS: i64 = 3_600_000;
/// So long they are good while the provider cannot be reached.
const KEEP_MS: i64 = 24 * 3_600_000;
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
    /// Whose login it belongs to, as the asker said.
    pub nonce: Option<String>,
}

/// Where logins by redirect go (OpenID Connect Core 1.0, section 3.1).
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// For browsers.
    pub authorization: String,
    /// For us, with the code.
    token: String,
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
    config: ProviderConfig,
    keys: Mutex<Keys>,
    /// Held while keys are fetched: who needs them too waits for the same ones.
    fetching: tokio::sync::Mutex<()>,
    /// Asked for once: they do not move.
    endpoints: tokio::sync::OnceCell<Endpoints>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Key>,
    asked_ms: Option<i64>,
    fetched_ms: Option<i64>,
}

#[derive(Clone)]
enum Key {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Of the curve P-256, uncompressed.
    P256(Vec<u8>),
}

/// OpenID Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
}

/// OpenID Connect Core 1.0, section 3.1.3.3.
#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
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
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
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
    #[serde(default)]
    nonce: Option<String>,
}

impl Provider {
    /// A provider as it is configured. Nothing is fetched before the first token.
    #[must_use]
    pub fn new(config: ProviderConfig) -> Self {
        Self { config, keys: Mutex::default(), fetching: tokio::sync::Mutex::default(), endpoints: Default::default() }
    }

    /// True when it is configured.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.config.client_id.is_empty()
    }

    /// True when logins by redirect are configured too: they need a secret.
    #[must_use]
    pub fn takes_redirects(&self) -> bool {
        self.is_on() && !self.config.client_secret.expose().is_empty()
    }

    /// Our id at the provider.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.config.client_id
    }

    /// Where logins by redirect go.
    ///
    /// # Errors
    /// When the discovery document cannot be read or names no endpoints.
    pub async fn endpoints(&self) -> Result<&Endpoints, IdTokenError> {
        self.endpoints
            .get_or_try_init(|| async {
                let found = self.discover().await?;
                match (found.authorization_endpoint, found.token_endpoint) {
                    (Some(authorization), Some(token)) => Ok(Endpoints { authorization, token }),
                    _ => Err(IdTokenError::Invalid("the provider's discovery document names no endpoints")),
                }
            })
            .await
    }

    /// Gives a code of a login by redirect for an ID token, which is not judged yet.
    ///
    /// # Errors
    /// When the provider refuses the code or cannot be reached.
    pub async fn exchange(&self, code: &str, redirect_uri: &str) -> Result<String, IdTokenError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.config.client_id),
            ("client_secret", self.config.client_secret.expose()),
        ];
        let encode = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = client()?
            .post(&self.endpoints().await?.token)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form.join("&"));
        let answer: TokenAnswer = read(request).await?;
        Ok(answer.id_token)
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
        if !["RS256", "ES256"].contains(&parsed.alg.as_str()) {
            return Err(Invalid("the token's algorithm is neither RS256 nor ES256"));
        }
        let key = self.key(&parsed.kid, now_ms).await?.ok_or(Invalid("the provider has no such key"))?;
        let message = format!("{header}.{payload}");
        let (message, signature) = (message.as_bytes(), decode(signature)?);
        match (&key, parsed.alg.as_str()) {
            (Key::Rsa { n, e }, "RS256") => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, &signature)
            }
            (Key::P256(point), "ES256") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &signature)
            }
            _ => return Err(Invalid("the key is not for this algorithm")),
        }
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
            nonce: claims.nonce,
        })
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn key(&self, id: &str, now_ms: i64) -> Result<Option<Key>, IdTokenError> {
        let within = |since: Option<i64>, limit: i64| since.is_some_and(|since| (0..limit).contains(&(now_ms - since)));
        let fresh = |keys: &Keys| keys.by_id.get(id).filter(|_| within(keys.fetched_ms, FRESH_MS)).cloned();
        let known = fresh(&self.keys());
        if known.is_some() {
            return Ok(known);
        }
        let _fetching = self.fetching.lock().await;
        let known = {
            let mut keys = self.keys();
            // Meanwhile they may have come.
            if let Some(key) = fresh(&keys) {
                return Ok(Some(key));
            }
            let known = keys.by_id.get(id).filter(|_| within(keys.fetched_ms, KEEP_MS)).cloned();
            if within(keys.asked_ms, REFETCH_MS) {
                return Ok(known);
            }
            keys.asked_ms = Some(now_ms);
            known
        };
        match (self.fetch().await, known) {
            (Ok(fetched), _) => {
                let mut keys = self.keys();
                (keys.by_id, keys.fetched_ms) = (fetched, Some(now_ms));
                Ok(keys.by_id.get(id).cloned())
            }
            (Err(e), Some(known)) => {
                tracing::warn!(error = %e, issuer = self.config.issuer, "a provider's keys cannot be renewed");
                Ok(Some(known))
            }
            (Err(e), None) => Err(e),
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Key>, IdTokenError> {
        let url = match self.config.jwks_url.as_str() {
            "" => self.discover().await?.jwks_uri,
            url => url.to_owned(),
        };
        let set: KeySet = read(client()?.get(&url)).await?;
        Ok(set.keys.into_iter().filter_map(key_of).collect())
    }

    /// What the issuer says of himself.
    async fn discover(&self) -> Result<Discovery, IdTokenError> {
        let issuer = self.config.issuer.trim_end_matches('/');
        let found: Discovery = read(client()?.get(format!("{issuer}/.well-known/openid-configuration"))).await?;
        if found.issuer.trim_end_matches('/') != issuer {
            return Err(IdTokenError::Invalid("the provider's discovery document is another issuer's"));
        }
        Ok(found)
    }
}

fn key_of(published: PublishedKey) -> Option<(String, Key)> {
    /// First byte of an uncompressed point (SEC 1, section 2.3.3).
    const UNCOMPRESSED: u8 = 4;
    let number = |text: Option<String>| b64url_decode(&text?).ok();
    let key = match (published.kty.as_str(), published.crv.as_deref()) {
        ("RSA", _) => Key::Rsa { n: number(published.n)?, e: number(published.e)? },
        ("EC", Some("P-256")) => Key::P256([vec![UNCOMPRESSED], number(published.x)?, number(published.y)?].concat()),
        _ => return None,
    };
    Some((published.kid, key))
}

fn client() -> Result<reqwest::Client, IdTokenError> {
    Ok(reqwest::Client::builder().timeout(TIMEOUT).build()?)
}

/// A small JSON document.
async fn read<T: serde::de::DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, IdTokenError> {
    let mut answer = request.send().await?.error_for_status()?;
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_KEY_SET {
            return Err(IdTokenError::Invalid("the provider's answer is too large"));
        }
    }
    serde_json::from_slice(&text).map_err(|_source| IdTokenError::Invalid("the provider's answer is unreadable"))
}
