//! The identity API as its clients see it: calls whose answers are held against what holds for all of them, and people who are
//! logged in.

use std::collections::BTreeMap;

use keystead_server::db::Conn;
use keystead_server::rooms::identity::Role;
use keystead_server::rooms::identity::rules::operator;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::server::TestServer;

/// A password with the seed's five parts.
pub const PASSWORD: &str = "MyExamplePassword123*";
/// The three that tokens travel under.
pub const CARRIERS: [&str; 3] = ["iam-access-token", "iam-refresh-token", "iam-sid"];

/// A request that is being put together.
#[must_use]
pub struct IamCall {
    request: RequestBuilder,
    headers: HeaderMap,
    what: String,
}

/// An answer, checked.
#[derive(Debug)]
pub struct IamAnswer {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Value,
    what: String,
}

/// Tokens as they travel: with `Bearer`, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// `iam-access-token`
    pub access: String,
    /// `iam-refresh-token`
    pub refresh: String,
    /// `iam-sid`
    pub sid: String,
}

/// Somebody who is logged in with `client-platform: app`.
#[derive(Debug, Clone)]
pub struct Person {
    /// Address.
    pub email: String,
    /// User id.
    pub uuid: String,
    /// Tokens of the login.
    pub tokens: Tokens,
    /// From the profile.
    pub csrf: String,
}

impl TestServer {
    /// A call of the identity API from `client-platform: app`, without a token.
    ///
    /// # Panics
    /// For a method that is none.
    pub fn iam(&self, method: &str, path: &str) -> IamCall {
        let url = format!("{}/api/iam{path}", self.url());
        let name = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http().request(name, &url);
        IamCall { request, headers: HeaderMap::new(), what: format!("{method} {url}") }.platform("app")
    }

    /// Registers an account.
    pub async fn iam_register(&self, email: &str) {
        let body = json!({ "first_name": "Jo", "last_name": "Doe", "email": email, "password": PASSWORD });
        self.iam("POST", "/authn/register").json(&body).ok().await;
    }

    /// Logs in from an app.
    pub async fn iam_login(&self, email: &str, password: &str) -> IamAnswer {
        self.iam("POST", "/authn/login").json(&json!({ "email": email, "password": password })).send().await
    }

    /// Registers an account and logs in.
    pub async fn person(&self, email: &str) -> Person {
        self.iam_register(email).await;
        self.person_again(email, PASSWORD).await
    }

    /// Logs an account in.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn person_again(&self, email: &str, password: &str) -> Person {
        let answer = self.iam_login(email, password).await;
        answer.assert_ok();
        let tokens = answer.tokens();
        let profile = self.iam("GET", "/authn/profile").tokens(&tokens).ok().await;
        let text = |name: &str| profile[name].as_str().expect("a text").to_owned();
        Person { email: email.into(), uuid: text("uuid"), csrf: text("csrf_token"), tokens }
    }

    /// Registers an administrator with a verified address and logs in.
    pub async fn admin(&self, email: &str) -> Person {
        self.iam_register(email).await;
        self.promote(email, Role::SuperAdmin, true).await;
        self.person_again(email, PASSWORD).await
    }

    /// Gives an account a role, as `keystead identity promote` does.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn promote(&self, email: &str, role: Role, verified: bool) {
        let app_id = self.default_app_id();
        let email = email.to_owned();
        self.in_database(move |app, tx| operator::promote(app, tx, &app_id, &email, role, verified)).await;
    }

    /// Switches an account off or on, as the operator does.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn set_active(&self, email: &str, active: bool) {
        let app_id = self.default_app_id();
        let email = email.to_owned();
        self.in_database(move |app, tx| operator::set_active(app, tx, &app_id, &email, active)).await;
    }

    /// Id of the app that the identity API serves.
    ///
    /// # Panics
    /// When the first start has not written it down.
    #[must_use]
    pub fn default_app_id(&self) -> String {
        let text = std::fs::read_to_string(self.dir().join("default-app.env")).expect("the first start wrote it");
        let line = text.lines().find_map(|l| l.strip_prefix("KEYSTEAD_APP_ID=")).expect("the id");
        line.to_owned()
    }

    /// The mails that have been sent, the oldest first, after everything asked for is done.
    ///
    /// # Panics
    /// When one cannot be read.
    pub async fn mails(&self) -> Vec<String> {
        self.app().identity.idle().await;
        let Ok(dir) = std::fs::read_dir(self.dir().join("outbox")) else { return Vec::new() };
        let mut files: Vec<_> = dir.map(|f| f.expect("an entry").path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "eml"));
        files.sort();
        files.iter().map(|path| unfold(&std::fs::read_to_string(path).expect("text"))).collect()
    }

    async fn in_database<F>(&self, work: F)
    where
        F: Fn(&keystead_server::app::App, &mut Conn) -> keystead_server::rooms::identity::error::IamResult<()>
            + Send
            + 'static,
    {
        let app = self.app();
        let shared = std::sync::Arc::clone(&app);
        app.db.write(move |tx| work(&shared, tx)).await.expect("the operator may");
    }
}

impl Person {
    /// The same person with new tokens.
    #[must_use]
    pub fn with(&self, tokens: Tokens) -> Self {
        Self { tokens, ..self.clone() }
    }
}

impl IamCall {
    /// Comes from another platform.
    pub fn platform(self, platform: &str) -> Self {
        self.header("client-platform", platform)
    }

    /// Says nothing of a platform.
    pub fn without_platform(mut self) -> Self {
        self.headers.remove("client-platform");
        self
    }

    /// Sends a header, once.
    ///
    /// # Panics
    /// When it cannot be one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// Sends tokens in headers, as an app does. Empty ones are left out.
    pub fn tokens(self, tokens: &Tokens) -> Self {
        let values = [&tokens.access, &tokens.refresh, &tokens.sid];
        CARRIERS.iter().zip(values).filter(|(_, v)| !v.is_empty()).fold(self, |call, (name, v)| call.header(name, v))
    }

    /// Sends tokens in cookies, as a browser does. Empty ones are left out.
    pub fn cookies(self, tokens: &Tokens) -> Self {
        let values = [&tokens.access, &tokens.refresh, &tokens.sid];
        let pairs = CARRIERS.iter().zip(values).filter(|(_, v)| !v.is_empty());
        let cookies: Vec<_> = pairs.map(|(name, v)| format!("{name}={}", v.replace(' ', "%20"))).collect();
        self.header("cookie", &cookies.join("; "))
    }

    /// Sends JSON.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").text(&body.to_string())
    }

    /// Sends a body as it is.
    pub fn text(mut self, body: &str) -> Self {
        self.request = self.request.body(body.to_owned());
        self
    }

    /// Sends the request and checks what holds for every answer of the identity API (iam.md section 2).
    ///
    /// # Panics
    /// When it does not hold.
    pub async fn send(self) -> IamAnswer {
        let Self { request, headers, what } = self;
        let response = request.headers(headers).send().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let body = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: HTTP {status}: {e}: {text}"));
        let answer = IamAnswer { status, headers, body, what };
        answer.check();
        answer
    }

    /// Sends the request; it must succeed. Gives `data`, or `Null`.
    pub async fn ok(self) -> Value {
        let answer = self.send().await;
        answer.assert_ok();
        answer.body["data"].clone()
    }

    /// Sends the request; it must fail with this code.
    ///
    /// # Panics
    /// When it does not.
    pub async fn fails(self, code: u64) -> IamAnswer {
        let answer = self.send().await;
        assert_eq!(answer.code(), Some(code), "{answer}");
        answer
    }

    /// Sends the request; it must fail, however.
    ///
    /// # Panics
    /// When it succeeds.
    pub async fn fails_somehow(self) -> IamAnswer {
        let answer = self.send().await;
        assert_eq!(answer.body["status"], "fail", "{answer}");
        answer
    }
}

impl IamAnswer {
    /// # Panics
    /// When it is a failure.
    pub fn assert_ok(&self) {
        assert!(self.body["status"] == "success" && self.status == 200, "{self}");
    }

    /// True for a success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.body["status"] == "success"
    }

    /// `error.statusCode`
    #[must_use]
    pub fn code(&self) -> Option<u64> {
        self.body["error"]["statusCode"].as_u64()
    }

    /// `error.message`
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_else(|| panic!("{self}"))
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// `Set-Cookie` lines, in order.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()).collect()
    }

    /// Name and line of the cookies that are set.
    #[must_use]
    pub fn cookies(&self) -> BTreeMap<&str, &str> {
        self.set_cookies().into_iter().filter_map(|line| Some((line.split_once('=')?.0, line))).collect()
    }

    /// Tokens in the headers of an app's answer, or in a browser's cookies.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        self.tokens_if_any().unwrap_or_else(|| panic!("{self}: no tokens"))
    }

    /// As [`IamAnswer::tokens`], where there may be none.
    #[must_use]
    pub fn tokens_if_any(&self) -> Option<Tokens> {
        let cookies = self.cookies();
        let get = |name: &str| {
            let cookie = || {
                let (_, rest) = cookies.get(name)?.split_once('=')?;
                Some(rest.split(';').next()?.replace("%20", " "))
            };
            self.header(name).map(str::to_owned).or_else(cookie).filter(|value| !value.is_empty())
        };
        let [access, refresh, sid] = CARRIERS;
        Some(Tokens { access: get(access)?, refresh: get(refresh)?, sid: get(sid)? })
    }

    /// True when the answer takes the three cookies away, in the reference's order.
    #[must_use]
    pub fn clears(&self) -> bool {
        self.set_cookies() == CARRIERS.map(|name| format!("{name}=; Max-Age=0; Path=/"))
    }

    fn check(&self) {
        assert!(self.header("x-request-id").is_some(), "{self}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
        // Same origin only: no page of another site may read an answer.
        assert!(self.header("access-control-allow-origin").is_none(), "{self}");
        let keys: Vec<&str> = self.body.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
        let error = &self.body["error"];
        match self.body["status"].as_str() {
            Some("success") => {
                assert_eq!(self.status, 200, "{self}");
                assert!(keys == ["status"] || keys == ["data", "status"], "{self}");
            }
            Some("fail") if keys == ["status"] => assert_eq!(self.status, 200, "{self}"),
            Some("fail") => {
                let names: Vec<&str> = error.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
                assert_eq!(names, ["message", "statusCode", "statusMessage"], "{self}");
                assert_eq!(error["message"], error["statusMessage"], "{self}");
                assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{self}");
                if keys == ["error", "status"] {
                    assert_eq!(self.status, 200, "{self}");
                } else {
                    assert_eq!(keys, ["error", "message", "status", "statusCode", "statusMessage"], "{self}");
                    assert_eq!(Some(u64::from(self.status)), self.code(), "{self}");
                    assert_eq!(self.body["statusCode"], error["statusCode"], "{self}");
                }
            }
            _ => panic!("{self}: no envelope"),
        }
    }
}

impl std::fmt::Display for IamAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: HTTP {} {}", self.what, self.status, self.body)
    }
}

/// Claims of a token, with or without `Bearer`, unchecked.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&keystead_crypto::encoding::b64url_decode(payload).expect("b64url")).expect("JSON")
}

/// The `token` of a mail's link.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn link_token(mail: &str) -> String {
    let (_, rest) = mail.split_once("?token=").expect("a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

/// Undoes quoted-printable (RFC 2045 section 6.7) as far as our mails need it.
fn unfold(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=3D", "=")
}
