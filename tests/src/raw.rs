//! Requests as they are on the wire. Every answer is held against what holds for all answers of the key API: a well-formed
//! envelope, a code of the table with its HTTP status, the CORS header, a request id.

use std::time::Duration;

use keystead_protocol::ErrorCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::users::TestGroup;

const APP_TOKEN: &str = keystead_protocol::apps::APP_TOKEN_HEADER;
const GROUP_ACCESS: &str = keystead_protocol::apps::GROUP_ACCESS_HEADER;

/// A client for one test.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn http_client() -> reqwest::Client {
    // No certificates: reading the system's would take longer than most tests.
    let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(Duration::from_secs(30));
    builder.build().expect("an HTTP client")
}

/// A request that is being put together.
#[must_use]
pub struct Call {
    request: RequestBuilder,
    headers: HeaderMap,
    what: String,
}

impl Call {
    /// A request to a whole URL, without any header.
    ///
    /// # Panics
    /// For a method that is none.
    pub fn new(http: &reqwest::Client, method: &str, url: &str) -> Self {
        let name = Method::from_bytes(method.as_bytes()).expect("a method");
        Self { request: http.request(name, url), headers: HeaderMap::new(), what: format!("{method} {url}") }
    }

    /// Sends this app token instead of another one.
    pub fn token(self, token: &str) -> Self {
        self.header(APP_TOKEN, token)
    }

    /// Sends no app token.
    pub fn without_token(mut self) -> Self {
        self.headers.remove(APP_TOKEN);
        self
    }

    /// Sends a JWT.
    pub fn jwt(self, jwt: &str) -> Self {
        self.header("authorization", &format!("Bearer {jwt}"))
    }

    /// Enters by this group, which is a member of the one in the path.
    pub fn via(self, group: &TestGroup) -> Self {
        self.header(GROUP_ACCESS, &group.id)
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

    /// Sends JSON. No content type is set: the Rust client of sentc sets none.
    ///
    /// # Panics
    /// When it cannot be serialised.
    pub fn json(self, body: &impl Serialize) -> Self {
        self.text(&serde_json::to_string(body).expect("serialises"))
    }

    /// Sends a body as it is.
    pub fn text(self, body: &str) -> Self {
        self.bytes(body.as_bytes())
    }

    /// Sends a body as it is.
    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.request = self.request.body(body.to_vec());
        self
    }

    /// Sends the request; the answer may be anything.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send_unchecked(self) -> Answer {
        let Self { request, headers, what } = self;
        let response = request.headers(headers).send().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_else(|e| panic!("{what}: {e:?}")).to_vec();
        Answer { what, status, headers, body }
    }

    /// Sends the request and checks what holds for every answer of the key API.
    pub async fn send(self) -> Answer {
        let answer = self.send_unchecked().await;
        answer.check();
        answer
    }

    /// As [`Call::send`]; `None` when the connection breaks before the answer is complete.
    pub async fn try_send(self) -> Option<Answer> {
        let Self { request, headers, what } = self;
        let response = request.headers(headers).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { what, status, headers, body: response.bytes().await.ok()?.to_vec() };
        answer.check();
        Some(answer)
    }

    /// Sends the request; it must succeed. Gives the `result`.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn ok(self) -> Value {
        self.send().await.result()
    }

    /// As [`Call::ok`], as a wire type.
    ///
    /// # Panics
    /// When it is refused or has another shape.
    pub async fn ok_as<T: DeserializeOwned>(self) -> T {
        let answer = self.send().await;
        serde_json::from_value(answer.result()).unwrap_or_else(|e| panic!("{answer}: {e}"))
    }

    /// Sends the request; it must be refused with this code.
    ///
    /// # Panics
    /// When it is not.
    pub async fn refused(self, code: u32) -> Answer {
        let answer = self.send().await;
        assert_eq!(answer.code(), Some(code), "{answer}");
        answer
    }

    /// Sends the request and gives the code of its refusal; `None` for a success.
    pub async fn code(self) -> Option<u32> {
        self.send().await.code()
    }
}

/// An answer.
pub struct Answer {
    what: String,
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The whole envelope.
    ///
    /// # Panics
    /// When the body is no JSON.
    #[must_use]
    pub fn envelope(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{self}: {e}"))
    }

    /// `result` of a success.
    ///
    /// # Panics
    /// When it is a refusal.
    #[must_use]
    pub fn result(&self) -> Value {
        match self.envelope() {
            Value::Object(mut envelope) if envelope.get("status") == Some(&Value::Bool(true)) => {
                envelope.remove("result").unwrap_or_else(|| panic!("{self}: no result"))
            }
            _ => panic!("{self}"),
        }
    }

    /// `err_code` of a refusal.
    ///
    /// # Panics
    /// When the body is no JSON.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.envelope().get("err_code").and_then(Value::as_u64).and_then(|c| u32::try_from(c).ok())
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// Checks what holds for every answer of the key API (sentc.md section 1).
    ///
    /// # Panics
    /// When it does not hold.
    pub fn check(&self) {
        assert_eq!(self.header("access-control-allow-origin"), Some("*"), "{self}");
        assert!(self.header("x-request-id").is_some(), "{self}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        let envelope = self.envelope();
        let keys: Vec<&str> = envelope.as_object().into_iter().flat_map(|o| o.keys().map(String::as_str)).collect();
        let (result, code) = (envelope.get("result"), envelope.get("err_code"));
        match envelope.get("status") {
            Some(Value::Bool(true)) => {
                assert_eq!(keys, ["result", "status"], "{self}");
                // The JS client takes a falsy result for an error.
                let falsy = result.is_some_and(|r| r.is_null() || r == &Value::Bool(false) || r == 0 || r == "");
                assert!(!falsy && self.status == 200, "{self}");
            }
            Some(Value::Bool(false)) => {
                assert_eq!(keys, ["err_code", "err_msg", "status"], "{self}");
                let known =
                    code.and_then(Value::as_u64).and_then(|c| u32::try_from(c).ok()).and_then(ErrorCode::from_code);
                let known = known.unwrap_or_else(|| panic!("{self}: not a code of the table"));
                assert_eq!(self.status, known.http_status(), "{self}");
                assert!(envelope.get("err_msg").and_then(Value::as_str).is_some_and(|m| !m.is_empty()), "{self}");
            }
            _ => panic!("{self}: no envelope"),
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(600).collect();
        write!(f, "{}: HTTP {} {text}", self.what, self.status)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
