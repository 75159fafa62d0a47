//! The road of every request: find the route, limit, guard, read the body, call the handler, answer with CORS.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use keystead_crypto::rng;
use keystead_protocol::ErrorCode;

use super::call::Call;
use super::envelope::keys as envelope;
use super::guard::{Caller, Credentials};
use super::limits::Limit;
use super::{metrics, net};
use crate::app::App;
use crate::error::{KeyError, KeyResult};
use crate::rooms::apps::TokenKind;
use crate::routes::{Found, Route, Routes};

static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);
/// Tells the requests of one run and node from those of another.
static RUN: LazyLock<u32> = LazyLock::new(|| u32::from_be_bytes(rng::bytes(&mut rng::os())));
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Answers a request.
pub async fn dispatch(app: Arc<App>, routes: &'static Routes, req: HttpRequest, payload: Payload) -> HttpResponse {
    if req.method() == Method::OPTIONS {
        return preflight();
    }
    let request_id = format!("{:08x}-{:x}", *RUN, NEXT_REQUEST.fetch_add(1, Ordering::Relaxed));
    let started = Instant::now();
    let found = routes.find(req.method(), req.path());
    let route = found.as_ref().map(|f| f.route);
    let result = match found {
        Some(found) => answer(app, found, &req, payload).await,
        None => Err(ErrorCode::NotFound.into()),
    };
    let mut response = result.unwrap_or_else(|e| envelope::failure(&e, &request_id));
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    let pattern = route.map_or("none", |r| r.pattern);
    metrics::record(pattern, response.status().as_u16(), started.elapsed());
    tracing::debug!(request.id = request_id, route = pattern, status = response.status().as_u16(), "answered");
    response
}

async fn answer(app: Arc<App>, found: Found, req: &HttpRequest, payload: Payload) -> KeyResult<HttpResponse> {
    let Found { route, params } = found;
    let credentials = Credentials::of(req);
    let (guard, path) = (route.guard, params.clone());
    let caller = {
        let app = Arc::clone(&app);
        let db = app.db.clone();
        db.read(move |conn| credentials.check(&app, conn, guard, &path)).await?
    };
    limit(&app, route, &caller, req)?;
    let body = if has_body(req) { read_body(payload, app.config.limits.json_bytes).await? } else { Bytes::new() };
    let Caller { tenant, token, session, path_user, group } = caller;
    (route.handler)(Call { app, tenant, token, session, path_user, group, route, params }, body).await
}

/// The address is counted first: one address must not use up the app's share.
fn limit(app: &App, route: &Route, caller: &Caller, req: &HttpRequest) -> KeyResult<()> {
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

/// HTTP/1.1 says so in one of two headers (RFC 9112 section 6).
fn has_body(req: &HttpRequest) -> bool {
    req.headers().contains_key(header::CONTENT_LENGTH) || req.headers().contains_key(header::TRANSFER_ENCODING)
}

async fn read_body(payload: Payload, most: usize) -> KeyResult<Bytes> {
    match payload.to_bytes_limited(most).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_broken)) => Err(KeyError::input("the body cannot be read")),
        Err(_too_big) => Err(ErrorCode::InputTooBig.into()),
    }
}

fn preflight() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}
