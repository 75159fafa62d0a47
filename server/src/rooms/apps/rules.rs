//! What an operator does with apps. Tokens and sign keys leave here once, when they are made.

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::{hash, rng};
use keystead_protocol::ErrorCode;
use keystead_protocol::apps::{EndpointOptions, FileOptions, GroupOptions};
use keystead_protocol::jwt::JWT_ALG;
use serde::Serialize;
use uuid::Uuid;

use super::jwt::make_key_pair;
use super::store::{self, AppRow, JwtKeyRow};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::data::space::rules as data;
use crate::rooms::directory::rules as directory;
use crate::rooms::groups::rules as groups;

const PUBLIC_TOKEN: usize = 30;
const SECRET_TOKEN: usize = 50;
const MAX_NAME: usize = 100;
/// Name of the app that the first start makes.
pub const DEFAULT_APP: &str = "default";
/// Setting with the id of the app where customers live.
const CUSTOMER_APP: &str = "customer_app";

/// Tokens of an app, in clear: shown once.
#[derive(Serialize)]
pub struct AppTokens {
    /// App id (UUID).
    pub app_id: String,
    /// b64 of 30 random bytes.
    pub public_token: String,
    /// b64 of 50 random bytes.
    pub secret_token: String,
    /// UUID; the data API's admin token.
    pub admin_token: String,
}

/// A new app with its first JWT key pair.
#[derive(Serialize)]
pub struct NewApp {
    /// Id and tokens.
    #[serde(flatten)]
    pub tokens: AppTokens,
    /// The key pair, also for the owner's own backend.
    pub jwt: NewJwtKey,
}

/// A JWT key pair in exchange format.
#[derive(Serialize)]
pub struct NewJwtKey {
    /// Key id.
    pub kid: String,
    /// b64 of the uncompressed point.
    pub verify_key: String,
    /// b64 of the PKCS#8 DER.
    pub sign_key: String,
    /// `ES384`.
    pub alg: &'static str,
}

/// A JWT key in a list: no secrets.
#[derive(Debug, Clone, Serialize)]
pub struct JwtKeyInfo {
    /// Key id.
    pub kid: String,
    /// `ES384`.
    pub alg: String,
    /// b64 of the uncompressed point.
    pub verify_key: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

/// An app in a list: no secrets.
#[derive(Debug, Clone, Serialize)]
pub struct AppInfo {
    /// App id.
    pub app_id: String,
    /// Name for people.
    pub name: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// When it was switched off.
    pub disabled_ms: Option<i64>,
    /// Who may call what.
    pub options: EndpointOptions,
    /// Where files go.
    pub file_options: FileOptions,
    /// Limits of key rotation.
    pub group_options: GroupOptions,
}

/// Settings of an app that can be changed.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// Who may call what.
    pub options: EndpointOptions,
    /// Where files go.
    pub file_options: FileOptions,
    /// Limits of key rotation.
    pub group_options: GroupOptions,
    /// Switched off.
    pub disabled: bool,
}

/// Makes an app with tokens and a JWT key pair.
///
/// # Errors
/// `JsonParse` for an unusable name, and what database and crypto say.
pub fn create(app: &App, tx: &mut Conn, name: &str, options: &EndpointOptions) -> KeyResult<NewApp> {
    create_with(app, tx, name, options, make_tokens(app, app.new_id()))
}

/// As [`create`], with an id and an admin token (both UUIDs) that the client has chosen.
///
/// # Errors
/// As [`create`], and `AppAction` when there is such an app.
pub fn create_chosen(
    app: &App,
    tx: &mut Conn,
    name: &str,
    options: &EndpointOptions,
    id: Uuid,
    admin_token: Option<Uuid>,
) -> KeyResult<NewApp> {
    let id = id.to_string();
    if store::by_id(tx, &id)?.is_some() {
        return Err(KeyError::with(ErrorCode::AppAction, format!("there is an app {id} already")));
    }
    let mut tokens = make_tokens(app, id);
    if let Some(token) = admin_token {
        tokens.admin_token = token.to_string();
    }
    create_with(app, tx, name, options, tokens)
}

fn create_with(
    app: &App,
    tx: &mut Conn,
    name: &str,
    options: &EndpointOptions,
    tokens: AppTokens,
) -> KeyResult<NewApp> {
    check_name(name)?;
    let hashes = hashes_of(&tokens)?;
    store::insert(
        tx,
        &AppRow {
            id: tokens.app_id.clone(),
            version: 1,
            disabled_ms: None,
            name: name.to_owned(),
            public_token_hash: hashes.public,
            secret_token_hash: hashes.secret,
            admin_token_hash: hashes.admin,
            options: json(options)?,
            file_options: json(&FileOptions::default())?,
            group_options: json(&GroupOptions::default())?,
            created_ms: app.clock.now_ms(),
        },
    )?;
    let jwt = add_jwt_key(app, tx, &tokens.app_id)?;
    Ok(NewApp { tokens, jwt })
}

/// The id of the app where customers live; makes it when there is none. Its tokens are forgotten at once.
///
/// # Errors
/// What database and crypto say.
pub fn customer_app(app: &App, tx: &mut Conn, name: &str) -> KeyResult<String> {
    // Several nodes may start at once.
    tx.lock(CUSTOMER_APP)?;
    if let Some(id) = store::setting(tx, CUSTOMER_APP)? {
        return Ok(id);
    }
    let id = create(app, tx, name, &EndpointOptions::preset_lax())?.tokens.app_id;
    store::set_setting(tx, CUSTOMER_APP, &id)?;
    Ok(id)
}

/// Gives an app new tokens; the old ones stop at once.
///
/// # Errors
/// `AppNotFound`.
pub fn rotate_tokens(app: &App, tx: &mut Conn, id: &str) -> KeyResult<AppTokens> {
    let tokens = make_tokens(app, id.to_owned());
    let hashes = hashes_of(&tokens)?;
    match store::set_tokens(tx, id, &hashes.public, &hashes.secret, &hashes.admin)? {
        0 => Err(ErrorCode::AppNotFound.into()),
        _ => Ok(tokens),
    }
}

/// Changes an app's settings; running servers follow at the next request.
///
/// # Errors
/// `AppNotFound`, or `AppAction` for values that make no sense.
pub fn set_settings(app: &App, tx: &mut Conn, id: &str, settings: &AppSettings) -> KeyResult<()> {
    check(settings)?;
    let current = store::by_id(tx, id)?.ok_or(ErrorCode::AppNotFound)?;
    let disabled_ms = settings.disabled.then(|| current.disabled_ms.unwrap_or_else(|| app.clock.now_ms()));
    store::set_settings(
        tx,
        id,
        &json(&settings.options)?,
        &json(&settings.file_options)?,
        &json(&settings.group_options)?,
        disabled_ms,
    )?;
    Ok(())
}

/// All apps, the oldest first.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn) -> KeyResult<Vec<AppInfo>> {
    store::all(conn)?.into_iter().map(info).collect()
}

/// Finds an app by id, or by a name that only one app has.
///
/// # Errors
/// `AppNotFound`; `AppAction` when several apps have the name.
pub fn find(conn: &mut Conn, id_or_name: &str) -> KeyResult<AppInfo> {
    if let Some(row) = store::by_id(conn, id_or_name)? {
        return info(row);
    }
    let mut rows = store::by_name(conn, id_or_name)?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => info(row),
        (Some(_), false) => {
            Err(KeyError::with(ErrorCode::AppAction, format!("several apps are called '{id_or_name}': use the app id")))
        }
        (None, _) => Err(KeyError::with(ErrorCode::AppNotFound, format!("there is no app '{id_or_name}'"))),
    }
}

/// The app with this id.
///
/// # Errors
/// What the database says.
pub fn by_id(conn: &mut Conn, id: &str) -> KeyResult<Option<AppInfo>> {
    store::by_id(conn, id)?.map(info).transpose()
}

/// Id of the app `default`, which the first start made: the oldest one of that name.
///
/// # Errors
/// What the database says.
pub fn default_app(conn: &mut Conn) -> KeyResult<Option<String>> {
    Ok(store::by_name(conn, DEFAULT_APP)?.into_iter().min_by_key(|row| row.created_ms).map(|row| row.id))
}

/// True when an app is there and not switched off.
///
/// # Errors
/// What the database says.
pub fn is_enabled(conn: &mut Conn, id: &str) -> KeyResult<bool> {
    Ok(store::is_enabled(conn, id)?)
}

/// True when the app has this admin token.
///
/// # Errors
/// What the database says.
pub fn is_admin_token(conn: &mut Conn, id: &str, token: &str) -> KeyResult<bool> {
    Ok(store::admin_token_hash(conn, id)?.is_some_and(|stored| is_admin_token_of(&stored, token)))
}

/// True when this is the admin token that rests as `stored`.
#[must_use]
pub fn is_admin_token_of(stored: &str, token: &str) -> bool {
    // The hash of what was shown cannot be aimed at another one byte by byte, so plain comparison tells nothing.
    stored == token_hash(token.to_ascii_lowercase().as_bytes())
}

/// True when there is any app: false only on the first start.
///
/// # Errors
/// What the database says.
pub fn any(conn: &mut Conn) -> KeyResult<bool> {
    Ok(store::any(conn)?)
}

/// The JWT keys of an app, without their secret halves, the newest last: it signs, all verify.
///
/// # Errors
/// What the database says.
pub fn jwt_keys(conn: &mut Conn, app_id: &str) -> KeyResult<Vec<JwtKeyInfo>> {
    let rows = store::jwt_keys(conn, app_id)?;
    let info = |row: JwtKeyRow| JwtKeyInfo {
        kid: row.kid,
        alg: row.alg,
        verify_key: row.verify_key,
        created_ms: row.created_ms,
    };
    Ok(rows.into_iter().map(info).collect())
}

/// Gives an app a further JWT key pair, which signs from now on. Tokens of the older keys stay good.
///
/// # Errors
/// `AppNotFound`.
pub fn new_jwt_key(app: &App, tx: &mut Conn, app_id: &str) -> KeyResult<NewJwtKey> {
    if store::touch(tx, app_id)? == 0 {
        return Err(ErrorCode::AppNotFound.into());
    }
    add_jwt_key(app, tx, app_id)
}

/// Removes a JWT key pair; its tokens are refused at once.
///
/// # Errors
/// `JwtKeyNotFound`; `AppAction` for the last one.
pub fn delete_jwt_key(tx: &mut Conn, app_id: &str, kid: &str) -> KeyResult<()> {
    if store::jwt_keys(tx, app_id)?.len() < 2 {
        return Err(KeyError::with(ErrorCode::AppAction, "an app needs a JWT key: add another one first"));
    }
    if store::delete_jwt_key(tx, app_id, kid)? == 0 {
        return Err(ErrorCode::JwtKeyNotFound.into());
    }
    store::touch(tx, app_id)?;
    Ok(())
}

/// As [`jwt_keys`], each with its private half: b64 of the PKCS#8 DER.
///
/// # Errors
/// What database and cipher say.
pub fn jwt_key_pairs(app: &App, conn: &mut Conn, app_id: &str) -> KeyResult<Vec<(JwtKeyInfo, String)>> {
    let pair = |row: JwtKeyRow| {
        let sign_key = app
            .root_key
            .open(&jwt_slot(&row.kid), &row.sign_key_sealed)
            .map_err(|e| KeyError::caused(ErrorCode::RootKeyDecrypt, e))?;
        let info = JwtKeyInfo { kid: row.kid, alg: row.alg, verify_key: row.verify_key, created_ms: row.created_ms };
        Ok((info, b64_encode(&sign_key)))
    };
    store::jwt_keys(conn, app_id)?.into_iter().map(pair).collect()
}

/// Gives an app another name.
///
/// # Errors
/// `JsonParse` for an unusable name, `AppNotFound`.
pub fn rename(tx: &mut Conn, id: &str, name: &str) -> KeyResult<()> {
    check_name(name)?;
    match store::set_name(tx, id, name)? {
        0 => Err(ErrorCode::AppNotFound.into()),
        _ => Ok(()),
    }
}

/// Removes an app with everything in it: users, groups, keys.
///
/// # Errors
/// `AppNotFound`.
pub fn delete(tx: &mut Conn, id: &str) -> KeyResult<()> {
    reset(tx, id)?;
    store::delete(tx, id)?;
    Ok(())
}

/// Removes everything in an app; itself, its tokens and its settings stay.
///
/// # Errors
/// `AppNotFound`.
pub fn reset(tx: &mut Conn, id: &str) -> KeyResult<()> {
    tx.lock(id)?;
    if store::touch(tx, id)? == 0 {
        return Err(ErrorCode::AppNotFound.into());
    }
    directory::delete_all(tx, id)?;
    data::delete_all(tx, id)?;
    groups::delete_all(tx, id)
}

/// How a token rests: b64 of the SHA-256 of the raw token bytes.
pub(super) fn token_hash(raw: &[u8]) -> String {
    b64_encode(&hash::sha256(raw))
}

/// The slot of a sign key under the root key.
pub(super) fn jwt_slot(kid: &str) -> String {
    format!("app_jwt_keys.sign_key_sealed {kid}")
}

fn add_jwt_key(app: &App, tx: &mut Conn, app_id: &str) -> KeyResult<NewJwtKey> {
    let pair = make_key_pair()?;
    let kid = app.new_id();
    let sealed = app
        .root_key
        .seal(&jwt_slot(&kid), &pair.sign_key)
        .map_err(|e| KeyError::caused(ErrorCode::RootKeyEncrypt, e))?;
    let verify_key = pair.verify_key_b64();
    store::insert_jwt_key(
        tx,
        &JwtKeyRow {
            kid: kid.clone(),
            app_id: app_id.to_owned(),
            alg: JWT_ALG.to_owned(),
            verify_key: verify_key.clone(),
            sign_key_sealed: sealed,
            created_ms: app.clock.now_ms(),
        },
    )?;
    Ok(NewJwtKey { kid, verify_key, sign_key: pair.sign_key_b64(), alg: JWT_ALG })
}

fn make_tokens(app: &App, app_id: String) -> AppTokens {
    AppTokens {
        app_id,
        public_token: b64_encode(&rng::bytes::<PUBLIC_TOKEN>(&mut rng::os())),
        secret_token: b64_encode(&rng::bytes::<SECRET_TOKEN>(&mut rng::os())),
        admin_token: app.new_id(),
    }
}

fn check_name(name: &str) -> KeyResult<()> {
    if name.trim().is_empty() || name.len() > MAX_NAME {
        return Err(KeyError::input(format!("an app's name has 1 to {MAX_NAME} bytes")));
    }
    Ok(())
}

struct TokenHashes {
    public: String,
    secret: String,
    admin: String,
}

fn hashes_of(tokens: &AppTokens) -> KeyResult<TokenHashes> {
    let raw = |token: &str| {
        keystead_crypto::encoding::b64_decode(token).map_err(|e| KeyError::caused(ErrorCode::AppTokenFormat, e))
    };
    Ok(TokenHashes {
        public: token_hash(&raw(&tokens.public_token)?),
        secret: token_hash(&raw(&tokens.secret_token)?),
        admin: token_hash(tokens.admin_token.as_bytes()),
    })
}

fn check(settings: &AppSettings) -> KeyResult<()> {
    let refuse = |text: &str| Err(KeyError::with(ErrorCode::AppAction, text));
    let file = &settings.file_options;
    if !settings.options.is_valid() {
        return refuse("endpoint options are 0, 1 or 2");
    }
    if !(-1..=1).contains(&file.file_storage) || (file.file_storage == 1 && file.storage_url.is_none()) {
        return refuse("file_storage is -1, 0 or 1; 1 needs storage_url");
    }
    let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if file.storage_url.as_ref().is_some_and(|url| url.len() > 2048 || !is_url(url)) {
        return refuse("storage_url begins with http:// or https://");
    }
    // It is sent as a header.
    let is_token = |token: &String| token.len() <= 50 && token.bytes().all(|b| b.is_ascii_graphic());
    if file.auth_token.as_ref().is_some_and(|token| !is_token(token)) {
        return refuse("auth_token has at most 50 characters, all of them visible ASCII");
    }
    if settings.group_options.max_key_rotation_month < 0 || settings.group_options.min_rank_key_rotation < 0 {
        return refuse("group options are at least 0");
    }
    Ok(())
}

fn info(row: AppRow) -> KeyResult<AppInfo> {
    let read = |e| KeyError::caused(ErrorCode::DbQuery, e);
    Ok(AppInfo {
        options: serde_json::from_str(&row.options).map_err(read)?,
        file_options: serde_json::from_str(&row.file_options).map_err(read)?,
        group_options: serde_json::from_str(&row.group_options).map_err(read)?,
        app_id: row.id,
        name: row.name,
        created_ms: row.created_ms,
        disabled_ms: row.disabled_ms,
    })
}

fn json<T: Serialize>(value: &T) -> KeyResult<String> {
    serde_json::to_string(value).map_err(|e| KeyError::caused(ErrorCode::JsonSerialize, e))
}
