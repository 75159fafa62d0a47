//! The lines of the identity API (iam.md sections 7 and 10), with guards and answers of its own.

use std::sync::atomic::AtomicUsize;

use actix_web::http::Method;

use super::{ANSWER_SIZE, Route, RouteHandler};
use crate::rooms::identity::http::{authn, keys, mail_flows, providers, refresh_tokens, sessions, users};
use crate::web::guard::Guard;
use crate::web::identity::{IdentityGuard, handler};
use crate::web::limits::Limit;

pub(super) fn lines() -> Vec<Route> {
    use IdentityGuard::{
        Admin, AdminCsrf, Login as LoginGuard, Open, Probe, Provider, Restricted, RestrictedCsrf, User, UserCsrf,
    };
    use Limit::{IamLogin, IamMail, IamRegister, None as No};
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let line = |method: &Method, pattern, guard, limit, handler| Route {
        method: method.clone(),
        pattern,
        guard: Guard::Identity(guard),
        option: None,
        limit,
        handler: RouteHandler::Identity(handler),
        answer_size: AtomicUsize::new(ANSWER_SIZE),
    };
    #[rustfmt::skip]
    let lines = vec![
        // One's own account.
        line(&post,   "/api/iam/authn/register",         Open,       IamRegister, handler(authn::register)),
        line(&post,   "/api/iam/authn/login",            LoginGuard, IamLogin,    handler(authn::login)),
        line(&post,   "/api/iam/authn/login-google",     Provider,   IamLogin,    handler(providers::google)),
        line(&post,   "/api/iam/authn/login-oidc/{provider}", Provider, IamLogin, handler(providers::other)),
        line(&post,   "/api/iam/authn/logout",           Open,       No,          handler(authn::logout)),
        line(&get,    "/api/iam/authn/profile",          User,       No,          handler(authn::profile)),
        line(&get,    "/api/iam/authn/isauthenticated",  Probe,      No,          handler(authn::is_authenticated)),
        line(&post,   "/api/iam/authn/refresh",          Open,       No,          handler(authn::refresh)),
        line(&put,    "/api/iam/authn/update",           UserCsrf,   No,          handler(authn::update)),
        line(&delete, "/api/iam/authn/delete",           UserCsrf,   No,          handler(authn::delete)),
        line(&post,   "/api/iam/authn/reset",            Open,       IamMail,     handler(mail_flows::reset)),
        line(&post,   "/api/iam/authn/verifyreset",      Open,       IamMail,     handler(mail_flows::verify_reset)),
        line(&post,   "/api/iam/authn/verifyreset/{token}", Open,    IamMail,     handler(mail_flows::verify_reset)),
        line(&post,   "/api/iam/authn/verifyemail",      Open,       IamMail,     handler(mail_flows::verify_email)),
        line(&post,   "/api/iam/authn/verifyemailtoken", Open,       IamMail,     handler(mail_flows::verify_email_token)),
        line(&get,    "/api/iam/authn/keys",             User,       No,          handler(keys::of_caller)),
        line(&get,    "/api/iam/authn/sessions",         User,       No,          handler(sessions::list)),
        line(&delete, "/api/iam/authn/sessions",         UserCsrf,   No,          handler(sessions::revoke_others)),
        line(&delete, "/api/iam/authn/sessions/{id}",    UserCsrf,   No,          handler(sessions::revoke)),

        // Administration.
        line(&get,    "/api/iam/users",                  Admin,          No,      handler(users::list)),
        line(&post,   "/api/iam/users",                  Restricted,     No,      handler(users::create)),
        line(&get,    "/api/iam/users/{uuid}",           Restricted,     No,      handler(users::get)),
        line(&put,    "/api/iam/users/{uuid}",           RestrictedCsrf, No,      handler(users::update)),
        line(&delete, "/api/iam/users/{uuid}",           RestrictedCsrf, No,      handler(users::delete)),
        line(&get,    "/api/iam/users/{uuid}/permission/{name}", Admin,  No,      handler(users::permission)),
        line(&get,    "/api/iam/refresh-tokens",         Admin,          No,      handler(refresh_tokens::list)),
        line(&delete, "/api/iam/refresh-tokens",         AdminCsrf,      No,      handler(refresh_tokens::delete_all)),
        line(&delete, "/api/iam/refresh-tokens/{id}",    AdminCsrf,      No,      handler(refresh_tokens::delete)),
    ];
    lines
}
