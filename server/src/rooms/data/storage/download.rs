//! A file's bytes as an HTTP answer: ranges, and headers that keep a browser from running what users have uploaded.

use std::ops::Range;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use keystead_instaql::Error;

use super::store::FileRow;
use crate::blobs::Blobs;
use crate::rooms::data::error::{DataError, DataResult};
use crate::web::request::Request;

/// What a browser may show by itself: it cannot run scripts of the server's origin.
const SHOWN: [&str; 3] = ["text/plain", "application/pdf", "application/json"];

/// Answers with the bytes of a file.
pub(super) async fn answer(blobs: &Blobs, req: &Request, row: &FileRow) -> DataResult<HttpResponse> {
    let size = u64::try_from(row.size).unwrap_or_default();
    let etag = format!("\"{}\"", row.location);
    let text = |name: header::HeaderName| req.headers().get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag)) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    // A part of a file that has changed meanwhile is of no use.
    let wanted = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|known| known == etag));
    let range = match wanted.map_or(Wanted::All, |range| parse(range, size)) {
        Wanted::All => None,
        Wanted::Part(range) => Some(range),
        Wanted::Nothing => {
            let mut answer = HttpResponse::RangeNotSatisfiable();
            return Ok(answer.insert_header((header::CONTENT_RANGE, format!("bytes */{size}"))).finish());
        }
    };
    let blob = match &range {
        Some(range) => blobs.read_range(&row.object, range.clone()).await,
        None => blobs.read(&row.object).await,
    };
    let blob = blob.map_err(DataError::internal)?.ok_or_else(|| Error::not_found("file"))?;
    let mut answer = HttpResponse::build(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    if let Some(range) = &range {
        let last = range.end.saturating_sub(1);
        answer.insert_header((header::CONTENT_RANGE, format!("bytes {}-{last}/{size}", range.start)));
    }
    let kind = HeaderValue::from_str(&row.content_type);
    let kind = kind.unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    if !row.content_type.starts_with("application/pdf") {
        answer.insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"));
    }
    if let Some(disposition) = disposition(&row.content_type, row.content_disposition.as_deref()) {
        answer.insert_header((header::CONTENT_DISPOSITION, disposition));
    }
    answer
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=86400"))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::ETAG, etag));
    Ok(answer.body(SizedStream::new(blob.size, blob.content)))
}

#[derive(Debug, PartialEq)]
enum Wanted {
    All,
    Part(Range<u64>),
    Nothing,
}

/// RFC 9110 14.1.2. What is no range, or several, asks for all.
fn parse(text: &str, size: u64) -> Wanted {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, size.min(last.saturating_add(1))),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, size),
        (Err(_), Ok(length)) if first.trim().is_empty() => (size.saturating_sub(length), size),
        _ => return Wanted::All,
    };
    if start < end { Wanted::Part(start..end) } else { Wanted::Nothing }
}

/// How a browser is to treat it: as the uploader said, but what could run scripts is saved and not shown.
fn disposition(kind: &str, said: Option<&str>) -> Option<HeaderValue> {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let media = ["image/", "audio/", "video/"].iter().any(|start| kind.starts_with(start));
    let safe = SHOWN.contains(&kind.as_str()) || (media && !kind.contains("xml"));
    let said = said.filter(|said| HeaderValue::from_str(said).is_ok());
    let text = match said {
        Some(said) if safe || said.trim_start().to_ascii_lowercase().starts_with("attachment") => said.to_owned(),
        Some(said) => match said.split_once(';') {
            Some((_, rest)) => format!("attachment;{rest}"),
            None => "attachment".to_owned(),
        },
        None if safe => return None,
        None => "attachment".to_owned(),
    };
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part = |range| Wanted::Part(range);
        for (text, wanted) in [
            ("bytes=0-4", part(0..5)),
            ("bytes=2-", part(2..10)),
            ("bytes=-3", part(7..10)),
            ("bytes=-30", part(0..10)),
            ("bytes=5-500", part(5..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("lines=0-1", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=0-18446744073709551615", part(0..10)),
        ] {
            assert_eq!(parse(text, 10), wanted, "{text}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Nothing);
    }

    #[test]
    fn what_could_run_is_saved() {
        let text = |kind, said| disposition(kind, said).map(|value| value.to_str().unwrap_or_default().to_owned());
        assert_eq!(text("image/png", None), None);
        assert_eq!(text("image/svg+xml", None).as_deref(), Some("attachment"));
        assert_eq!(text("text/html; charset=utf-8", Some("inline")).as_deref(), Some("attachment"));
        assert_eq!(text("text/html", Some("inline; filename=a.html")).as_deref(), Some("attachment; filename=a.html"));
        assert_eq!(text("text/plain", Some("inline; filename=a")).as_deref(), Some("inline; filename=a"));
        assert_eq!(text("image/png", Some("attachment")).as_deref(), Some("attachment"));
    }
}
