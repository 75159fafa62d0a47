//! Guards: app token → JWT, or user of the path → group, in this order (sentc.md section 1.1).

use std::sync::Arc;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use keystead_protocol::ErrorCode;
use keystead_protocol::apps::{APP_TOKEN_HEADER, GROUP_ACCESS_HEADER};
use keystead_protocol::jwt::{Claims, JWT_LIFETIME_S};
use moka::sync::Cache;

use super::callers::Asked;
use super::data::DataGuard;
use super::identity::IdentityGuard;
use super::request::Request;
use crate::app::App;
use crate::config::Api;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::access::rules as access;
use crate::rooms::apps::{Tenant, TokenKind};
use crate::rooms::groups::rules::{self as group_rules, GroupAccess};
use crate::rooms::keys::rules::{self as key_rules, Session};
use crate::routes::Params;

/// JWTs whose signature is remembered.
const CACHED_TOKENS: u64 = 20_000;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// App token.
    A,
    /// App token and JWT.
    AJ,
    /// App token and JWT that must come from a complete login.
    AJFresh,
    /// App token and JWT whose expiry does not matter.
    AJx,
    /// App token, and a JWT where there is a good one: a bad one counts as absent.
    AJOpt,
    /// App token, JWT, and the user's membership in the group of the first path value.
    AJG,
    /// Secret app token, no JWT.
    S,
    /// Secret app token and JWT.
    SJ,
    /// As AJG, with the secret app token.
    SJG,
    /// Secret app token; the first path value is a user of the app, for whom the backend acts.
    SU,
    /// As SU, and the second path value is a group that he has access to.
    SUG,
    /// A route of the identity API, which has guards of its own.
    Identity(IdentityGuard),
    /// A route of the data API, which has guards of its own.
    Data(DataGuard),
    /// Anybody: the customer API, whose users live in the server's own app.
    C,
    /// JWT of a customer.
    CJ,
    /// JWT of a customer from a complete login.
    CJFresh,
    /// JWT of a customer whose expiry does not matter.
    CJx,
    /// JWT of a customer, and his membership in the group of the first path value.
    CJG,
}

impl Guard {
    /// True when a JWT is needed.
    #[must_use]
    pub const fn needs_jwt(self) -> bool {
        let app = matches!(self, Self::AJ | Self::AJFresh | Self::AJx | Self::AJG | Self::SJ | Self::SJG);
        app || matches!(self, Self::CJ | Self::CJFresh | Self::CJx | Self::CJG)
    }

    /// True for the customer API, which needs no app token.
    #[must_use]
    pub const fn is_customer(self) -> bool {
        matches!(self, Self::C | Self::CJ | Self::CJFresh | Self::CJx | Self::CJG)
    }

    /// Whose routes have this guard.
    #[must_use]
    pub const fn api(self) -> Api {
        match self {
            Self::Identity(_) => Api::Identity,
            Self::Data(_) => Api::Data,
            _ if self.is_customer() => Api::Customer,
            _ => Api::Keys,
        }
    }

    /// True where an old JWT will do.
    #[must_use]
    pub const fn takes_expired(self) -> bool {
        matches!(self, Self::AJx | Self::CJx)
    }

    /// True when a JWT makes a difference.
    #[must_use]
    pub const fn takes_jwt(self) -> bool {
        self.needs_jwt() || matches!(self, Self::AJOpt)
    }

    /// True when only the secret token will do.
    #[must_use]
    pub const fn needs_secret(self) -> bool {
        matches!(self, Self::S | Self::SJ | Self::SJG | Self::SU | Self::SUG)
    }

    /// True when the path names the user.
    #[must_use]
    pub const fn needs_path_user(self) -> bool {
        matches!(self, Self::SU | Self::SUG)
    }

    /// Which path value is the group that the user needs access to.
    #[must_use]
    pub const fn group_param(self) -> Option<usize> {
        match self {
            Self::AJG | Self::SJG | Self::CJG => Some(0),
            Self::SUG => Some(1),
            _ => None,
        }
    }

    pub(crate) const fn needs_fresh(self) -> bool {
        matches!(self, Self::AJFresh | Self::CJFresh)
    }

    pub(super) const fn needs_unexpired(self) -> bool {
        self.takes_jwt() && !self.takes_expired()
    }
}

/// The headers that guards read, taken out of the request so that they can travel to a database thread. A clone of a header
/// value shares its bytes.
#[derive(Default)]
pub struct Credentials {
    app_token: Option<HeaderValue>,
    authorization: Option<HeaderValue>,
    group_access_id: Option<HeaderValue>,
}

const APP_TOKEN: HeaderName = HeaderName::from_static(APP_TOKEN_HEADER);
const GROUP_ACCESS: HeaderName = HeaderName::from_static(GROUP_ACCESS_HEADER);

/// Who the caller turned out to be. Clones share it.
#[derive(Clone)]
pub struct Caller {
    /// The app.
    pub tenant: Arc<Tenant>,
    /// Which of its tokens.
    pub token: TokenKind,
    /// The user of the JWT.
    pub session: Option<Arc<Session>>,
    /// The user of the path, for whom the backend acts.
    pub path_user: Option<Arc<str>>,
    /// His access to the group.
    pub group: Option<Arc<GroupAccess>>,
    /// Expiry of the JWT, seconds, where there is one.
    pub expires_s: Option<i64>,
}

/// Finds out who calls: from what is remembered of callers where nothing has changed, else from the database.
///
/// # Errors
/// The codes of sentc.md section 1.1.
pub async fn caller(app: &Arc<App>, req: &Request, guard: Guard, path: &Params) -> KeyResult<Caller> {
    let credentials = Credentials::of(req);
    let here = app.db.read_here(|conn, as_of| {
        let asked = credentials.asked(guard, path);
        if let Some(caller) = app.callers.find(as_of, &asked, &app.clock) {
            return Ok(caller);
        }
        let caller = credentials.check(app, conn, guard, path)?;
        app.callers.remember(as_of, &asked, &caller);
        Ok(caller)
    });
    if let Some(found) = here {
        return found;
    }
    let (of, path) = (Arc::clone(app), path.clone());
    app.db.read(move |conn| credentials.check(&of, conn, guard, &path)).await
}

/// The user of a JWT of an app, as the guard `AJ` judges it.
///
/// # Errors
/// The codes of sentc.md section 1.1.
pub fn token_user(app: &App, conn: &mut Conn, app_id: &str, jwt: &str) -> KeyResult<String> {
    let tenant = app.tenants.by_id(conn, &app.root_key, app_id)?;
    let claims = app.tokens.claims(&tenant, jwt)?;
    let session = key_rules::session(conn, &tenant.id, &claims)?;
    if tenant.disabled || session.revoked || claims.exp <= app.clock.now_ms().div_euclid(1000) {
        return Err(ErrorCode::JwtInvalid.into());
    }
    Ok(session.user_id)
}

/// The group that the caller wants to enter through.
pub(super) fn group_access_id(req: &Request) -> Option<&str> {
    req.headers().get(GROUP_ACCESS)?.to_str().ok()
}

impl Credentials {
    /// Takes the headers.
    #[must_use]
    pub fn of(req: &Request) -> Self {
        let get = |name: HeaderName| req.headers().get(name).cloned();
        Self {
            app_token: get(APP_TOKEN),
            authorization: get(header::AUTHORIZATION),
            group_access_id: get(GROUP_ACCESS),
        }
    }

    /// One that is no text counts as absent.
    fn app_token(&self) -> Option<&str> {
        self.app_token.as_ref()?.to_str().ok()
    }

    fn jwt(&self) -> Option<&str> {
        self.authorization.as_ref()?.to_str().ok()?.strip_prefix("Bearer ")
    }

    /// The group through which the caller wants to enter.
    pub(super) fn group_access_id(&self) -> Option<&str> {
        self.group_access_id.as_ref()?.to_str().ok()
    }

    /// All that the answer of [`Credentials::check`] depends on, besides the database and the time.
    fn asked<'a>(&'a self, guard: Guard, path: &'a Params) -> Asked<'a> {
        let at = |index: Option<usize>| index.and_then(|i| path.get(i)).unwrap_or_default();
        let group = guard.group_param();
        Asked {
            guard,
            app_token: self.app_token().unwrap_or_default(),
            jwt: self.jwt().filter(|_| guard.takes_jwt()).unwrap_or_default(),
            path_user: at(guard.needs_path_user().then_some(0)),
            group_id: at(group),
            via: self.group_access_id().filter(|_| group.is_some()).unwrap_or_default(),
        }
    }

    /// Runs the guard against the database.
    ///
    /// # Errors
    /// The codes of sentc.md section 1.1.
    pub fn check(&self, app: &App, conn: &mut Conn, guard: Guard, path: &Params) -> KeyResult<Caller> {
        let mut caller = self.look(app, conn, guard, path)?;
        if let (true, Some(session)) = (guard.needs_fresh(), &mut caller.session) {
            // A session that has ended was not the user's own, perhaps.
            let fresh = key_rules::is_fresh(conn, session)?;
            Arc::make_mut(session).fresh = fresh;
        }
        Ok(caller)
    }

    fn look(&self, app: &App, conn: &mut Conn, guard: Guard, path: &Params) -> KeyResult<Caller> {
        let group_id = guard.group_param().and_then(|i| path.get(i));
        if let Some(caller) = self.check_fast(app, conn, guard, group_id)? {
            return Ok(caller);
        }
        let (tenant, kind) = if guard.is_customer() {
            let home = app.customer_app.get().ok_or(ErrorCode::NotFound)?;
            (app.tenants.by_id(conn, &app.root_key, home)?, TokenKind::Public)
        } else {
            let token = self.app_token().ok_or(ErrorCode::AppTokenNotFound)?;
            app.tenants.find(conn, &app.root_key, token)?
        };
        if guard.needs_secret() && kind != TokenKind::Secret {
            return Err(ErrorCode::AppAction.into());
        }
        let mut caller = Caller { tenant, token: kind, session: None, path_user: None, group: None, expires_s: None };
        if guard.needs_jwt() {
            let (session, expires_s) = self.session(app, conn, guard, &caller.tenant)?;
            (caller.session, caller.expires_s) = (Some(Arc::new(session)), Some(expires_s));
        } else if guard.takes_jwt() && self.authorization.is_some() {
            match self.session(app, conn, guard, &caller.tenant) {
                Ok((session, expires_s)) => {
                    (caller.session, caller.expires_s) = (Some(Arc::new(session)), Some(expires_s));
                }
                Err(e) if e.code.http_status() >= 500 => return Err(e),
                Err(_not_good) => {}
            }
        }
        if guard.needs_path_user() {
            let user_id = path.get(0).ok_or(ErrorCode::UrlParameter)?;
            key_rules::user_group_of(conn, &caller.tenant.id, user_id)?.ok_or(ErrorCode::UserNotFound)?;
            caller.path_user = Some(user_id.into());
        }
        let user_id = caller.session.as_ref().map(|s| s.user_id.as_str()).or(caller.path_user.as_deref());
        if let (Some(user_id), Some(group_id)) = (user_id, group_id) {
            let via = self.group_access_id();
            let access = group_rules::access(conn, &caller.tenant.id, group_id, user_id, via)?;
            caller.group = Some(Arc::new(access));
        }
        Ok(caller)
    }

    /// The user and device of the JWT, and its expiry in seconds.
    fn session(&self, app: &App, conn: &mut Conn, guard: Guard, tenant: &Tenant) -> KeyResult<(Session, i64)> {
        let jwt = self.jwt().ok_or(ErrorCode::JwtMissing)?;
        let claims = app.tokens.claims(tenant, jwt)?;
        if !guard.takes_expired() && claims.exp <= app.clock.now_ms().div_euclid(1000) {
            return Err(ErrorCode::JwtInvalid.into());
        }
        let session = key_rules::session(conn, &tenant.id, &claims)?;
        if !guard.takes_expired() && session.revoked {
            return Err(ErrorCode::JwtInvalid.into());
        }
        Ok((session, claims.exp))
    }
}

impl Credentials {
    /// The road of a caller with whom all is well, in one statement. `None` says nothing: [`Credentials::check`] goes on and
    /// finds out what is wrong, if anything.
    fn check_fast(
        &self,
        app: &App,
        conn: &mut Conn,
        guard: Guard,
        group_id: Option<&str>,
    ) -> KeyResult<Option<Caller>> {
        let (Some(app_token), Some(jwt), true) = (self.app_token(), self.jwt(), guard.takes_jwt()) else {
            return Ok(None);
        };
        if guard.is_customer() {
            return Ok(None);
        }
        let Some((tenant, token)) = app.tenants.cached(app_token) else { return Ok(None) };
        let Some(claims) = app.tokens.cached(&tenant, jwt) else { return Ok(None) };
        let expired = claims.exp <= app.clock.now_ms().div_euclid(1000);
        if (guard.needs_secret() && token != TokenKind::Secret) || (!guard.takes_expired() && expired) {
            return Ok(None);
        }
        let found = match group_id {
            Some(_) if self.group_access_id.is_some() => None,
            Some(id) => access::in_group(conn, &tenant, &claims, id)?.map(|(s, g)| (s, Some(g))),
            None => access::session(conn, &tenant, &claims)?.map(|s| (s, None)),
        };
        let good = found.filter(|(session, _)| guard.takes_expired() || !session.revoked);
        Ok(good.map(|(session, group)| Caller {
            tenant,
            token,
            session: Some(Arc::new(session)),
            path_user: None,
            group: group.map(Arc::new),
            expires_s: Some(claims.exp),
        }))
    }
}

/// Claims of JWTs whose signature has been checked: verifying P-384 at every request would be the ceiling of the whole
/// server. Only the signature is remembered; expiry and revocation are looked at each time. The key is the token's
/// signature; that the rest is the same too, the whole token says.
pub struct TokenCache(Cache<[u8; SIGNATURE], Arc<Checked>>);

/// b64url characters of a P-384 signature (96 bytes).
const SIGNATURE: usize = 128;

struct Checked {
    token: String,
    claims: Arc<Claims>,
    app_id: String,
    app_version: i64,
}

impl Default for TokenCache {
    fn default() -> Self {
        let lifetime = std::time::Duration::from_secs(JWT_LIFETIME_S.unsigned_abs());
        Self(Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(lifetime).build())
    }
}

impl TokenCache {
    /// The claims of a token that one of this app's keys has signed.
    ///
    /// # Errors
    /// As [`crate::rooms::apps::jwt::JwtKeys::verify`].
    fn claims(&self, tenant: &Tenant, token: &str) -> KeyResult<Arc<Claims>> {
        if let Some(claims) = self.cached(tenant, token) {
            return Ok(claims);
        }
        let claims = Arc::new(tenant.jwt.verify(token)?);
        if let Some(key) = token.as_bytes().last_chunk() {
            let (token, claims) = (token.to_owned(), Arc::clone(&claims));
            let checked = Checked { token, claims, app_id: tenant.id.clone(), app_version: tenant.version };
            self.0.insert(*key, Arc::new(checked));
        }
        Ok(claims)
    }

    fn cached(&self, tenant: &Tenant, token: &str) -> Option<Arc<Claims>> {
        let found = self.0.get(token.as_bytes().last_chunk()?)?;
        let same = found.token == token && found.app_id == tenant.id && found.app_version == tenant.version;
        same.then(|| Arc::clone(&found.claims))
    }
}
