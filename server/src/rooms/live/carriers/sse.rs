//! Server-Sent Events: the answer that does not end, and what goes first.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;

use super::OutboxBody;
use crate::app::App;
use crate::rooms::live::sessions::Session;

/// A comment that keeps proxies from closing the connection.
pub const KEEPALIVE: Bytes = Bytes::from_static(b": keepalive\n\n");

/// The answer; `init` is the first event. Clients come back half a second after a lost connection.
#[must_use]
pub fn open(app: &Arc<App>, session: &Arc<Session>, init: &str) -> HttpResponse {
    let first = Bytes::from(format!("retry: 500\n\ndata: {init}\n\n"));
    let body = OutboxBody { app: Arc::clone(app), session: Arc::clone(session), first: Some(first) };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")))
        .insert_header(("x-accel-buffering", "no"))
        .body(body)
}

/// An answer that ends at once and asks the client to come back after a while.
#[must_use]
pub fn come_back() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .body("retry: 5000\n\n")
}
