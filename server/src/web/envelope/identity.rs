//! The identity API's answers (iam.md section 2): an envelope, and beside it the flat fields of the web framework that the
//! original runs on, where a failure has an HTTP status of its own ("union body").

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use bytes::Bytes;
use serde::Serialize;

use crate::rooms::identity::error::{IamError, IamResult, Manner};

#[derive(Serialize)]
struct Success<'a, T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    status: &'static str,
    error: Detail<'a>,
    #[serde(flatten)]
    flat: Option<Flat<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    message: &'a str,
    status_code: u16,
    status_message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'a> {
    status_code: u16,
    status_message: &'a str,
    message: &'a str,
}

/// The body of a success without data.
pub const PLAIN: Bytes = Bytes::from_static(br#"{"status":"success"}"#);

/// The body of a success.
///
/// # Errors
/// 500, which does not happen for our types.
pub fn success<T: Serialize>(data: &T) -> IamResult<Bytes> {
    let body = Success { status: "success", data: Some(data) };
    Ok(serde_json::to_vec(&body).map_err(IamError::internal)?.into())
}

/// A failed answer. `own_status`: the route tells failures with their HTTP status. The cause is logged here, once, and not sent.
pub fn failure(e: &IamError, own_status: bool, request_id: &str) -> HttpResponse {
    if let Some(cause) = &e.cause {
        tracing::error!(request.id = request_id, code = e.code, error = %cause, "request failed inside the server");
    }
    if e.manner == Manner::Bare {
        return HttpResponse::Ok().content_type("application/json").body(r#"{"status":"fail"}"#);
    }
    let union = own_status || e.manner == Manner::Thrown;
    // The reference removes control characters here: its password message holds a line break.
    let status_message: Cow<'_, str> = if e.message.chars().any(char::is_control) {
        e.message.chars().filter(|c| !c.is_control()).collect::<String>().into()
    } else {
        Cow::Borrowed(&e.message)
    };
    let (message, status_message, status_code) = (&*e.message, &*status_message, e.code);
    let body = Failure {
        status: "fail",
        error: Detail { message, status_code, status_message },
        flat: union.then_some(Flat { status_code, status_message, message }),
    };
    let status =
        if union { StatusCode::from_u16(e.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = e.retry_after_s {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    response.content_type("application/json").body(serde_json::to_vec(&body).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    fn text(response: HttpResponse) -> String {
        let bytes = response.into_body().try_into_bytes().expect("whole");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[test]
    fn the_shapes_are_those_of_the_reference() {
        let taken = IamError::new(409, "Email already exists");
        let body = r#"{"status":"fail","error":{"message":"Email already exists","statusCode":409,"statusMessage":"Email already exists"}}"#;
        let handled = failure(&taken, false, "r");
        assert_eq!((handled.status().as_u16(), text(handled).as_str()), (200, body));
        let union = failure(&IamError::forbidden(), true, "r");
        assert_eq!(union.status().as_u16(), 403);
        let body = r#"{"status":"fail","error":{"message":"Forbidden","statusCode":403,"statusMessage":"Forbidden"},"statusCode":403,"statusMessage":"Forbidden","message":"Forbidden"}"#;
        assert_eq!(text(union), body);
        let bare = failure(&IamError::bare(), false, "r");
        assert_eq!((bare.status().as_u16(), text(bare).as_str()), (200, r#"{"status":"fail"}"#));
        let broken = failure(&IamError::bad("two\nlines"), false, "r");
        assert!(text(broken).contains(r#""message":"two\nlines","statusCode":400,"statusMessage":"twolines""#));
        assert_eq!(success(&1).expect("serialises"), r#"{"status":"success","data":1}"#);
    }
}
