//! Guards of the identity API.

use super::call::IdentityCall;
use crate::rooms::identity::error::{IamError, IamResult};
use crate::rooms::identity::rules::authenticate::{Issued, authenticate, check_csrf, check_csrf_of_session};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityGuard {
    /// Nothing.
    Open,
    /// Nothing; a failure takes the caller's cookies away.
    Login,
    /// Nothing; a wrong platform takes the caller's cookies away.
    Provider,
    /// An access token.
    User,
    /// An access token; why it is refused is not told when it is simply not good.
    Probe,
    /// An access token and the session's csrf token.
    UserCsrf,
    /// An access token; told as of a restricted resource: 403 whatever is wrong with it.
    Restricted,
    /// The same and the session's csrf token.
    RestrictedCsrf,
    /// The same of an administrator: role `SUPER_ADMIN` and a verified address.
    Admin,
    /// The same and the session's csrf token.
    AdminCsrf,
}

impl IdentityGuard {
    /// True for `users` and `refresh-tokens`: failures carry their own HTTP status.
    #[must_use]
    pub const fn has_own_status(self) -> bool {
        matches!(self, Self::Restricted | Self::RestrictedCsrf | Self::Admin | Self::AdminCsrf)
    }

    /// True when an access token is needed.
    #[must_use]
    pub const fn needs_token(self) -> bool {
        !matches!(self, Self::Open | Self::Login | Self::Provider)
    }

    /// True when a csrf token is needed.
    #[must_use]
    pub const fn needs_csrf(self) -> bool {
        matches!(self, Self::UserCsrf | Self::RestrictedCsrf | Self::AdminCsrf)
    }

    /// True when the caller must be an administrator.
    #[must_use]
    pub const fn needs_admin(self) -> bool {
        matches!(self, Self::Admin | Self::AdminCsrf)
    }
}

/// Tokens that were renewed on the way, and what is wrong.
type Refusal = (Option<Issued>, IamError);

/// Runs a guard; the caller is put into the call. Gives tokens that were renewed on the way.
pub(super) async fn check(guard: IdentityGuard, call: &mut IdentityCall) -> Result<Option<Issued>, Refusal> {
    if !guard.needs_token() {
        return Ok(None);
    }
    let found = authenticate(&call.app, &call.app_id, &call.presented, &call.client).await;
    let (caller, renewed) = match found {
        Ok(found) => found,
        Err(e) if guard.has_own_status() => return Err((None, restricted(e))),
        Err(e) if guard == IdentityGuard::Probe && e.code == 401 => return Err((None, IamError::bare())),
        Err(e) => return Err((None, first_of(guard, call, e).await)),
    };
    if guard.needs_csrf() {
        let sent = csrf_of(call);
        let checked = match sent {
            Ok(sent) => check_csrf(&call.app, &caller, &call.presented, &sent).await,
            Err(e) => Err(e),
        };
        if let Err(e) = checked {
            return Err((renewed, e));
        }
    }
    if guard.needs_admin() && !caller.user.is_admin() {
        return Err((renewed, IamError::forbidden()));
    }
    call.caller = Some(caller);
    Ok(renewed)
}

/// The csrf token is judged before the access token: that is the reference's order. What is wrong with the account or the server comes
/// first all the same.
async fn first_of(guard: IdentityGuard, call: &IdentityCall, e: IamError) -> IamError {
    if !guard.needs_csrf() || matches!(e.code, 403 | 429) || e.cause.is_some() {
        return e;
    }
    let checked = match csrf_of(call) {
        Ok(sent) => check_csrf_of_session(&call.app, &call.presented, &sent).await,
        Err(e) => Err(e),
    };
    checked.err().unwrap_or(e)
}

fn csrf_of(call: &IdentityCall) -> IamResult<String> {
    let input = call.input()?;
    input.text("csrf_token").ok().flatten().filter(|t| !t.is_empty()).ok_or_else(IamError::csrf)
}

/// Restricted resources tell nothing about the token (iam.md section 10), only that the account is off or the server in trouble.
fn restricted(e: IamError) -> IamError {
    let tells = e.code == 403 || e.code == 429 || e.cause.is_some();
    if tells { e } else { IamError::forbidden() }
}
