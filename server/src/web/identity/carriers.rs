//! Client platforms, and how tokens travel (iam.md sections 3 and 4.2): headers for `app`, cookies for browsers.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue, HttpDate};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::config::IdentityConfig;
use crate::rooms::identity::error::{IamError, IamResult};
use crate::rooms::identity::rules::authenticate::{Issued, Presented};
use crate::web::request::Request;

const ACCESS: &str = "iam-access-token";
const REFRESH: &str = "iam-refresh-token";
const SID: &str = "iam-sid";
/// Longest value that is looked at.
const MAX_VALUE: usize = 4_096;
const DAY_S: i64 = 86_400;
/// What stands in a cookie as it is; the space behind `Bearer` does not.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Header `client-platform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// Not a browser: tokens in headers.
    App,
    /// A browser: secure cookies.
    Browser,
    /// A browser in development: cookies without TLS.
    BrowserDev,
}

impl Platform {
    /// The platform of a request; `browser`, the strictest, when it names none.
    pub(super) fn of(req: &Request) -> IamResult<Self> {
        match req.headers().get("client-platform").map(HeaderValue::as_bytes) {
            None | Some(b"browser") => Ok(Self::Browser),
            Some(b"app") => Ok(Self::App),
            Some(b"browser-dev") => Ok(Self::BrowserDev),
            Some(_) => {
                Err(IamError::bad("Required header 'client-platform' must be 'app', 'browser', or 'browser-dev' only"))
            }
        }
    }
}

/// What a request presents: a browser in cookies only, other clients in headers only. `iam-sid` comes in either.
pub(super) fn presented(req: &Request, platform: Platform) -> Presented {
    let header = |name: &str| req.headers().get(name).and_then(|v| v.to_str().ok()).filter(fits).map(str::to_owned);
    let sid = cookie(req, SID).or_else(|| header(SID));
    match platform {
        Platform::App => Presented { access: header(ACCESS), refresh: header(REFRESH), sid },
        Platform::Browser | Platform::BrowserDev => {
            Presented { access: cookie(req, ACCESS), refresh: cookie(req, REFRESH), sid }
        }
    }
}

/// Hands tokens to the client.
pub(super) fn attach(
    response: &mut HttpResponse,
    platform: Platform,
    issued: &Issued,
    now_ms: i64,
    config: &IdentityConfig,
) {
    let (access, refresh) = (format!("Bearer {}", issued.access), format!("Bearer {}", issued.refresh));
    let after = |seconds: i64| {
        let at = u64::try_from(now_ms / 1_000 + seconds).unwrap_or(0);
        format!("; Expires={}", HttpDate::from(UNIX_EPOCH + Duration::from_secs(at)))
    };
    match platform {
        Platform::App => {
            for (name, value) in [(ACCESS, &access), (REFRESH, &refresh), (SID, &issued.sid)] {
                if let Ok(value) = HeaderValue::from_str(value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
        }
        Platform::Browser => {
            set_cookie(response, ACCESS, &access, "; HttpOnly; Secure; SameSite=Lax");
            let expires = after(config.refresh_token_days * DAY_S);
            set_cookie(response, REFRESH, &refresh, &format!("{expires}; HttpOnly; Secure; SameSite=Lax"));
            set_cookie(response, SID, &issued.sid, "; HttpOnly; Secure; SameSite=Lax");
        }
        Platform::BrowserDev => {
            let expires = after(DAY_S);
            set_cookie(response, ACCESS, &access, &format!("{expires}; HttpOnly; SameSite=Lax"));
            set_cookie(response, REFRESH, &refresh, &format!("{expires}; HttpOnly; SameSite=Lax"));
            set_cookie(response, SID, &issued.sid, "; HttpOnly; SameSite=Lax");
        }
    }
}

/// Takes the three cookies away.
pub(super) fn clear(response: &mut HttpResponse) {
    for name in [ACCESS, REFRESH, SID] {
        append(response, &format!("{name}=; Max-Age=0; Path=/"));
    }
}

fn set_cookie(response: &mut HttpResponse, name: &str, value: &str, attributes: &str) {
    append(response, &format!("{name}={}; Path=/{attributes}", utf8_percent_encode(value, ESCAPED)));
}

fn append(response: &mut HttpResponse, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The first cookie of a name, decoded.
fn cookie(req: &Request, name: &str) -> Option<String> {
    let headers = req.headers().get_all(header::COOKIE).filter_map(|v| v.to_str().ok());
    let mut pairs = headers.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_name, value) = pairs.find(|(found, value)| *found == name && fits(value))?;
    let decoded = percent_decode_str(value.trim_matches('"')).decode_utf8().ok()?;
    (!decoded.is_empty()).then(|| decoded.into_owned())
}

fn fits(value: &&str) -> bool {
    (1..=MAX_VALUE).contains(&value.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::test::TestRequest;

    #[test]
    fn cookies_are_found_and_decoded() {
        let mut made = TestRequest::default();
        made.append_header(("cookie", "a=b; iam-access-token=Bearer%20x.y; iam-sid=s"))
            .append_header(("cookie", "iam-refresh-token=Bearer z"))
            .append_header((ACCESS, "Bearer header"));
        let (req, _body) = Request::split(made.finish());
        let browser = presented(&req, Platform::Browser);
        assert_eq!(browser.access.as_deref(), Some("Bearer x.y"));
        assert_eq!(browser.refresh.as_deref(), Some("Bearer z"));
        assert_eq!(browser.sid.as_deref(), Some("s"));
        let app = presented(&req, Platform::App);
        assert_eq!((app.access.as_deref(), app.refresh, app.sid.as_deref()), (Some("Bearer header"), None, Some("s")));
    }

    #[test]
    fn cookies_are_set_as_the_reference_does_and_stricter() {
        let issued = Issued { access: "a.b.c".into(), refresh: "d.e.f".into(), sid: "s-1".into() };
        let lines = |platform| {
            let mut response = HttpResponse::Ok().finish();
            attach(&mut response, platform, &issued, 1_795_223_345_854, &IdentityConfig::default());
            let cookies = response.headers().get_all(header::SET_COOKIE);
            cookies.map(|v| v.to_str().expect("text").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(Platform::Browser),
            [
                "iam-access-token=Bearer%20a.b.c; Path=/; HttpOnly; Secure; SameSite=Lax",
                "iam-refresh-token=Bearer%20d.e.f; Path=/; Expires=Sat, 05 Dec 2026 01:09:05 GMT; HttpOnly; Secure; SameSite=Lax",
                "iam-sid=s-1; Path=/; HttpOnly; Secure; SameSite=Lax",
            ]
        );
        assert_eq!(
            lines(Platform::BrowserDev),
            [
                "iam-access-token=Bearer%20a.b.c; Path=/; Expires=Sun, 22 Nov 2026 01:09:05 GMT; HttpOnly; SameSite=Lax",
                "iam-refresh-token=Bearer%20d.e.f; Path=/; Expires=Sun, 22 Nov 2026 01:09:05 GMT; HttpOnly; SameSite=Lax",
                "iam-sid=s-1; Path=/; HttpOnly; SameSite=Lax",
            ]
        );
        assert!(lines(Platform::App).is_empty());
    }
}
