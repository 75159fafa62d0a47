//! Connection, impersonation, queries and transactions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keystead_protocol::data::ErrorBody;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{ApiError, Auth, Error, Result, Rooms, Storage, Subscription, TxChunk};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server cuts queries off after 30 s.
const TIMEOUT: Duration = Duration::from_secs(60);
/// More than any honest answer.
const MAX_ANSWER: usize = 256 << 20;

const APP_ID: HeaderName = HeaderName::from_static("app-id");

/// Where to, and as whom.
#[derive(Clone)]
pub struct Config {
    api_uri: String,
    app_id: String,
    admin_token: Option<String>,
    with_schema: bool,
}

impl Config {
    /// The app `app_id` of the server at `api_uri`, such as `http://127.0.0.1:8090`.
    pub fn new(api_uri: impl Into<String>, app_id: impl Into<String>) -> Self {
        Self { api_uri: api_uri.into(), app_id: app_id.into(), admin_token: None, with_schema: false }
    }

    /// With the app's admin token. Without one, every call needs [`Db::as_user`].
    #[must_use]
    pub fn admin_token(self, token: impl Into<String>) -> Self {
        Self { admin_token: Some(token.into()), ..self }
    }

    /// The schema is fixed: transactions fail on attributes that do not exist instead of making them, and links of
    /// cardinality one come as one object or null.
    #[must_use]
    pub fn with_schema(self) -> Self {
        Self { with_schema: true, ..self }
    }
}

/// Whom to act as.
#[derive(Clone)]
pub enum As {
    /// The user with this address; needs the admin token.
    Email(String),
    /// The user of this refresh token.
    Token(String),
    /// Nobody in particular.
    Guest,
}

impl As {
    /// The user with this address.
    pub fn email(email: impl Into<String>) -> Self {
        Self::Email(email.into())
    }

    /// The user of this refresh token.
    pub fn token(token: impl Into<String>) -> Self {
        Self::Token(token.into())
    }
}

/// An app of a server. Cloning is cheap and shares connections.
#[derive(Clone)]
pub struct Db {
    http: reqwest::Client,
    base: Arc<str>,
    app_id: Arc<str>,
    admin: Option<HeaderValue>,
    /// The `as-…` header.
    act_as: Option<(HeaderName, HeaderValue)>,
    with_schema: bool,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("base", &self.base).field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// What a query is: the InstaQL object, and parameters for permission rules.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Query(Map<String, Value>);

impl Query {
    /// A query from anything that writes itself as a JSON object. Errors: `Value`.
    pub fn new(query: &impl Serialize) -> Result<Self> {
        let value = serde_json::to_value(query).map_err(Error::Value)?;
        serde_json::from_value(value).map(Self).map_err(Error::Value)
    }

    /// With `ruleParams`. Errors: `Value`.
    pub fn rule_params(mut self, params: &impl Serialize) -> Result<Self> {
        let params = serde_json::to_value(params).map_err(Error::Value)?;
        self.0.insert("$$ruleParams".into(), params);
        Ok(self)
    }
}

/// Answer of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Transacted {
    /// Number of the transaction; later ones have higher numbers.
    #[serde(rename = "tx-id")]
    pub tx_id: i64,
}

/// A client of one app. Nothing is sent.
///
/// # Errors
/// `Config` for an unusable URL or token.
pub fn init(config: Config) -> Result<Db> {
    let url = Url::parse(&config.api_uri).or(Err(Error::Config("the base url")))?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::Config("the base url"));
    }
    HeaderValue::from_str(&config.app_id).or(Err(Error::Config("the app id")))?;
    let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).build()?;
    let admin = config.admin_token.map(|token| secret(&format!("Bearer {token}"), "the admin token")).transpose()?;
    Ok(Db {
        http,
        base: Arc::from(config.api_uri.trim_end_matches('/')),
        app_id: Arc::from(config.app_id),
        admin,
        act_as: None,
        with_schema: config.with_schema,
    })
}

fn secret(text: &str, what: &'static str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).or(Err(Error::Config(what)))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Db {
    /// The same app, with permission rules, as somebody.
    ///
    /// # Errors
    /// `AdminTokenRequired` for an address without the admin token; `Config`.
    pub fn as_user(&self, who: As) -> Result<Self> {
        let (name, value) = match who {
            As::Email(_) if self.admin.is_none() => return Err(Error::AdminTokenRequired),
            As::Email(email) => ("as-email", HeaderValue::from_str(&email).or(Err(Error::Config("the address")))?),
            As::Token(token) => ("as-token", secret(&token, "the token")?),
            As::Guest => ("as-guest", HeaderValue::from_static("true")),
        };
        Ok(Self { act_as: Some((HeaderName::from_static(name), value)), ..self.clone() })
    }

    /// Answers an InstaQL query once.
    ///
    /// # Errors
    /// Refusals, and an answer that is no `T`.
    pub async fn query<T: DeserializeOwned>(&self, query: &impl Serialize) -> Result<T> {
        let body = json!({"query": Query::new(query)?, "inference?": self.with_schema});
        self.post("/admin/query", &body).await
    }

    /// Runs a transaction: all of it or nothing.
    ///
    /// # Errors
    /// Refusals.
    pub async fn transact(&self, chunks: impl IntoIterator<Item = TxChunk>) -> Result<Transacted> {
        let steps: Vec<Value> = chunks.into_iter().flat_map(TxChunk::into_steps).collect();
        self.post("/admin/transact", &json!({"steps": steps, "throw-on-missing-attrs?": self.with_schema})).await
    }

    /// Answers a query now and again after every change, until it is dropped.
    ///
    /// # Errors
    /// `AdminTokenRequired`, `Value`.
    pub fn subscribe_query(&self, query: &impl Serialize) -> Result<Subscription> {
        self.check_caller()?;
        Ok(Subscription::new(self.clone(), Query::new(query)?))
    }

    /// What a query gives somebody, with the check of every entity. On an [`as_user`](Self::as_user) client with the admin token.
    ///
    /// # Errors
    /// Refusals.
    pub async fn debug_query(&self, query: &impl Serialize, rules: Option<&Value>) -> Result<Value> {
        let mut body = json!({"query": Query::new(query)?, "inference?": self.with_schema});
        put(&mut body, "rules-override", rules);
        self.post("/admin/query_perms_check", &body).await
    }

    /// What a transaction of somebody would do, with every check; `commit` really does it.
    ///
    /// # Errors
    /// Refusals.
    pub async fn debug_transact(
        &self,
        chunks: impl IntoIterator<Item = TxChunk>,
        rules: Option<&Value>,
        commit: bool,
    ) -> Result<Value> {
        let steps: Vec<Value> = chunks.into_iter().flat_map(TxChunk::into_steps).collect();
        let mut body =
            json!({"steps": steps, "throw-on-missing-attrs?": self.with_schema, "dangerously-commit-tx": commit});
        put(&mut body, "rules-override", rules);
        self.post("/admin/transact_perms_check", &body).await
    }

    /// Users and sign-in.
    #[must_use]
    pub const fn auth(&self) -> Auth<'_> {
        Auth(self)
    }

    /// Who is in a room.
    #[must_use]
    pub const fn rooms(&self) -> Rooms<'_> {
        Rooms(self)
    }

    /// Files.
    #[must_use]
    pub const fn storage(&self) -> Storage<'_> {
        Storage(self)
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(crate) const fn with_schema(&self) -> bool {
        self.with_schema
    }

    /// Somebody must be there to act as: the admin, or whom [`as_user`](Self::as_user) named.
    pub(crate) fn check_caller(&self) -> Result<()> {
        if self.admin.is_some() || self.act_as.is_some() { Ok(()) } else { Err(Error::AdminTokenRequired) }
    }

    /// A request with the headers of this client. `query`: names and values behind `?app_id=`.
    pub(crate) fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<RequestBuilder> {
        let mut url = Url::parse(&format!("{}{path}", self.base)).or(Err(Error::Config("the base url")))?;
        url.query_pairs_mut().append_pair("app_id", &self.app_id).extend_pairs(query);
        let mut headers = HeaderMap::new();
        headers.insert(APP_ID, HeaderValue::from_str(&self.app_id).or(Err(Error::Config("the app id")))?);
        headers.extend(self.admin.clone().map(|value| (AUTHORIZATION, value)));
        headers.extend(self.act_as.clone());
        Ok(self.http.request(method, url).headers(headers))
    }

    /// A request as the admin, whoever the client acts as.
    pub(crate) fn admin_request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<RequestBuilder> {
        if self.admin.is_none() {
            return Err(Error::AdminTokenRequired);
        }
        Self { act_as: None, ..self.clone() }.request(method, path, query)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.check_caller()?;
        send(self.request(Method::POST, path, &[])?.timeout(TIMEOUT).json(body)).await
    }

    pub(crate) async fn admin_post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        send(self.admin_request(Method::POST, path, &[])?.timeout(TIMEOUT).json(body)).await
    }
}

fn put(body: &mut Value, name: &str, value: Option<&Value>) {
    if let (Value::Object(body), Some(value)) = (body, value) {
        body.insert(name.into(), value.clone());
    }
}

/// Sends, and reads a JSON answer.
pub(crate) async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let answer = checked(request.send().await?).await?;
    let body = read(answer).await?;
    serde_json::from_slice(&body).map_err(Error::Answer)
}

/// The answer when it is a good one, else what it says.
pub(crate) async fn checked(answer: Response) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = read(answer).await?;
    let body = serde_json::from_slice(&text)
        .unwrap_or_else(|_| ErrorBody { message: String::from_utf8_lossy(&text).into_owned(), ..ErrorBody::default() });
    Err(Box::new(ApiError { status: status.as_u16(), body }).into())
}

async fn read(mut answer: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
