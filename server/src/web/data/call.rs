//! What a handler of the data API gets.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpResponse;
use bytes::Bytes;
use keystead_instaql::Error;
use keystead_instaql::rules;
use serde_json::{Map, Value};

use crate::app::App;
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::Space;
use crate::routes::Params;
use crate::web::request::{Body, Request};

/// A request that has passed its guard.
pub struct DataCall {
    /// The server.
    pub app: Arc<App>,
    /// The app it is about, as it was when the guard looked; none on routes that name none.
    pub space: Option<Arc<Space>>,
    /// Who calls.
    pub auth: Auth,
    /// True when the app's admin token came too, whoever is impersonated.
    pub is_backend: bool,
    /// The request: for headers.
    pub req: Request,
    /// The body of routes that take it whole.
    pub body: Bytes,
    /// The body of routes that take it as it comes.
    pub payload: Option<Body>,
    pub(super) params: Params,
}

impl DataCall {
    /// The app.
    ///
    /// # Errors
    /// `param-missing` on a route that names none.
    pub fn space(&self) -> DataResult<&Arc<Space>> {
        Ok(self.space.as_ref().ok_or_else(|| Error::missing(&["headers", "app-id"]))?)
    }

    /// The body as a JSON object.
    ///
    /// # Errors
    /// `param-malformed` for anything else.
    pub fn object(&self) -> DataResult<Map<String, Value>> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(other) => Err(Error::malformed(&["body"], other).into()),
            Err(e) => Err(Error::malformed(&["body"], format!("not JSON: {e}").into()).into()),
        }
    }

    /// The path value at `index`, decoded.
    #[must_use]
    pub fn param(&self, index: usize) -> String {
        decoded(self.params.get(index).unwrap_or_default())
    }

    /// A value of the query string, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        query_value(self.req.query_string(), name)
    }

    /// A value of a body that is a form, decoded.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<String> {
        query_value(std::str::from_utf8(&self.body).ok()?, name)
    }

    /// A cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let pairs = self.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(found, _)| *found == name);
        found.next().map(|(_, value)| value.to_owned())
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.req.headers().get(name)?.to_str().ok()
    }

    /// What rules see of the request.
    #[must_use]
    pub fn request(&self) -> rules::Request {
        let ip = crate::web::net::client_ip(&self.req, &self.app.config.server.trusted_proxies);
        rules::Request {
            time_ms: self.app.clock.now_ms(),
            ip: ip.map(|ip| ip.to_canonical().to_string()),
            origin: self.header("origin").map(str::to_owned),
            modified_fields: Vec::new(),
        }
    }
}

/// A value of a query string, decoded.
pub(super) fn query_value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| decoded(&value.replace('+', " ")))
}

fn decoded(raw: &str) -> String {
    percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

type Answer = Pin<Box<dyn Future<Output = DataResult<HttpResponse>>>>;

/// A handler of the data API.
pub struct DataHandler {
    pub(super) run: Box<dyn Fn(DataCall) -> Answer + Send + Sync>,
    /// The handler reads the body itself.
    pub(super) streams: bool,
}

/// Makes a handler of `async fn(DataCall) -> DataResult<HttpResponse>`.
pub fn handler<F, Fut>(f: F) -> DataHandler
where
    F: Fn(DataCall) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = DataResult<HttpResponse>> + 'static,
{
    DataHandler { run: Box::new(move |call| Box::pin(f(call))), streams: false }
}

/// As [`handler`], for one that takes the body as it comes.
pub fn streaming<F, Fut>(f: F) -> DataHandler
where
    F: Fn(DataCall) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = DataResult<HttpResponse>> + 'static,
{
    DataHandler { streams: true, ..handler(f) }
}

#[cfg(test)]
mod tests {
    use super::query_value;

    #[test]
    fn query_values_are_decoded() {
        assert_eq!(query_value("a=1&email=a%2Bb%40c.d&x=a+b", "email").as_deref(), Some("a+b@c.d"));
        assert_eq!(query_value("x=a+b", "x").as_deref(), Some("a b"));
        assert_eq!(query_value("xy=1", "x"), None);
    }
}
