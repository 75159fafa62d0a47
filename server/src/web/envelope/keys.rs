//! The key API's envelope (sentc.md section 1).

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use keystead_protocol::{Envelope, ErrorCode, Failure};
use serde::Serialize;

use crate::error::KeyError;

/// A single long answer must not make all others reserve as much.
const MAX_EXPECTED: usize = 32 << 10;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A successful answer. `size` is about the bytes that such an answer takes; it grows with those that take more.
///
/// # Errors
/// `JsonSerialize`, which does not happen for our types.
pub fn success<T: Serialize>(result: &T, size: &AtomicUsize) -> Result<HttpResponse, KeyError> {
    let expected = size.load(Ordering::Relaxed);
    let mut body = Vec::with_capacity(expected);
    serde_json::to_writer(&mut body, &Envelope::new(result))
        .map_err(|e| KeyError::caused(ErrorCode::JsonSerialize, e))?;
    if body.len() > expected {
        size.store(body.len().min(MAX_EXPECTED), Ordering::Relaxed);
    }
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// A failed answer. The cause is logged here, once, and not sent.
pub fn failure(e: &KeyError, request_id: &str) -> HttpResponse {
    if let Some(cause) = &e.cause {
        let code = e.code.code();
        if e.code.http_status() >= 500 {
            tracing::error!(request.id = request_id, code, error = %cause, "request failed inside the server");
        } else {
            tracing::debug!(request.id = request_id, code, error = %cause, "request refused");
        }
    }
    // A failure inside the server has nothing to tell a client.
    let message = e.message.clone().unwrap_or_else(|| e.code.text().to_owned());
    let failure = Failure { status: false, err_msg: message, err_code: e.code.code() };
    let status = StatusCode::from_u16(e.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = e.retry_after_s {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    response.insert_header((header::CONTENT_TYPE, JSON)).body(serde_json::to_vec(&failure).unwrap_or_default())
}
