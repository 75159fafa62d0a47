//! The road of every request: find the route, limit, guard, read the body, call the handler, answer with CORS.

use std::fmt::{self, Write};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;
use keystead_crypto::rng;
use keystead_protocol::ErrorCode;

use super::call::{Call, Handler};
use super::envelope::keys as envelope;
use super::guard::{self, Caller};
use super::limits::Limit;
use super::request::{Body, BodyError, Request};
use super::upload::Upload;
use super::{data, identity, metrics, net};
use crate::app::App;
use crate::error::{KeyError, KeyResult};
use crate::rooms::apps::TokenKind;
use crate::routes::{Found, Route, RouteHandler, Routes};

static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);
/// Tells the requests of one run and node from those of another.
static RUN: LazyLock<u32> = LazyLock::new(|| u32::from_be_bytes(rng::bytes(&mut rng::os())));
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// An answer on its way.
type Answering = Pin<Box<dyn Future<Output = HttpResponse>>>;

/// Answers a request. Each API's road is boxed by itself: a connection holds no more than the one it needs.
pub fn dispatch(app: Arc<App>, routes: &'static Routes, req: actix_http::Request) -> Answering {
    let (req, body) = Request::split(req);
    if identity::serves(&app, req.path()) {
        Box::pin(identity::dispatch(app, req, body))
    } else if data::serves(&app, req.path()) {
        Box::pin(data::dispatch(app, routes, req, body))
    } else if req.path() == "/health" && matches!(*req.method(), Method::GET | Method::HEAD) {
        Box::pin(async { HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#) })
    } else {
        Box::pin(keys(app, routes, req, body))
    }
}

/// The road of the key API, and of what is no route at all.
async fn keys(app: Arc<App>, routes: &'static Routes, req: Request, body: Body) -> HttpResponse {
    if req.method() == Method::OPTIONS {
        return preflight();
    }
    let request_id = RequestId::next();
    let started = metrics::is_on().then(Instant::now);
    let found = routes.find(req.method(), req.uri());
    if found.is_none()
        && let Some(pages) = &app.pages
        && let Some(mut page) = pages.answer(req.method(), req.path(), req.headers()).await
    {
        finish(&mut page, &request_id, "static", started);
        return page;
    }
    let route = found.as_ref().map(|f| f.route);
    let result = match found {
        Some(found) => answer(app, found, &req, body).await,
        None => Err(ErrorCode::NotFound.into()),
    };
    let mut response = result.unwrap_or_else(|e| envelope::failure(&e, request_id.as_str()));
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    finish(&mut response, &request_id, route.map_or("none", |r| r.pattern), started);
    response
}

/// What every answer gets, and what is counted and logged of it. `started` is there when somebody counts.
pub(super) fn finish(
    response: &mut HttpResponse,
    request_id: &RequestId,
    pattern: &'static str,
    started: Option<Instant>,
) {
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    if let Some(started) = started {
        metrics::record(pattern, status, started.elapsed());
    }
    tracing::debug!(request.id = request_id.as_str(), route = pattern, status, "answered");
}

/// Names a request in answer and log: the run and node in 8 hexadecimal digits, a hyphen, a number in 1 to 16.
pub(super) struct RequestId {
    text: [u8; 25],
    length: usize,
}

impl RequestId {
    pub(super) fn next() -> Self {
        let mut id = Self { text: [0; 25], length: 0 };
        write!(id, "{:08x}-{:x}", *RUN, NEXT_REQUEST.fetch_add(1, Ordering::Relaxed))
            .expect("25 bytes hold both numbers");
        id
    }

    pub(super) fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl Write for RequestId {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.text.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

async fn answer(app: Arc<App>, found: Found, req: &Request, body: Body) -> KeyResult<HttpResponse> {
    match &found.route.handler {
        RouteHandler::Keys(Handler::Whole(handler)) => {
            let most = app.config.limits.json_bytes;
            let call = admit(app, found, req).await?;
            let body = if req.has_body() { read_body(body, most).await? } else { Bytes::new() };
            handler(call, body).await
        }
        RouteHandler::Keys(Handler::Stream(handler)) => {
            let mut upload = Upload::new(body, req);
            let result = match admit(app, found, req).await {
                Ok(call) => handler(call, &mut upload).await,
                Err(e) => Err(e),
            };
            if result.is_err() {
                upload.drain().await;
            }
            result
        }
        RouteHandler::Identity(_) | RouteHandler::Data(_) => Err(ErrorCode::NotFound.into()),
    }
}

/// Guard and limiter.
async fn admit(app: Arc<App>, found: Found, req: &Request) -> KeyResult<Call> {
    let Found { route, params } = found;
    let caller = guard::caller(&app, req, route.guard, &params).await?;
    limit(&app, route, &caller, req)?;
    let via = guard::group_access_id(req).map(str::to_owned);
    let ip = net::client_ip(req, &app.config.server.trusted_proxies);
    let Caller { tenant, token, session, path_user, group, .. } = caller;
    Ok(Call { app, tenant, token, session, path_user, group, via, route, params, ip })
}

/// The address is counted first: one address must not use up the app's share.
fn limit(app: &App, route: &Route, caller: &Caller, req: &Request) -> KeyResult<()> {
    if route.limit == Limit::None {
        return Ok(());
    }
    if caller.token == TokenKind::Public
        && let Some(ip) = net::client_ip(req, &app.config.server.trusted_proxies)
    {
        app.limits.by_ip(route.limit, &net::limiter_key(ip))?;
    }
    app.limits.by_app(route.limit, &caller.tenant.id)
}

async fn read_body(body: Body, most: usize) -> KeyResult<Bytes> {
    body.whole(most).await.map_err(|e| match e {
        BodyError::Broken => KeyError::input("the body cannot be read"),
        BodyError::TooBig => ErrorCode::InputTooBig.into(),
    })
}

fn preflight() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_have_room_for_the_largest_number() {
        let (a, b) = (RequestId::next(), RequestId::next());
        assert!(a.as_str() != b.as_str() && a.as_str().len() >= 10, "{}", a.as_str());
        let mut largest = RequestId { text: [0; 25], length: 0 };
        write!(largest, "{:08x}-{:x}", u32::MAX, u64::MAX).expect("fits");
        assert_eq!(largest.as_str(), "ffffffff-ffffffffffffffff");
    }
}
