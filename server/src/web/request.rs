//! A request as it comes from the connection, and its body. The server stands directly on actix-http (docs/adr/0016).

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use actix_http::{HttpMessage, Payload, RequestHead};
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, Uri};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

/// A request without its body.
pub struct Request(actix_http::Request);

/// The body of a request: a stream of its bytes as they come.
pub struct Body(Payload);

/// Why a body is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The sender broke off, or what came is no HTTP.
    Broken,
    /// It has more bytes than are taken.
    TooBig,
}

impl Request {
    /// Parts a request from its body.
    #[must_use]
    pub fn split(mut request: actix_http::Request) -> (Self, Body) {
        let body = Body(request.take_payload());
        (Self(request), body)
    }

    /// Method, target, version and headers.
    #[must_use]
    pub fn head(&self) -> &RequestHead {
        self.0.head()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.0.method()
    }

    /// The target.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.0.uri()
    }

    /// The path of the target, as it came.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// What stands behind `?` in the target; empty when there is nothing.
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.0.uri().query().unwrap_or_default()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Address and port of the other end of the connection.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer_addr()
    }

    /// HTTP/1.1 says so in one of two headers (RFC 9112 section 6).
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.headers().contains_key(header::CONTENT_LENGTH) || self.headers().contains_key(header::TRANSFER_ENCODING)
    }
}

impl Body {
    /// The whole body, of at most `most` bytes.
    ///
    /// # Errors
    /// It broke off, or is longer.
    pub async fn whole(mut self, most: usize) -> Result<Bytes, BodyError> {
        let Some(first) = self.chunk(most).await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk(most.saturating_sub(first.len())).await? else { return Ok(first) };
        let mut all = BytesMut::with_capacity((first.len() + second.len()) * 2);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk(most.saturating_sub(all.len())).await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    async fn chunk(&mut self, most: usize) -> Result<Option<Bytes>, BodyError> {
        match self.next().await {
            Some(Ok(bytes)) if bytes.len() > most => Err(BodyError::TooBig),
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(_broken)) => Err(BodyError::Broken),
            None => Ok(None),
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn body(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect();
        Body(Payload::Stream { payload: Box::pin(stream::iter(chunks)) })
    }

    #[actix_web::test]
    async fn bodies_are_taken_up_to_their_limit() {
        for (chunks, whole) in [
            (&[][..], Ok("")),
            (&["abcdef"], Ok("abcdef")),
            (&["abc", "def"], Ok("abcdef")),
            (&["a", "b", "c", "d", "ef"], Ok("abcdef")),
            (&["abcdefg"], Err(BodyError::TooBig)),
            (&["abc", "defg"], Err(BodyError::TooBig)),
            (&["a", "b", "c", "d", "efg"], Err(BodyError::TooBig)),
        ] {
            assert_eq!(body(chunks).whole(6).await, whole.map(|text: &str| Bytes::from(text.to_owned())), "{chunks:?}");
        }
        let broken = vec![Ok(Bytes::from_static(b"abc")), Err(PayloadError::Incomplete(None))];
        let broken = Body(Payload::Stream { payload: Box::pin(stream::iter(broken)) });
        assert_eq!(broken.whole(6).await, Err(BodyError::Broken));
    }
}
