//! The road of a request to the data API: route → app → guard → body → handler → answer (instant.md section 1).

mod call;
mod guard;

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use keystead_instaql::{Error, Kind};

pub use call::{DataCall, DataHandler, handler, streaming};
pub use guard::DataGuard;

use super::dispatch::{RequestId, finish, has_body};
use super::envelope::data as envelope;
use super::guard::Guard;
use super::limits::Limit;
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
pub(super) async fn dispatch(
    app: Arc<App>,
    routes: &'static Routes,
    req: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    if req.method() == Method::OPTIONS {
        return preflight();
    }
    let request_id = RequestId::next();
    let started = metrics::is_on().then(Instant::now);
    let found = routes.find(req.method(), req.uri());
    let pattern = found.as_ref().map_or("none", |found| found.route.pattern);
    let mut response = match found {
        Some(found) => match answer(app, found, req, payload).await {
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

async fn answer(app: Arc<App>, found: Found, req: HttpRequest, payload: Payload) -> DataResult<HttpResponse> {
    let Found { route, params } = found;
    let (Guard::Data(guard), RouteHandler::Data(handler)) = (route.guard, &route.handler) else {
        return Err(DataError::internal("not a route of the data API"));
    };
    limit(&app, route.limit, &req)?;
    let entry = guard::enter(&app, guard, &req, &params).await?;
    let (body, payload) = match handler.streams {
        true => (Bytes::new(), Some(payload)),
        false if has_body(&req) => (read_body(&app, payload).await?, None),
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

fn limit(app: &App, limit: Limit, req: &HttpRequest) -> DataResult<()> {
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

async fn read_body(app: &App, payload: Payload) -> DataResult<Bytes> {
    match payload.to_bytes_limited(app.config.data.body_bytes).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_broken)) => Err(Error::malformed(&["body"], "the body cannot be read".into()).into()),
        Err(_too_big) => Err(Error::new(
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
