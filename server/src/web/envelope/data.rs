//! The data API's answers: plain JSON, and errors with `type`, `message`, `hint` and `trace-id` (instant.md section 1.4).

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use keystead_instaql::Kind;
use serde_json::Value;

use crate::rooms::data::error::DataError;

/// A success with JSON that is text already.
#[must_use]
pub fn json(body: impl Into<bytes::Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body.into())
}

/// A success.
#[must_use]
pub fn value(body: &Value) -> HttpResponse {
    json(body.to_string())
}

/// The body of a failure. The cause is logged here, once, and not sent.
#[must_use]
pub fn failure_body(e: &DataError, request_id: &str) -> Value {
    if let Some(cause) = &e.cause {
        tracing::error!(request.id = request_id, kind = e.told.kind.name(), error = %cause, "request failed inside the server");
    }
    let mut body = e.told.to_json();
    if let Value::Object(map) = &mut body {
        map.insert("trace-id".into(), request_id.into());
    }
    body
}

/// A failed answer.
#[must_use]
pub fn failure(e: &DataError, request_id: &str) -> HttpResponse {
    let body = failure_body(e, request_id);
    let status = StatusCode::from_u16(e.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if e.told.kind == Kind::RateLimited
        && let Some(seconds) = e.told.hint.get("retry-after").and_then(Value::as_u64)
    {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    response.content_type("application/json").body(body.to_string())
}

#[cfg(test)]
mod tests {
    use keystead_instaql::Error;

    use super::*;

    #[test]
    fn failures_carry_the_request_id_and_no_cause() {
        let told = failure_body(&Error::not_found("app-user").into(), "r1");
        assert_eq!(told["trace-id"], "r1");
        let inside = failure_body(&DataError::internal("secret"), "r2");
        assert!(!inside.to_string().contains("secret") && inside["type"] == "unknown");
        assert_eq!(failure(&DataError::unauthorized("app"), "r").status().as_u16(), 401);
    }
}
