//! The road of a request to the data API: route → app → guard → body → handler → answer (instant.md section 1).

mod call;
mod guard;

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use keystead_instaql::{Error, Kind};

pub use call::{DataCall, DataHandler, handler, streaming};
pub use guard::{DataGuard, Entries};

use super::dispatch::{RequestId, finish};
use super::envelope::data as envelope;
use super::guard::Guard;
use super::limits::Limit;
use super::request::{Body, BodyError, Request};
use super::{metrics, net};
use crate::app::App;
use crate::rooms::data::error::{DataError, DataResult};
use crate::routes::{Found, RouteHandler, Routes};

/// Where the data API lives.
const ROOTS: [&str; 8] = [
    "/admin/",
    "/runtime/",
    "/storage/",
    "/dash/",
    "/superadmin/",
    "/webhooks/",
    "/.well-known/webhooks/",
    "/health/system",
];
const ANY: HeaderValue = HeaderValue::from_static("*");

/// True for a path of the data API, where that is served.
pub(super) fn serves(app: &App, path: &str) -> bool {
    !path.starts_with("/api/")
        && app.config.apis.data
        && (path == "/dash" || ROOTS.iter().any(|root| path.starts_with(root)))
}

/// Answers a request.
pub(super) async fn dispatch(app: Arc<App>, routes: &'static Routes, req: Request, body: Body) -> HttpResponse {
    if req.method() == Method::OPTIONS {
        return preflight();
    }
    let request_id = RequestId::next();
    let started = metrics::is_on().then(Instant::now);
    let found = routes.find(req.method(), req.uri());
    let pattern = found.as_ref().map_or("none", |found| found.route.pattern);
    let mut response = match found {
        Some(found) => match answer(app, found, req, body).await {
            Ok(response) => response,
            Err(e) => envelope::failure(&e, request_id.as_str()),
        },
        None => {
            HttpResponse::NotFound().content_type("application/json").body(r#"{"message":"There is no such route"}"#)
        }
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    finish(&mut response, &request_id, pattern, started);
    response
}

async fn answer(app: Arc<App>, found: Found, req: Request, body: Body) -> DataResult<HttpResponse> {
    let Found { route, params } = found;
    let (Guard::Data(guard), RouteHandler::Data(handler)) = (route.guard, &route.handler) else {
        return Err(DataError::internal("not a route of the data API"));
    };
    limit(&app, route.limit, &req)?;
    let entry = guard::enter(&app, guard, &req, &params).await?;
    let (body, payload) = match handler.streams {
        true => (Bytes::new(), Some(body)),
        false if req.has_body() => (read_body(&app, body).await?, None),
        false => (Bytes::new(), None),
    };
    let call = DataCall {
        app,
        space: entry.space,
        auth: entry.auth,
        is_backend: entry.is_backend,
        req,
        body,
        payload,
        params,
    };
    (handler.run)(call).await
}

fn limit(app: &App, limit: Limit, req: &Request) -> DataResult<()> {
    match net::client_ip(req, &app.config.server.trusted_proxies) {
        Some(ip) if limit != Limit::None => {
            app.limits.by_ip(limit, &net::limiter_key(ip)).map_err(|e| limited(e.retry_after_s.unwrap_or(1)))
        }
        _ => Ok(()),
    }
}

/// Too many calls.
#[must_use]
pub fn limited(retry_after_s: u64) -> DataError {
    Error::new(
        Kind::RateLimited,
        "Too many of these calls: try again later",
        serde_json::json!({"retry-after": retry_after_s}),
    )
    .into()
}

async fn read_body(app: &App, body: Body) -> DataResult<Bytes> {
    match body.whole(app.config.data.body_bytes).await {
        Ok(bytes) => Ok(bytes),
        Err(BodyError::Broken) => Err(Error::malformed(&["body"], "the body cannot be read".into()).into()),
        Err(BodyError::TooBig) => Err(Error::new(
            Kind::ParameterLimitExceeded,
            format!("The body has more than {} bytes", app.config.data.body_bytes),
            serde_json::Value::Null,
        )
        .into()),
    }
}

fn preflight() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, PUT, POST, DELETE"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}
