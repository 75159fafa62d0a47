//! Logins with providers: begun, come back, given for a token. Each secret is random, rests hashed, and is good once.

use std::sync::Arc;

use keystead_crypto::encoding::{b64url_encode, hex_encode};
use keystead_crypto::hash::{ct_eq, sha256};
use keystead_instaql::Error;
use reqwest::Url;
use serde_json::Value;

use super::store::{self, CodeRow, LoginRow};
use crate::app::App;
use crate::db::Conn;
use crate::id_token::{Identity, Provider};
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::users::rules::address;
use crate::rooms::data::users::rules::sign_in::{self, Arrival, Signed};

/// So long somebody may take at the provider.
const LOGIN_MS: i64 = 10 * 60_000;
/// So long a page has to give its code.
const CODE_MS: i64 = 5 * 60_000;
/// Most bytes of a redirect address, of what an app wants back, of a challenge.
const MOST_URI: usize = 2_048;
const MOST_STATE: usize = 1_024;
const MOST_CHALLENGE: usize = 128;

/// What an app wants of a login.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Name of the provider.
    pub provider: String,
    /// Where the code goes.
    pub redirect_uri: String,
    /// Comes back there.
    pub state: Option<String>,
    /// RFC 7636: the challenge and its method.
    pub challenge: Option<(String, String)>,
}

/// A login that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What the browser must show when it comes back.
    pub cookie: String,
}

/// Where a browser goes at the end.
#[derive(Debug)]
pub struct Returned {
    /// The app's address, with `code` or `error`.
    pub url: String,
}

/// Why a login fails; the text is for the app's developers.
#[derive(Debug)]
pub struct Refused(pub &'static str);

/// The provider of this name.
///
/// # Errors
/// `record-not-found` of `app-oauth-client`.
pub fn provider<'a>(app: &'a App, name: &str) -> DataResult<&'a Provider> {
    let known = app.identity.providers.get(name).filter(|provider| provider.is_on());
    Ok(known.ok_or_else(|| Error::not_found("app-oauth-client"))?)
}

/// Our address to which providers send browsers back.
#[must_use]
pub fn callback_url(app: &App) -> String {
    format!("{}/runtime/oauth/callback", app.config.server.public_url.trim_end_matches('/'))
}

/// True for an address at one of the origins of the configuration, or at our own. Without a port an origin of this machine stands
/// for all of its ports.
#[must_use]
pub fn may_return(app: &App, uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    if uri.len() > MOST_URI || !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let own = std::iter::once(&app.config.server.public_url);
    app.config.data.redirect_origins.iter().chain(own).any(|origin| is_at(&url, origin))
}

fn is_at(url: &Url, origin: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    if url.scheme() != origin.scheme() || url.host_str() != origin.host_str() {
        return false;
    }
    let any_port = origin.port().is_none() && matches!(origin.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    any_port || url.port_or_known_default() == origin.port_or_known_default()
}

/// Begins a login.
///
/// # Errors
/// `record-not-found` of an unknown provider, `param-malformed` for an address that is not allowed and what is too long.
pub async fn begin(app: &Arc<App>, app_id: &str, wanted: &Wanted) -> DataResult<Result<Begun, Refused>> {
    let provider = provider(app, &wanted.provider)?;
    if !may_return(app, &wanted.redirect_uri) {
        return Err(Error::malformed(&["params", "redirect_uri"], wanted.redirect_uri.as_str().into()).into());
    }
    let too_long = |text: &Option<String>, most| text.as_ref().is_some_and(|text| text.len() > most);
    if too_long(&wanted.state, MOST_STATE) {
        return Err(Error::malformed(&["params", "state"], Value::Null).into());
    }
    if let Some((challenge, method)) = &wanted.challenge
        && (challenge.is_empty() || challenge.len() > MOST_CHALLENGE || !["S256", "plain"].contains(&method.as_str()))
    {
        return Err(Error::malformed(&["params", "code_challenge"], Value::Null).into());
    }
    if !provider.takes_redirects() {
        return Ok(Err(Refused("This provider has no client_secret in the configuration: it takes ID tokens only")));
    }
    let endpoints = match provider.endpoints().await {
        Ok(endpoints) => endpoints,
        Err(e) => {
            tracing::warn!(error = %e, provider = wanted.provider, "a provider's endpoints cannot be read");
            return Ok(Err(Refused("The provider cannot be reached")));
        }
    };
    let (state, cookie, nonce) = (format!("{app_id}{}", app.new_id()), app.new_id(), app.new_id());
    let row = LoginRow {
        state_hash: hex(&state),
        app_id: app_id.to_owned(),
        provider: wanted.provider.clone(),
        cookie_hash: hex(&cookie),
        nonce: nonce.clone(),
        redirect_uri: wanted.redirect_uri.clone(),
        client_state: wanted.state.clone(),
        challenge: wanted.challenge.as_ref().map(|(challenge, _)| challenge.clone()),
        challenge_method: wanted.challenge.as_ref().map(|(_, method)| method.clone()),
        expires_ms: app.clock.now_ms() + LOGIN_MS,
    };
    app.db.write::<_, DataError, _>(move |tx| Ok(store::insert_login(tx, &row)?)).await?;
    let url = with_query(
        &endpoints.authorization,
        &[
            ("client_id", provider.client_id()),
            ("redirect_uri", &callback_url(app)),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", &state),
            ("nonce", &nonce),
        ],
    )
    .map_err(DataError::internal)?;
    Ok(Ok(Begun { url, cookie }))
}

/// A browser comes back from a provider. A login that this server did not begin in this browser goes nowhere.
///
/// # Errors
/// What the database says.
pub async fn come_back(
    app: &Arc<App>,
    state: &str,
    cookie: Option<&str>,
    code: Option<&str>,
) -> DataResult<Result<Returned, Refused>> {
    let state_hash = hex(state);
    let login = app.db.write::<_, DataError, _>(move |tx| Ok(store::take_login(tx, &state_hash)?)).await?;
    let Some(login) = login.filter(|login| login.expires_ms > app.clock.now_ms()) else {
        return Ok(Err(Refused("This login is unknown, over, or was used before")));
    };
    if !cookie.is_some_and(|cookie| ct_eq(hex(cookie).as_bytes(), login.cookie_hash.as_bytes())) {
        return Ok(Err(Refused("This login was begun in another browser")));
    }
    let end = |name: &str, value: &str| {
        let mut pairs = vec![(name, value), ("_instant_oauth_redirect", "true")];
        pairs.extend(login.client_state.as_deref().map(|state| ("state", state)));
        with_query(&login.redirect_uri, &pairs).map(|url| Returned { url }).map_err(DataError::internal)
    };
    let Some(code) = code else { return end("error", "The provider did not let you in").map(Ok) };
    let known = provider(app, &login.provider)?;
    let checked = match known.exchange(code, &callback_url(app)).await {
        Ok(token) => known.check(&token, app.clock.now_ms()).await,
        Err(e) => Err(e),
    };
    let identity = match checked {
        Ok(identity) if identity.nonce.as_deref() == Some(login.nonce.as_str()) => identity,
        Ok(_other) => return end("error", "The provider's answer belongs to another login").map(Ok),
        Err(e) => {
            tracing::info!(error = %e, provider = login.provider, "a login with a provider failed");
            return end("error", "The provider's answer is not good").map(Ok);
        }
    };
    let given = app.new_id();
    let row = CodeRow {
        code_hash: hex(&given),
        app_id: login.app_id.clone(),
        provider: login.provider.clone(),
        subject: identity.subject,
        email: identity.email,
        picture: identity.picture,
        challenge: login.challenge.clone(),
        challenge_method: login.challenge_method.clone(),
        expires_ms: app.clock.now_ms() + CODE_MS,
    };
    app.db.write::<_, DataError, _>(move |tx| Ok(store::insert_code(tx, &row)?)).await?;
    end("code", &given).map(Ok)
}

/// Signs in with a code. A wrong verifier is no error of the transaction, so that the code is used up.
///
/// # Errors
/// What is wrong with `arrival`, what the `create` rule says.
pub fn by_code(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (code, verifier): (&str, Option<&str>),
    arrival: &Arrival,
) -> DataResult<Result<Signed, Refused>> {
    let Some(row) = store::take_code(tx, &hex(code))? else { return Ok(Err(Refused("The code is unknown"))) };
    if row.app_id != app_id {
        return Ok(Err(Refused("The code is another app's")));
    }
    if row.expires_ms <= app.clock.now_ms() {
        return Ok(Err(Refused("The code has expired")));
    }
    if let Some(challenge) = &row.challenge {
        let given = match (verifier, row.challenge_method.as_deref()) {
            (None, _) => return Ok(Err(Refused("code_verifier is missing"))),
            (Some(verifier), Some("S256")) => b64url_encode(&sha256(verifier.as_bytes())),
            (Some(verifier), _) => verifier.to_owned(),
        };
        if !ct_eq(given.as_bytes(), challenge.as_bytes()) {
            return Ok(Err(Refused("code_verifier does not fit")));
        }
    }
    let identity = Identity {
        subject: row.subject,
        email: row.email,
        picture: row.picture,
        given_name: None,
        family_name: None,
        nonce: None,
    };
    enter(app, tx, app_id, (&row.provider, &identity), arrival)
}

/// Judges an ID token that the app has got itself. The nonce is the token's, or its claim is the SHA-256 of it in hex.
///
/// # Errors
/// `record-not-found` of an unknown provider.
pub async fn judge(app: &App, name: &str, token: &str, nonce: Option<&str>) -> DataResult<Result<Identity, Refused>> {
    let identity = match provider(app, name)?.check(token, app.clock.now_ms()).await {
        Ok(identity) => identity,
        Err(e) => {
            tracing::info!(error = %e, provider = name, "an ID token was refused");
            return Ok(Err(Refused("The ID token is not good")));
        }
    };
    let fits = match (identity.nonce.as_deref(), nonce) {
        (None, None) => true,
        (Some(claim), Some(nonce)) => claim == nonce || claim == hex(nonce),
        _ => false,
    };
    Ok(if fits { Ok(identity) } else { Err(Refused("The nonce does not fit the ID token")) })
}

/// Signs a provider's person in: the user who is linked with him, else the one with his address, else a new one.
///
/// # Errors
/// What is wrong with `arrival`, what the `create` rule says.
pub fn enter(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (provider, identity): (&str, &Identity),
    arrival: &Arrival,
) -> DataResult<Result<Signed, Refused>> {
    let place = (app_id, provider, identity.subject.as_str());
    tx.lock(&format!("data oauth {app_id} {provider} {}", identity.subject))?;
    if let Some(user) = store::linked(tx, app_id, provider, &identity.subject)? {
        let arrival = Arrival { id: Some(user.parse().map_err(DataError::internal)?), ..arrival.clone() };
        return sign_in::sign_in(app, tx, app_id, &arrival).map(Ok);
    }
    let Some(email) = address(&identity.email) else { return Ok(Err(Refused("The provider tells no usable address"))) };
    let picture = identity.picture.clone().filter(|url| url.len() <= MOST_URI && url.starts_with("https://"));
    let arrival = Arrival { email: Some(email), image_url: picture, ..arrival.clone() };
    let signed = sign_in::sign_in(app, tx, app_id, &arrival)?;
    let id = signed.user.get("id").and_then(Value::as_str).unwrap_or_default();
    store::link(tx, place, id, app.clock.now_ms())?;
    Ok(Ok(signed))
}

/// Forgets who a user is at providers.
///
/// # Errors
/// What the database says.
pub fn unlink(tx: &mut Conn, app_id: &str, user_id: &str) -> DataResult<()> {
    Ok(store::unlink(tx, app_id, user_id).map(drop)?)
}

/// Removes logins and codes that are over.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> diesel::QueryResult<usize> {
    store::sweep(tx, app.clock.now_ms())
}

fn with_query(base: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
    let mut url = Url::parse(base).map_err(|e| format!("{base}: {e}"))?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(url.into())
}

fn hex(text: &str) -> String {
    hex_encode(&sha256(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_return_to_known_origins_only() {
        let at = |uri: &str, origin: &str| is_at(&Url::parse(uri).expect("an address"), origin);
        assert!(at("https://a.example/x?y=1", "https://a.example"));
        assert!(at("https://a.example:443/x", "https://a.example"));
        assert!(at("http://localhost:3000/", "http://localhost"));
        assert!(at("myapp://login/done", "myapp://login"));
        for (uri, origin) in [
            ("http://a.example/", "https://a.example"),
            ("https://a.example.evil.example/", "https://a.example"),
            ("https://a.example:8443/", "https://a.example"),
            ("https://evil.example/?a.example", "https://a.example"),
            ("javascript:alert(1)", "https://a.example"),
            ("http://localhost:3000/", "http://localhost:4000"),
            ("other://login/", "myapp://login"),
        ] {
            assert!(!at(uri, origin), "{uri}");
        }
    }
}
