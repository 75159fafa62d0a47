//! The lines of the data API (instant.md), with guards and answers of its own.

use std::sync::atomic::AtomicUsize;

use actix_web::HttpResponse;
use actix_web::http::Method;

use super::{ANSWER_SIZE, Route, RouteHandler};
use crate::rooms::data::error::DataResult;
use crate::rooms::data::users::http as users;
use crate::rooms::data::{oauth, push, query, storage, transact, webhooks};
use crate::rooms::live;
use crate::web::data::{DataCall, DataGuard, handler, streaming};
use crate::web::envelope::data as envelope;
use crate::web::guard::Guard;
use crate::web::limits::Limit;

pub(super) fn lines() -> Vec<Route> {
    use DataGuard::{Admin, AdminOrUser, App, Dash, Open, Operator, User};
    use Limit::{DataLogin, DataMail, None as No};
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let line = |method: &Method, pattern, guard, limit, handler| Route {
        method: method.clone(),
        pattern,
        guard: Guard::Data(guard),
        option: None,
        limit,
        handler: RouteHandler::Data(handler),
        answer_size: AtomicUsize::new(ANSWER_SIZE),
    };
    #[rustfmt::skip]
    let lines = vec![
        line(&get,    "/health/system",                                  Open,        No,                 handler(health)),

        // Records.
        line(&post,   "/admin/query",                                    AdminOrUser, No,                 handler(query::http::query)),
        line(&post,   "/admin/query_perms_check",                        AdminOrUser, No,                 handler(query::http::perms_check)),
        line(&post,   "/admin/transact",                                 AdminOrUser, No,                 handler(transact::http::transact)),
        line(&post,   "/admin/transact_perms_check",                     AdminOrUser, No,                 handler(transact::http::perms_check)),
        line(&post,   "/runtime/framework/query",                        User,        No,                 handler(query::http::framework)),
        line(&get,    "/admin/schema",                                   Admin,       No,                 handler(query::http::schema)),
        line(&get,    "/admin/soft_deleted_attrs",                       Admin,       No,                 handler(query::http::soft_deleted_attrs)),

        // Live (sections 5, 9, 17).
        line(&post,   "/admin/subscribe-query",                          AdminOrUser, No,                 handler(live::http::subscribe_query)),
        line(&post,   "/admin/sse",                                      AdminOrUser, No,                 handler(live::http::admin_session)),
        line(&post,   "/admin/sse/push",                                 Open,        No,                 handler(live::http::push)),
        line(&get,    "/admin/rooms/presence",                           AdminOrUser, No,                 handler(live::http::presence)),
        line(&get,    "/runtime/session",                                Open,        No,                 streaming(live::http::socket)),
        line(&get,    "/runtime/sse",                                    Open,        No,                 handler(live::http::runtime_session)),
        line(&post,   "/runtime/sse",                                    Open,        No,                 handler(live::http::push)),

        // Users, by the app's backend.
        line(&post,   "/admin/refresh_tokens",                           Admin,       No,                 handler(users::create_token)),
        line(&get,    "/admin/users",                                    Admin,       No,                 handler(users::get)),
        line(&delete, "/admin/users",                                    Admin,       No,                 handler(users::delete)),
        line(&post,   "/admin/sign_out",                                 Admin,       No,                 handler(users::admin_sign_out)),
        line(&post,   "/admin/magic_code",                               Admin,       No,                 handler(users::magic_code)),
        line(&post,   "/admin/send_magic_code",                          Admin,       No,                 handler(users::admin_send)),
        line(&post,   "/admin/verify_magic_code",                        Admin,       No,                 handler(users::admin_verify)),
        line(&post,   "/admin/sign_in_guest",                            Admin,       No,                 handler(users::admin_guest)),
        line(&get,    "/dash/apps/{app}/test_users",                     Dash,        No,                 handler(users::test_users)),
        line(&post,   "/dash/apps/{app}/test_users",                     Dash,        No,                 handler(users::put_test_user)),
        line(&delete, "/dash/apps/{app}/test_users",                     Dash,        No,                 handler(users::delete_test_user)),

        // Users, by its front ends: the body names the app. Backends verify everybody's tokens from one address.
        line(&post,   "/runtime/auth/send_magic_code",                   Open,        DataMail,           handler(users::runtime_send)),
        line(&post,   "/runtime/auth/verify_magic_code",                 Open,        DataLogin,          handler(users::runtime_verify)),
        line(&post,   "/runtime/auth/verify_refresh_token",              Open,        No,                 handler(users::verify_token)),
        line(&post,   "/runtime/auth/sign_in_guest",                     Open,        DataLogin,          handler(users::runtime_guest)),
        line(&post,   "/runtime/signout",                                Open,        No,                 handler(users::sign_out)),

        // Users who sign in with a provider (section 18).
        line(&get,    "/runtime/oauth/start",                                  Open,        DataLogin,          handler(oauth::http::start)),
        line(&get,    "/runtime/oauth/callback",                               Open,        No,                 handler(oauth::http::callback)),
        line(&post,   "/runtime/oauth/callback",                               Open,        No,                 handler(oauth::http::callback)),
        line(&post,   "/runtime/oauth/token",                                  Open,        DataLogin,          handler(oauth::http::token)),
        line(&post,   "/runtime/oauth/id_token",                               Open,        DataLogin,          handler(oauth::http::id_token)),
        line(&get,    "/runtime/{app}/.well-known/openid-configuration",       Open,        No,                 handler(oauth::http::openid_configuration)),
        // Files.
        line(&put,    "/admin/storage/upload",                           AdminOrUser, No,                 streaming(storage::http::upload)),
        line(&delete, "/admin/storage/files",                            AdminOrUser, No,                 handler(storage::http::delete)),
        line(&post,   "/admin/storage/files/delete",                     AdminOrUser, No,                 handler(storage::http::delete_many)),
        line(&get,    "/admin/storage/files",                            Admin,       No,                 handler(storage::http::list)),
        line(&post,   "/admin/storage/signed-upload-url",                Admin,       No,                 handler(storage::http::signed_upload_url)),
        line(&get,    "/admin/storage/signed-download-url",              Admin,       No,                 handler(storage::http::signed_download_url)),
        line(&put,    "/storage/upload",                                 User,        No,                 streaming(storage::http::upload)),
        line(&delete, "/storage/files",                                  User,        No,                 handler(storage::http::delete)),
        line(&post,   "/storage/signed-upload-url",                      User,        No,                 handler(storage::http::signed_upload_url)),
        line(&get,    "/storage/signed-download-url",                    User,        No,                 handler(storage::http::signed_download_url)),
        line(&put,    "/storage/{id}/consume-upload-url",                App,         No,                 streaming(storage::http::consume_upload_url)),
        line(&get,    "/storage/files/{app_id}/{location}",              Open,        No,                 handler(storage::http::download)),

        // Webhooks (section 12).
        line(&get,    "/dash/apps/{app}/webhooks",                       Dash,        No,                 handler(webhooks::http::list)),
        line(&post,   "/dash/apps/{app}/webhooks",                       Dash,        No,                 handler(webhooks::http::create)),
        line(&post,   "/dash/apps/{app}/webhooks/{webhook_id}",          Dash,        No,                 handler(webhooks::http::update)),
        line(&delete, "/dash/apps/{app}/webhooks/{webhook_id}",          Dash,        No,                 handler(webhooks::http::delete)),
        line(&post,   "/dash/apps/{app}/webhooks/{webhook_id}/enable",   Dash,        No,                 handler(webhooks::http::enable)),
        line(&post,   "/dash/apps/{app}/webhooks/{webhook_id}/disable",  Dash,        No,                 handler(webhooks::http::disable)),
        line(&get,    "/dash/apps/{app}/webhooks/{webhook_id}/events",   Dash,        No,                 handler(webhooks::http::events)),
        line(&get,    "/dash/apps/{app}/webhooks/{webhook_id}/events/{*isn}", Dash,   No,                 handler(webhooks::http::event)),
        line(&post,   "/dash/apps/{app}/webhooks/{webhook_id}/events/{*isn}", Dash,   No,                 handler(webhooks::http::resend)),
        line(&get,    "/webhooks/payload/{app}/{webhook_id}/{*isn}",     Open,        No,                 handler(webhooks::http::payload)),
        line(&get,    "/.well-known/webhooks/jwks.json",                 Open,        No,                 handler(webhooks::http::jwks)),

        // Schema and rules, apps.
        line(&get,    "/dash/apps/{app}/schema/pull",                    Dash,        No,                 handler(push::http::schema_pull)),
        line(&post,   "/dash/apps/{app}/schema/steps/apply",             Dash,        No,                 handler(push::http::steps_apply)),
        line(&get,    "/dash/apps/{app}/indexing-jobs/group/{group_id}", Dash,        No,                 handler(push::http::jobs)),
        line(&post,   "/dash/apps/{app}/schema/push/plan",               Dash,        No,                 handler(push::http::plan)),
        line(&post,   "/dash/apps/{app}/schema/push/apply",              Dash,        No,                 handler(push::http::apply)),
        line(&get,    "/dash/apps/{app}/perms/pull",                     Dash,        No,                 handler(push::http::perms_pull)),
        line(&post,   "/dash/apps/{app}/rules",                          Dash,        No,                 handler(push::http::set_rules)),
        line(&get,    "/dash/apps/{app}",                                Dash,        No,                 handler(push::http::app)),
        line(&delete, "/dash/apps/{app}",                                Operator,    No,                 handler(push::http::delete_app)),
        line(&post,   "/dash/apps",                                      Operator,    No,                 handler(push::http::create_app)),
        line(&post,   "/dash/apps/ephemeral",                            Open,        Limit::IamRegister, handler(push::http::create_ephemeral)),
        line(&post,   "/dash/apps/ephemeral/{app}/claim",                Operator,    No,                 handler(push::http::claim)),
        line(&get,    "/dash",                                           Operator,    No,                 handler(push::http::dash)),
        line(&get,    "/dash/me",                                        Operator,    No,                 handler(push::http::me)),
        line(&post,   "/dash/cli/auth/register",                         Open,        Limit::IamLogin,    handler(push::http::cli_register)),
        line(&post,   "/dash/cli/auth/claim",                            Operator,    No,                 handler(push::http::cli_claim)),
        line(&post,   "/dash/cli/auth/check",                            Open,        No,                 handler(push::http::cli_check)),
    ];
    lines
}

/// `GET /health/system`
async fn health(_call: DataCall) -> DataResult<HttpResponse> {
    Ok(envelope::json(r#"{"wal":"ok"}"#))
}
