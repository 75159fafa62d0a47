//! The lines of the customer API (sentc.md section 2.1). No app token: its users live in the server's own app.

use std::sync::atomic::AtomicUsize;

use actix_web::http::Method;

use super::{ANSWER_SIZE, Route, RouteHandler};
use crate::rooms::customers::{accounts, apps, captcha, groups};
use crate::rooms::groups::members;
use crate::rooms::keys::http as keys;
use crate::web::call::{Handler, body, body_or_default, plain};
use crate::web::guard::Guard::{self, C, CJ, CJFresh, CJG, CJx};
use crate::web::limits::Limit::{self, Login, None as No, Register};

pub(super) fn lines() -> Vec<Route> {
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let line = |method: &Method, pattern, guard: Guard, limit: Limit, handler: Handler| Route {
        method: method.clone(),
        pattern,
        guard,
        option: None,
        limit,
        handler: RouteHandler::Keys(handler),
        answer_size: AtomicUsize::new(ANSWER_SIZE),
    };
    #[rustfmt::skip]
    let lines = vec![
        // Accounts.
        line(&get,    "/api/v1/customer/captcha",                   C,       Register, plain(captcha::http::create)),
        line(&post,   "/api/v1/customer/register",                  C,       Register, body(accounts::http::register)),
        line(&post,   "/api/v1/customer/prepare_login",             C,       Login,    body(keys::prepare_login)),
        line(&post,   "/api/v1/customer/done_login",                C,       Login,    body(keys::done_login)),
        line(&post,   "/api/v1/customer/validate_mfa",              C,       Login,    body(keys::mfa::validate_code)),
        line(&post,   "/api/v1/customer/validate_recovery_otp",     C,       Login,    body(keys::mfa::validate_recovery_key)),
        line(&post,   "/api/v1/customer/verify_login",              C,       Login,    body(accounts::http::verify_login)),
        line(&put,    "/api/v1/customer/refresh",                   CJx,     No,       body(keys::refresh)),
        line(&post,   "/api/v1/customer/register_validation",       CJ,      Login,    body(accounts::http::confirm)),
        line(&patch,  "/api/v1/customer/email_resend",              CJ,      No,       plain(accounts::http::confirm_again)),
        line(&put,    "/api/v1/customer",                           CJ,      No,       body(accounts::http::change_email)),
        line(&put,    "/api/v1/customer/data",                      CJ,      No,       body(accounts::http::change_data)),
        line(&put,    "/api/v1/customer/password",                  CJFresh, Login,    body(keys::password::change)),
        line(&put,    "/api/v1/customer/password_reset",            C,       Register, body(accounts::http::begin_reset)),
        line(&put,    "/api/v1/customer/password_reset_validation", C,       Login,    body(accounts::http::reset)),
        line(&delete, "/api/v1/customer",                           CJFresh, No,       plain(accounts::http::delete)),
        line(&patch,  "/api/v1/customer/register_otp",              CJFresh, No,       plain(keys::mfa::register)),
        line(&patch,  "/api/v1/customer/reset_otp",                 CJFresh, No,       plain(keys::mfa::reset)),
        line(&patch,  "/api/v1/customer/disable_otp",               CJFresh, No,       plain(keys::mfa::disable)),
        line(&get,    "/api/v1/customer/otp_recovery_keys",         CJFresh, No,       plain(keys::mfa::recovery_keys)),

        // Groups.
        line(&post,   "/api/v1/customer/group",                                 CJ,  No, body_or_default(groups::http::create)),
        line(&get,    "/api/v1/customer/group/all/{time}/{id}",                 CJ,  No, plain(groups::http::list)),
        line(&get,    "/api/v1/customer/group/{group_id}",                      CJG, No, plain(groups::http::get)),
        line(&delete, "/api/v1/customer/group/{group_id}",                      CJG, No, plain(groups::http::delete)),
        line(&get,    "/api/v1/customer/group/{group_id}/member/{time}/{id}",   CJG, No, plain(groups::http::members)),
        line(&get,    "/api/v1/customer/group/{group_id}/apps/{time}/{id}",     CJG, No, plain(apps::http::list_of_group)),
        line(&put,    "/api/v1/customer/group/{group_id}/update",               CJG, No, body(groups::http::update)),
        line(&put,    "/api/v1/customer/group/{group_id}/change_rank",          CJG, No, body(members::http::change_rank)),
        line(&put,    "/api/v1/customer/group/{group_id}/invite/{user_id}",     CJG, No, body_or_default(groups::http::invite)),
        line(&delete, "/api/v1/customer/group/{group_id}/kick/{user_id}",       CJG, No, plain(members::http::kick)),

        // Apps.
        line(&get,    "/api/v1/customer/apps/{time}/{id}",              CJ, No, plain(apps::http::list)),
        line(&post,   "/api/v1/customer/app",                           CJ, No, body(apps::http::create)),
        line(&post,   "/api/v1/customer/app/{group_id}",                CJ, No, body(apps::http::create_in_group)),
        line(&get,    "/api/v1/customer/app/{app_id}",                  CJ, No, plain(apps::http::get)),
        line(&put,    "/api/v1/customer/app/{app_id}",                  CJ, No, body(apps::http::rename)),
        line(&put,    "/api/v1/customer/app/{app_id}/options",          CJ, No, body(apps::http::options)),
        line(&put,    "/api/v1/customer/app/{app_id}/file_options",     CJ, No, body(apps::http::file_options)),
        line(&put,    "/api/v1/customer/app/{app_id}/group_options",    CJ, No, body(apps::http::group_options)),
        line(&patch,  "/api/v1/customer/app/{app_id}/token_renew",      CJ, No, plain(apps::http::renew_tokens)),
        line(&patch,  "/api/v1/customer/app/{app_id}/new_jwt_keys",     CJ, No, plain(apps::http::new_jwt_keys)),
        line(&get,    "/api/v1/customer/app/{app_id}/jwt",              CJ, No, plain(apps::http::jwt_keys)),
        line(&delete, "/api/v1/customer/app/{app_id}/jwt/{jwt_id}",     CJ, No, plain(apps::http::delete_jwt_key)),
        line(&delete, "/api/v1/customer/app/{app_id}",                  CJ, No, plain(apps::http::delete)),
        line(&delete, "/api/v1/customer/app/{app_id}/reset",            CJ, No, plain(apps::http::reset)),
    ];
    lines
}
