//! Messages as they go over the wire, made once and shared by all who get them.

use std::sync::OnceLock;

use actix_http::ws::{OpCode, Parser};
use bytes::{BufMut, Bytes, BytesMut};

/// How a connection carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Text frames of a WebSocket.
    WebSocket,
    /// Events of a stream of Server-Sent Events.
    Sse,
}

impl Carrier {
    /// A message (one JSON text) as bytes of this carrier.
    #[must_use]
    pub fn frame(self, message: &str) -> Bytes {
        match self {
            Self::WebSocket => ws_frame(OpCode::Text, message.as_bytes()),
            Self::Sse => sse_event(message),
        }
    }
}

/// A server's WebSocket frame: whole, not masked.
#[must_use]
pub fn ws_frame(op: OpCode, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    Parser::write_message(&mut out, payload, op, true, false);
    out.freeze()
}

/// An unnamed event. JSON text has no line breaks of its own.
fn sse_event(message: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() + 8);
    out.put_slice(b"data: ");
    out.put_slice(message.as_bytes());
    out.put_slice(b"\n\n");
    out.freeze()
}

/// A message for many: each carrier's bytes are made when the first connection wants them.
#[derive(Debug, Default)]
pub struct Shared {
    text: String,
    ws: OnceLock<Bytes>,
    sse: OnceLock<Bytes>,
}

impl Shared {
    /// Of a JSON text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// The bytes for a carrier.
    #[must_use]
    pub fn bytes(&self, carrier: Carrier) -> Bytes {
        let made = match carrier {
            Carrier::WebSocket => &self.ws,
            Carrier::Sse => &self.sse,
        };
        made.get_or_init(|| carrier.frame(&self.text)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_and_shared() {
        assert_eq!(&Carrier::Sse.frame("{}")[..], b"data: {}\n\n");
        assert_eq!(&Carrier::WebSocket.frame("{}")[..], b"\x81\x02{}");
        let shared = Shared::new("x".repeat(70_000));
        let (a, b) = (shared.bytes(Carrier::WebSocket), shared.bytes(Carrier::WebSocket));
        assert_eq!((a.as_ptr(), a.len()), (b.as_ptr(), 70_010));
    }
}
