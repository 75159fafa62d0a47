//! The lines of the data API (instant.md), with guards and answers of its own.

use std::sync::atomic::AtomicUsize;

use actix_web::HttpResponse;
use actix_web::http::Method;

use super::{ANSWER_SIZE, Route, RouteHandler};
use crate::rooms::data::error::DataResult;
use crate::rooms::data::{query, transact};
use crate::web::data::{DataCall, DataGuard, handler};
use crate::web::envelope::data as envelope;
use crate::web::guard::Guard;
use crate::web::limits::Limit;

pub(super) fn lines() -> Vec<Route> {
    use DataGuard::{Admin, AdminOrUser, Open, User};
    use Limit::None as No;
    let (get, post) = (Method::GET, Method::POST);
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
        line(&get,  "/health/system",               Open,        No, handler(health)),

        // Records.
        line(&post, "/admin/query",                 AdminOrUser, No, handler(query::http::query)),
        line(&post, "/admin/query_perms_check",     AdminOrUser, No, handler(query::http::perms_check)),
        line(&post, "/admin/transact",              AdminOrUser, No, handler(transact::http::transact)),
        line(&post, "/admin/transact_perms_check",  AdminOrUser, No, handler(transact::http::perms_check)),
        line(&post, "/runtime/framework/query",     User,        No, handler(query::http::framework)),
        line(&get,  "/admin/schema",                Admin,       No, handler(query::http::schema)),
        line(&get,  "/admin/soft_deleted_attrs",    Admin,       No, handler(query::http::soft_deleted_attrs)),
    ];
    lines
}

/// `GET /health/system`
async fn health(_call: DataCall) -> DataResult<HttpResponse> {
    Ok(envelope::json(r#"{"wal":"ok"}"#))
}
