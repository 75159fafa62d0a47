//! The road of a request to the identity API: route → app → platform → origin → body → guard → handler → envelope and tokens.

mod call;
mod carriers;
mod guard;
mod input;

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;

pub use call::{IdentityCall, IdentityHandler, Reply, handler};
pub use guard::IdentityGuard;
pub use input::Input;

use super::dispatch::{RequestId, finish};
use super::envelope::identity as envelope;
use super::guard::Guard;
use super::limits::Limit;
use super::request::{Body, BodyError, Request};
use super::{metrics, net};
use crate::app::App;
use crate::rooms::identity::Client;
use crate::rooms::identity::error::{IamError, IamResult};
use crate::rooms::identity::rules::authenticate::{Issued, Presented};
use crate::rooms::identity::rules::default_app;
use crate::routes::{Found, RouteHandler, routes};
use carriers::Platform;
use keystead_protocol::apps::APP_TOKEN_HEADER;

/// Where the identity API lives.
const PREFIX: &str = "/api/iam";
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// True for a path of the identity API, where that is served.
pub(super) fn serves(app: &App, path: &str) -> bool {
    let below = path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below && app.config.apis.identity
}

/// Answers a request.
pub(super) async fn dispatch(app: Arc<App>, req: Request, body: Body) -> HttpResponse {
    let request_id = RequestId::next();
    let started = metrics::is_on().then(Instant::now);
    let found = if req.method() == Method::HEAD { None } else { routes().find(req.method(), req.uri()) };
    let pattern = found.as_ref().map_or("none", |found| found.route.pattern);
    let mut response = match found {
        Some(found) => {
            let own_status = matches!(found.route.guard, Guard::Identity(guard) if guard.has_own_status());
            match answer(&app, found, &req, body).await {
                Ok(done) => done,
                Err(e) => {
                    let mut response = envelope::failure(&e, own_status, request_id.as_str());
                    if e.clears {
                        carriers::clear(&mut response);
                    }
                    response
                }
            }
        }
        None => not_found(&req, request_id.as_str()),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    finish(&mut response, &request_id, pattern, started);
    response
}

async fn answer(app: &Arc<App>, found: Found, req: &Request, body: Body) -> IamResult<HttpResponse> {
    let (Guard::Identity(guard), RouteHandler::Identity(handler)) = (found.route.guard, &found.route.handler) else {
        return Err(IamError::internal("not a route of the identity API"));
    };
    let clearing = |e: IamError| if guard == IdentityGuard::Login { e.clearing() } else { e };
    let platform =
        Platform::of(req).map_err(|e| if guard == IdentityGuard::Provider { e.clearing() } else { clearing(e) })?;
    if platform != Platform::App && !is_same_origin(app, req) {
        // Takes no cookies: the answer to another site's form would log its victim out.
        return Err(IamError::forbidden());
    }
    limit(app, found.route.limit, req).map_err(clearing)?;
    let app_id = tenant(app, req).await?;
    let body = if req.has_body() { read_body(app, req, body).await? } else { Bytes::new() };
    let presented = carriers::presented(req, platform);
    let client = client(app, req);
    let mut call = IdentityCall {
        app: Arc::clone(app),
        app_id,
        presented,
        client,
        caller: None,
        params: found.params,
        query: req.query_string().to_owned(),
        body,
    };
    let renewed = guard::check(guard, &mut call).await;
    let (renewed, result) = match renewed {
        Ok(renewed) => (renewed, handler(call).await),
        Err((renewed, e)) => (renewed, Err(e)),
    };
    // Tokens that were renewed on the way belong to the client, whatever comes of his call.
    let result = result.map_err(clearing);
    let own_status = guard.has_own_status();
    let mut response = match (result, &renewed) {
        (Ok(reply), _) => done(app, platform, reply),
        (Err(e), None) => return Err(e),
        (Err(e), Some(_)) => envelope::failure(&e, own_status, "renewed"),
    };
    if let Some(issued) = &renewed {
        attach(app, platform, &mut response, issued);
    }
    Ok(response)
}

fn done(app: &App, platform: Platform, reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::Ok().content_type("application/json").body(reply.body);
    if reply.clears {
        carriers::clear(&mut response);
    }
    if let Some(issued) = &reply.issued {
        attach(app, platform, &mut response, issued);
    }
    response
}

fn attach(app: &App, platform: Platform, response: &mut HttpResponse, issued: &Issued) {
    carriers::attach(response, platform, issued, app.clock.now_ms(), &app.config.identity);
}

/// The app of the token that was sent, or the app `default`.
async fn tenant(app: &Arc<App>, req: &Request) -> IamResult<String> {
    let token = req.headers().get(APP_TOKEN_HEADER).map(|v| v.to_str().unwrap_or_default().to_owned());
    let shared = Arc::clone(app);
    match token {
        None if app.identity.default_app().is_some() => Ok(app.identity.default_app().unwrap_or_default().to_owned()),
        None => app.db.read(move |conn| default_app(&shared, conn)).await,
        Some(token) => {
            let find = move |conn: &mut crate::db::Conn| shared.tenants.find(conn, &shared.root_key, &token);
            let (tenant, _kind) = app.db.read(find).await.map_err(|e| match e.cause {
                Some(cause) => IamError::internal(cause),
                None => IamError::unauthorized().thrown(),
            })?;
            Ok(tenant.id.clone())
        }
    }
}

fn limit(app: &App, limit: Limit, req: &Request) -> IamResult<()> {
    match net::client_ip(req, &app.config.server.trusted_proxies) {
        Some(ip) if limit != Limit::None => Ok(app.limits.by_ip(limit, &net::limiter_key(ip))?),
        _ => Ok(()),
    }
}

/// A page of another site must not act with this one's cookies, nor log somebody in (better-than 5). Browsers say where a request
/// comes from; other clients say nothing and have no cookies to lend.
fn is_same_origin(app: &App, req: &Request) -> bool {
    if req.method() == Method::GET {
        return true;
    }
    let text = |name: &str| req.headers().get(name).map(|v| v.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_scheme, host)| host);
            let own = [&app.config.server.public_url, &app.config.identity.frontend_url];
            host.is_some() && (host == text("host") || own.iter().any(|url| origin_of(url) == Some(origin)))
        }
        (None, None) => true,
    }
}

/// The origin of a configured URL, which may have a path: what a browser calls the pages below it.
fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    url.get(..scheme.len() + "://".len() + host.len())
}

/// JSON must say that it is JSON: a form or script of another site cannot (better-than 5).
async fn read_body(app: &App, req: &Request, body: Body) -> IamResult<Bytes> {
    let body = match body.whole(app.config.limits.json_bytes).await {
        Ok(bytes) => bytes,
        Err(BodyError::Broken) => return Err(IamError::bad("The request body cannot be read").thrown()),
        Err(BodyError::TooBig) => return Err(IamError::new(413, "The request body is too large").thrown()),
    };
    let kind = req.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if body.is_empty() || kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(body);
    }
    Err(IamError::bad("The request body must be JSON (content-type: application/json)").thrown())
}

fn client(app: &App, req: &Request) -> Client {
    const AGENT: usize = 200;
    let ip = net::client_ip(req, &app.config.server.trusted_proxies);
    let agent = req.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok());
    Client {
        ip: ip.map(|ip| ip.to_canonical().to_string()),
        network: ip.map(|ip| format!("{:032x}", u128::from_be_bytes(net::limiter_key(ip)))),
        user_agent: agent.map(|text| text.chars().take(AGENT).collect()),
    }
}

/// 404 for an unknown path; 405 with `Allow` for a known one with another method.
fn not_found(req: &Request, request_id: &str) -> HttpResponse {
    let known = |method: &&Method| routes().find(method, req.uri()).is_some();
    let allowed: Vec<&str> = METHODS.iter().filter(known).map(Method::as_str).collect();
    if allowed.is_empty() {
        return envelope::failure(&IamError::new(404, "Not found"), true, request_id);
    }
    let mut response = envelope::failure(&IamError::new(405, "Method not allowed"), true, request_id);
    if let Ok(value) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

impl IdentityCall {
    /// What the request presented.
    #[must_use]
    pub fn presented(&self) -> &Presented {
        &self.presented
    }
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn origins_of_configured_urls() {
        for (url, origin) in [
            ("https://example.com", Some("https://example.com")),
            ("https://example.com/", Some("https://example.com")),
            ("http://127.0.0.1:3000/app?x=/y", Some("http://127.0.0.1:3000")),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(origin_of(url), origin, "{url}");
        }
    }
}
