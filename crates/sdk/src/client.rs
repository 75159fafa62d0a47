//! One HTTP client per server and app: connections, token, and the verify keys seen so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use keystead_sdk_core::user::{self, Challenges, VerifyKeys};
use keystead_sdk_core::{Policy, SdkError, Suite, rng};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};

use crate::keys::StdUser;
use crate::std_user::Generation;
use crate::{Error, LightLogin, LightUser, Login, Result};

const APP_TOKEN: HeaderName = HeaderName::from_static(keystead_sdk_core::protocol::apps::APP_TOKEN_HEADER);
const GROUP_ACCESS: HeaderName = HeaderName::from_static(keystead_sdk_core::protocol::apps::GROUP_ACCESS_HEADER);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// A part of a file on a slow line.
#[cfg(feature = "file")]
const PART_TIMEOUT: Duration = Duration::from_secs(600);
/// More than any honest answer; the rest of a larger one is not read.
const MAX_ANSWER: usize = 16 << 20;

static DEFAULT: RwLock<Option<Client>> = RwLock::new(None);

/// Sets the process-wide client. A second call replaces it for later calls; users that are logged in keep theirs.
///
/// `base_url` may have a path prefix (`https://example.org/keys`); `/api/v1/…` is put behind it.
///
/// # Errors
/// `Config` for an unusable URL or token.
pub fn init(base_url: &str, app_token: &str) -> Result<()> {
    let client = Client::new(base_url, app_token)?;
    *DEFAULT.write().unwrap_or_else(PoisonError::into_inner) = Some(client);
    Ok(())
}

/// The process-wide client. Errors: `NotInitialised`.
pub fn default_client() -> Result<Client> {
    DEFAULT.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::NotInitialised)
}

/// A connection to one app of one server. Cloning is cheap and shares connections and pinned keys.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    app_token: HeaderValue,
    pins: Arc<Mutex<VerifyKeys>>,
    challenges: Arc<Mutex<Challenges>>,
    policy: Policy,
    file_part_url: Option<Arc<str>>,
}

/// What a call carries besides its path.
#[derive(Default)]
pub(crate) struct Call<'a> {
    pub(crate) jwt: Option<&'a str>,
    pub(crate) body: Option<String>,
    /// The group through which the user enters.
    pub(crate) via: Option<&'a str>,
}

impl Client {
    /// A client of the app whose token this is. Errors: `Config`.
    pub fn new(base_url: &str, app_token: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(Error::Network)?;
        Self::with_http(http, base_url, app_token)
    }

    /// As [`new`](Self::new), with a ready HTTP client (own certificates, a proxy). Errors: `Config`.
    pub fn with_http(http: reqwest::Client, base_url: &str, app_token: &str) -> Result<Self> {
        let url = reqwest::Url::parse(base_url).or(Err(Error::Config))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(Error::Config);
        }
        let base = Arc::from(base_url.trim_end_matches('/'));
        Ok(Self {
            http,
            base,
            app_token: token_header(app_token)?,
            pins: Arc::default(),
            challenges: Arc::default(),
            policy: Policy::default(),
            file_part_url: None,
        })
    }

    /// The same client with another app token, such as the secret one of a backend. Errors: `Config`.
    pub fn with_app_token(&self, app_token: &str) -> Result<Self> {
        Ok(Self { app_token: token_header(app_token)?, ..self.clone() })
    }

    /// The same client with another belief about the server: which algorithms, which unsigned keys, which changes.
    /// Connections and pinned keys are shared; users who are logged in keep theirs.
    ///
    /// ```
    /// use keystead::policy::{Policy, Unsigned};
    ///
    /// let client = keystead::Client::new("http://127.0.0.1:8090", "token")?;
    /// let client = client.with_policy(Policy { group_keys: Unsigned::Require, ..Policy::default() });
    /// assert_eq!(client.policy().group_keys, Unsigned::Require);
    /// # Ok::<(), keystead::Error>(())
    /// ```
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// What this client believes.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The same client with [`Policy::STRICT`]: nothing unsigned, nothing weaker than the hybrid algorithms, no change
    /// without proof. Accounts of clients of 2022 and those with small keys cannot be talked to.
    ///
    /// ```
    /// use keystead::policy::Policy;
    /// let client = keystead::Client::new("http://127.0.0.1:8090", "token")?.strict();
    /// assert_eq!(*client.policy(), Policy::STRICT);
    /// # Ok::<(), keystead::Error>(())
    /// ```
    #[must_use]
    pub fn strict(&self) -> Self {
        self.with_policy(Policy::STRICT)
    }

    /// The same client, with the parts of files in the customer's own storage: `POST url/:session/:sequence/:end` and
    /// `GET url/:part_id` instead of the server's. App token and JWT go there too. Errors: `Config`.
    #[cfg(feature = "file")]
    pub fn with_file_part_url(&self, url: &str) -> Result<Self> {
        let parsed = reqwest::Url::parse(url).or(Err(Error::Config))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(Error::Config);
        }
        Ok(Self { file_part_url: Some(Arc::from(url.trim_end_matches('/'))), ..self.clone() })
    }

    /// Registers a user and gives the new user id. With the default options of an app this needs the secret token.
    /// Errors: `Sdk(Server)` 101 (identifier taken), 203 (token not allowed).
    pub async fn register(&self, identifier: &str, password: &str) -> Result<String> {
        self.register_suite(Suite::HYBRID, identifier, password).await
    }

    /// As [`register`](Self::register) with other algorithms. A user of `Suite::G03` is one of the clients of 2022: they derive
    /// the password at another cost, so [`login`](Self::login) ends in 112 for him; use [`login_g03`](Self::login_g03).
    pub async fn register_suite(&self, suite: Suite, identifier: &str, password: &str) -> Result<String> {
        let (identifier, password) = (identifier.to_owned(), password.to_owned());
        let body = blocking(move || user::prepare_register_with(&mut rng::os(), suite, &identifier, &password)).await?;
        let out = self.post("/register", Call { body: Some(body), ..Call::default() }).await?;
        Ok(user::done_register(&out)?)
    }

    /// Registers a light user: an account with devices, and no user keys. Errors: as [`register`](Self::register).
    pub async fn register_light(&self, identifier: &str, password: &str) -> Result<String> {
        let (identifier, password) = (identifier.to_owned(), password.to_owned());
        let make = move || user::prepare_register_light(&mut rng::os(), Suite::HYBRID, &identifier, &password);
        let out = self.post("/register_light", Call { body: Some(blocking(make).await?), ..Call::default() }).await?;
        Ok(user::done_register(&out)?)
    }

    /// Logs in a light user, or any user without his user keys. Errors: as [`login`](Self::login).
    pub async fn login_light(&self, identifier: &str, password: &str) -> Result<LightUser> {
        match self.begin_login_light(identifier, password).await? {
            LightLogin::Done(user) => Ok(*user),
            LightLogin::SecondFactor(_) => Err(Error::SecondFactor),
        }
    }

    /// Logs in a light user as far as the password goes.
    pub async fn begin_login_light(&self, identifier: &str, password: &str) -> Result<LightLogin> {
        crate::light_user::begin_login(self, identifier, password).await
    }

    /// True when nobody uses the identifier.
    pub async fn check_identifier(&self, identifier: &str) -> Result<bool> {
        let body = Some(user::prepare_check_identifier(identifier));
        let out = self.post("/exists", Call { body, ..Call::default() }).await?;
        Ok(user::done_check_identifier(&out)?)
    }

    /// Logs a device in. Errors: `SecondFactor` when the account has one ([`begin_login`](Self::begin_login)); `Sdk`
    /// (server code 112 or 100 for a wrong identifier or password).
    pub async fn login(&self, identifier: &str, password: &str) -> Result<StdUser> {
        match self.begin_login(identifier, password).await? {
            Login::Done(user) => Ok(*user),
            Login::SecondFactor(_) => Err(Error::SecondFactor),
        }
    }

    /// Logs a device in as far as the password goes.
    pub async fn begin_login(&self, identifier: &str, password: &str) -> Result<Login> {
        crate::std_user::begin_login(self, identifier, password, Generation::Today).await
    }

    /// Logs a device in that a client of 2022 (npm 0.3.1, [`Suite::G03`]) registered.
    ///
    /// Ask the user whether his account is one of these; do not try it because [`login`](Self::login) was refused. Those
    /// devices derive their keys at a lower cost, so a server that refuses on purpose would get an authentication key
    /// that is cheaper to guess from. Errors: as [`login`](Self::login).
    pub async fn login_g03(&self, identifier: &str, password: &str) -> Result<StdUser> {
        match crate::std_user::begin_login(self, identifier, password, Generation::G03).await? {
            Login::Done(user) => Ok(*user),
            Login::SecondFactor(_) => Err(Error::SecondFactor),
        }
    }

    /// Sends the keys of a new device. The answer's text travels to a logged-in device, see [`StdUser::register_device`].
    pub async fn register_device_start(&self, device_identifier: &str, password: &str) -> Result<String> {
        let (identifier, password) = (device_identifier.to_owned(), password.to_owned());
        let body = blocking(move || {
            user::prepare_register_device_start(&mut rng::os(), Suite::HYBRID, &identifier, &password)
        })
        .await?;
        let out = self.post("/user/prepare_register_device", Call { body: Some(body), ..Call::default() }).await?;
        user::done_register_device_start(&out)?;
        Ok(out)
    }

    /// The pinned keys, under this client's policy.
    pub(crate) fn pins(&self) -> MutexGuard<'_, VerifyKeys> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        pins.set_policy(self.policy);
        pins
    }

    /// Remembers that this challenge is answered now. Errors: `Sdk(ReplayedChallenge)`.
    pub(crate) fn answer_challenge(&self, login: &user::DirectLogin) -> Result<()> {
        Ok(self.challenges.lock().unwrap_or_else(PoisonError::into_inner).answer(login)?)
    }

    pub(crate) async fn get(&self, path: &str, call: Call<'_>) -> Result<String> {
        self.send(reqwest::Method::GET, path, call).await
    }

    pub(crate) async fn post(&self, path: &str, call: Call<'_>) -> Result<String> {
        self.send(reqwest::Method::POST, path, call).await
    }

    pub(crate) async fn put(&self, path: &str, call: Call<'_>) -> Result<String> {
        self.send(reqwest::Method::PUT, path, call).await
    }

    pub(crate) async fn patch(&self, path: &str, call: Call<'_>) -> Result<String> {
        self.send(reqwest::Method::PATCH, path, call).await
    }

    pub(crate) async fn delete(&self, path: &str, call: Call<'_>) -> Result<String> {
        self.send(reqwest::Method::DELETE, path, call).await
    }

    /// Sends one call and gives the answer's text. The HTTP status is not looked at: the envelope says it all.
    pub(crate) async fn send(&self, method: reqwest::Method, path: &str, call: Call<'_>) -> Result<String> {
        let url = format!("{}/api/v1{path}", self.base);
        let request = self
            .request(method, url, call.jwt, call.via)?
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = if let Some(body) = call.body { request.body(body) } else { request };
        text(body_of(request.send().await.map_err(Error::Network)?).await?)
    }

    /// Sends a part of a file; `place` is `session/sequence/end`. Gives the answer's text.
    #[cfg(feature = "file")]
    pub(crate) async fn post_part(&self, place: &str, jwt: &str, part: bytes::Bytes) -> Result<String> {
        let request = self.request(reqwest::Method::POST, self.part_url(place), Some(jwt), None)?;
        let response = request.timeout(PART_TIMEOUT).body(part).send().await.map_err(Error::Network)?;
        text(body_of(response).await?)
    }

    /// Fetches a part of a file. Here the HTTP status tells a failure.
    #[cfg(feature = "file")]
    pub(crate) async fn get_part(&self, part_id: &str, jwt: &str, via: Option<&str>) -> Result<Vec<u8>> {
        let request = self.request(reqwest::Method::GET, self.part_url(part_id), Some(jwt), via)?;
        let response = request.timeout(PART_TIMEOUT).send().await.map_err(Error::Network)?;
        let good = response.status().is_success();
        let bytes = body_of(response).await?;
        if good {
            return Ok(bytes);
        }
        user::done_success(&text(bytes)?)?;
        Err(SdkError::ServerOutput.into())
    }

    #[cfg(feature = "file")]
    fn part_url(&self, rest: &str) -> String {
        match &self.file_part_url {
            Some(url) => format!("{url}/{rest}"),
            None => format!("{}/api/v1/file/part/{rest}", self.base),
        }
    }

    /// A request with app token, JWT, and the group through which the user enters.
    fn request(
        &self,
        method: reqwest::Method,
        url: String,
        jwt: Option<&str>,
        via: Option<&str>,
    ) -> Result<reqwest::RequestBuilder> {
        let mut request = self.http.request(method, url).header(APP_TOKEN, self.app_token.clone());
        if let Some(jwt) = jwt {
            let mut value = HeaderValue::from_str(&format!("Bearer {jwt}")).or(Err(SdkError::Jwt))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(group_id) = via {
            request = request.header(GROUP_ACCESS, HeaderValue::from_str(id(group_id)?).or(Err(Error::Id))?);
        }
        Ok(request)
    }
}

async fn body_of(mut response: reqwest::Response) -> Result<Vec<u8>> {
    // Room for all of it at once: a part of a file is large, and growing would copy it.
    let announced = response.content_length().and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MAX_ANSWER);
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(Error::Network)? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(SdkError::TooLarge.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).or(Err(Error::Sdk(SdkError::ServerOutput)))
}

/// An id as part of a path: nothing that could lead to another path. Errors: `Id`.
pub(crate) fn id(text: &str) -> Result<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !text.is_empty() && text.len() <= 128 && text.bytes().all(plain) { Ok(text) } else { Err(Error::Id) }
}

/// Runs a flow with an Argon2id in it outside of the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    flow: impl FnOnce() -> keystead_sdk_core::Result<T> + Send + 'static,
) -> Result<T> {
    Ok(tokio::task::spawn_blocking(flow).await.or(Err(Error::Cancelled))??)
}

fn token_header(app_token: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(app_token).or(Err(Error::Config))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_the_path() {
        assert!(id("0b0e5f6a-29a3-4f58-8f0a-6c6b7e2b6e1f").is_ok());
        for bad in ["", ".", "..", "a/b", "a?b", "a#b", "%2e", "a b", "ä", &"a".repeat(129)] {
            assert!(matches!(id(bad), Err(Error::Id)), "{bad}");
        }
    }

    #[test]
    fn base_urls() {
        assert_eq!(&*Client::new("http://h:1/prefix/", "t").expect("valid").base, "http://h:1/prefix");
        for bad in ["", "h:1", "ftp://h", "http://h/?a=b", "http://h/#f"] {
            assert!(matches!(Client::new(bad, "t"), Err(Error::Config)), "{bad}");
        }
        assert!(matches!(Client::new("http://h", "a\nb"), Err(Error::Config)));
        let shown = format!("{:?}", Client::new("http://h", "token-canary").expect("valid"));
        assert!(!shown.contains("token-canary"));
    }
}
