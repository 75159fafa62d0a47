//! The key API's envelope (sentc.md section 1).

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use keystead_protocol::{Envelope, ErrorCode, Failure};
use serde::Serialize;

use crate::error::KeyError;

/// A successful answer.
///
/// # Errors
/// `JsonSerialize`, which does not happen for our types.
pub fn success<T: Serialize>(result: &T) -> Result<HttpResponse, KeyError> {
    let body = serde_json::to_vec(&Envelope::new(result)).map_err(|e| KeyError::caused(ErrorCode::JsonSerialize, e))?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
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
    response.content_type("application/json").body(serde_json::to_vec(&failure).unwrap_or_default())
}
