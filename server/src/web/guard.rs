//! Guards: app token → JWT → group, in this order (sentc.md section 1.1).

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use keystead_crypto::hash::sha256;
use keystead_protocol::ErrorCode;
use keystead_protocol::apps::{APP_TOKEN_HEADER, GROUP_ACCESS_HEADER};
use keystead_protocol::jwt::{Claims, JWT_LIFETIME_S};
use moka::sync::Cache;

use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::access::rules as access;
use crate::rooms::apps::{Tenant, TokenKind};
use crate::rooms::groups::rules::{self as group_rules, GroupAccess};
use crate::rooms::keys::rules::{self as key_rules, Session};

/// JWTs whose signature is remembered.
const CACHED_TOKENS: u64 = 50_000;

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
    /// App token, JWT, and the user's membership in the group of the first path value.
    AJG,
    /// Secret app token, no JWT.
    S,
    /// Secret app token and JWT.
    SJ,
}

impl Guard {
    /// True when a JWT is needed.
    #[must_use]
    pub const fn needs_jwt(self) -> bool {
        matches!(self, Self::AJ | Self::AJFresh | Self::AJx | Self::AJG | Self::SJ)
    }

    /// True when only the secret token will do.
    #[must_use]
    pub const fn needs_secret(self) -> bool {
        matches!(self, Self::S | Self::SJ)
    }

    pub(crate) const fn needs_fresh(self) -> bool {
        matches!(self, Self::AJFresh)
    }
}

/// The headers that guards read, taken out of the request so that they can travel to a database thread.
#[derive(Debug, Default)]
pub struct Credentials {
    app_token: Option<String>,
    jwt: Option<String>,
    group_access_id: Option<String>,
}

/// Who the caller turned out to be.
pub struct Caller {
    /// The app.
    pub tenant: Arc<Tenant>,
    /// Which of its tokens.
    pub token: TokenKind,
    /// The user.
    pub session: Option<Session>,
    /// His access to the group.
    pub group: Option<GroupAccess>,
}

impl Credentials {
    /// Reads the headers. One that is no text counts as absent.
    #[must_use]
    pub fn of(req: &HttpRequest) -> Self {
        let text = |name: &str| req.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Self {
            app_token: text(APP_TOKEN_HEADER),
            jwt: req
                .headers()
                .get(header::AUTHORIZATION)
                .and_then(|v| v.to_str().ok())
                .and_then(|v| v.strip_prefix("Bearer "))
                .map(str::to_owned),
            group_access_id: text(GROUP_ACCESS_HEADER),
        }
    }

    /// Runs the guard against the database.
    ///
    /// # Errors
    /// The codes of sentc.md section 1.1.
    pub fn check(&self, app: &App, conn: &mut Conn, guard: Guard, group_id: Option<&str>) -> KeyResult<Caller> {
        if let Some(caller) = self.check_fast(app, conn, guard, group_id)? {
            return Ok(caller);
        }
        let token = self.app_token.as_deref().ok_or(ErrorCode::AppTokenNotFound)?;
        let (tenant, kind) = app.tenants.find(conn, &app.root_key, token)?;
        if guard.needs_secret() && kind != TokenKind::Secret {
            return Err(ErrorCode::AppAction.into());
        }
        let mut caller = Caller { tenant, token: kind, session: None, group: None };
        if guard.needs_jwt() {
            let jwt = self.jwt.as_deref().ok_or(ErrorCode::JwtMissing)?;
            let claims = app.tokens.claims(&caller.tenant, jwt)?;
            if guard != Guard::AJx && claims.exp <= app.clock.now_ms().div_euclid(1000) {
                return Err(ErrorCode::JwtInvalid.into());
            }
            let session = key_rules::session(conn, &caller.tenant.id, &claims)?;
            if guard != Guard::AJx && session.revoked {
                return Err(ErrorCode::JwtInvalid.into());
            }
            caller.session = Some(session);
        }
        if let (Guard::AJG, Some(session), Some(group_id)) = (guard, &caller.session, group_id) {
            caller.group = Some(group_rules::access(
                conn,
                &caller.tenant.id,
                group_id,
                &session.user_id,
                self.group_access_id.as_deref(),
            )?);
        }
        Ok(caller)
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
        let (Some(app_token), Some(jwt), true) = (&self.app_token, &self.jwt, guard.needs_jwt()) else {
            return Ok(None);
        };
        let Some((tenant, token)) = app.tenants.cached(app_token) else { return Ok(None) };
        let Some(claims) = app.tokens.cached(&tenant, jwt) else { return Ok(None) };
        let expired = claims.exp <= app.clock.now_ms().div_euclid(1000);
        if (guard.needs_secret() && token != TokenKind::Secret) || (guard != Guard::AJx && expired) {
            return Ok(None);
        }
        let found = match (guard, group_id) {
            (Guard::AJG, Some(_)) if self.group_access_id.is_some() => None,
            (Guard::AJG, Some(id)) => access::in_group(conn, &tenant, &claims, id)?.map(|(s, g)| (s, Some(g))),
            _ => access::session(conn, &tenant, &claims)?.map(|s| (s, None)),
        };
        let good = found.filter(|(session, _)| guard == Guard::AJx || !session.revoked);
        Ok(good.map(|(session, group)| Caller { tenant, token, session: Some(session), group }))
    }
}

/// Claims of JWTs whose signature has been checked, by the SHA-256 of the token: verifying P-384 at every request would
/// be the ceiling of the whole server. Only the signature is remembered; expiry and revocation are looked at each time.
pub struct TokenCache(Cache<[u8; 32], (Arc<Claims>, Arc<str>, i64)>);

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
        let key = sha256(token.as_bytes());
        let claims = Arc::new(tenant.jwt.verify(token)?);
        self.0.insert(key, (Arc::clone(&claims), tenant.id.as_str().into(), tenant.version));
        Ok(claims)
    }

    fn cached(&self, tenant: &Tenant, token: &str) -> Option<Arc<Claims>> {
        let (claims, app_id, version) = self.0.get(&sha256(token.as_bytes()))?;
        (*app_id == *tenant.id && version == tenant.version).then_some(claims)
    }
}
